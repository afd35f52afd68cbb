//! Work done by several threads and taken in one by one, in order.

use crate::error::Result;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Calls `take` with `work(item)` of each item, in the order of `items`, while up to `workers` threads work ahead.
///
/// The threads are not rayon's: there, a thread that waits for a parallel part of one item would start another item in
/// the midst of it.
///
/// # Errors
/// The first error of `take`; the threads then end with what they have in hand.
pub(super) fn in_order<T: Sync, R: Send>(
    items: &[T],
    workers: usize,
    work: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<()>,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..workers.min(items.len()) {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    // The receiver is gone after an error of `take`.
                    if sender.send((index, work(item))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (index, result) in receiver {
            early.insert(index, result);
            while let Some(result) = early.remove(&due) {
                take(result)?;
                due += 1;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use std::time::Duration;

    #[test]
    fn results_come_in_order_though_early_items_take_longest() {
        let items: Vec<u64> = (0..12).collect();
        for workers in [1, 3, 50] {
            let mut taken = Vec::new();
            let work = |&item: &u64| {
                thread::sleep(Duration::from_micros(500 * (11 - item)));
                item
            };
            in_order(&items, workers, work, |item| {
                taken.push(item);
                Ok(())
            })
            .unwrap();
            assert_eq!(taken, items);
        }
    }

    #[test]
    fn an_error_stops_the_threads() {
        let items = [0; 1000];
        let worked = AtomicUsize::new(0);
        let work = |_: &i32| {
            thread::sleep(Duration::from_micros(200));
            worked.fetch_add(1, Ordering::Relaxed)
        };
        let result = in_order(&items, 2, work, |_| Err(Error::failure("disk full")));
        assert_eq!(result, Err(Error::failure("disk full")));
        assert!(worked.into_inner() < items.len());
    }
}
