//! Input that is read ahead by a thread of its own, so that what has come can be answered while more may follow.

use crate::error::{Error, Result};
use std::cell::Cell;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Input that brings nothing for so long pauses: far longer than it takes to read a line of a file.
const PAUSE: Duration = Duration::from_millis(10);
/// The first of a batch's lines waits no longer for others, however steadily they come.
const PATIENCE: Duration = Duration::from_millis(100);
/// Lines that the thread is ahead.
const AHEAD: usize = 64;

/// Lines on their way.
pub(super) struct ReadAhead {
    lines: Receiver<Result<String>>,
    /// Of the line after those that were given last.
    fault: Cell<Option<Error>>,
}

impl ReadAhead {
    /// Reads what `next` gives, until it gives none or fails.
    pub(super) fn new(mut next: impl FnMut() -> Result<Option<String>> + Send + 'static) -> Self {
        let (sender, lines) = sync_channel(AHEAD);
        thread::spawn(move || {
            while let Some(line) = next().transpose() {
                let failed = line.is_err();
                // Nobody may want any more.
                if sender.send(line).is_err() || failed {
                    return;
                }
            }
        });
        Self { lines, fault: Cell::default() }
    }

    /// The next lines, at most `most` and at least one; none at the end of input. Waits for the first, and takes those that
    /// follow until input pauses.
    ///
    /// # Errors
    /// That of reading the first of them; the lines before one that cannot be read are given first.
    pub(super) fn batch(&self, most: usize) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        self.fault.take().map_or(Ok(()), Err)?;
        let Ok(first) = self.lines.recv() else {
            return Ok(lines);
        };
        lines.push(first?);
        let begun = Instant::now();
        while lines.len() < most && begun.elapsed() < PATIENCE {
            match self.lines.recv_timeout(PAUSE) {
                Ok(Ok(line)) => lines.push(line),
                Ok(Err(fault)) => {
                    self.fault.set(Some(fault));
                    break;
                }
                // A pause, or the end.
                Err(_) => break,
            }
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use std::sync::mpsc::channel;

    fn reading(mut lines: impl Iterator<Item = Result<String>> + Send + 'static) -> ReadAhead {
        ReadAhead::new(move || lines.next().transpose())
    }

    #[test]
    fn what_is_there_comes_in_batches_and_each_line_once() {
        let input = reading((0..1000).map(|number| Ok(number.to_string())));
        let mut lines = Vec::new();
        loop {
            let batch = input.batch(300).unwrap();
            assert!(batch.len() <= 300);
            match batch.is_empty() {
                true => break,
                false => lines.extend(batch),
            }
        }
        assert!(lines.into_iter().eq((0..1000).map(|number| number.to_string())));
    }

    #[test]
    fn a_pause_ends_a_batch_and_a_fault_the_input() {
        let (sender, receiver) = channel();
        let input = reading(receiver.into_iter());
        sender.send(Ok("a".to_owned())).unwrap();
        assert_eq!(input.batch(9), Ok(vec!["a".to_owned()]));
        sender.send(Err(Error::input("no text"))).unwrap();
        assert_eq!(input.batch(9), Err(Error::input("no text")));
        // Though somebody could still send.
        assert_eq!(input.batch(9), Ok(vec![]));
        drop(sender);
    }
}
