//! Progress bars on standard error, for everything that takes longer than two seconds.
//!
//! There are none when standard error is no terminal, or after [`disable`]. Whatever else writes to standard error or to
//! the terminal while a bar may be there does so within [`suspend`]; log lines do.

use console::Term;
use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::borrow::Cow;
use std::fmt::Write;
use std::sync::LazyLock;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What ends sooner gets no bar.
const DELAY: Duration = Duration::from_secs(2);
/// Time between two drawings when nothing else happens: the time left goes on.
const TICK: Duration = Duration::from_millis(500);

/// Drawings a second at most: all of a picture is drawn anew, over a slow line perhaps.
const DRAWINGS: u8 = 5;
/// Time between two pictures at least.
const REDRAW: Duration = Duration::from_millis(250);
/// Lines of a picture at most, and as a fraction of the terminal's: messages and bars stay in view.
const PICTURE: usize = 14;
const PICTURE_SHARE: usize = 2;

/// All bars there are; they know of each other, so that none is drawn over another.
static BARS: LazyLock<MultiProgress> =
    LazyLock::new(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWINGS)));

/// Turns all bars off: `--quiet`.
pub fn disable() {
    BARS.set_draw_target(ProgressDrawTarget::hidden());
}

/// Takes the bars away while `write` writes to the terminal.
pub fn suspend<T>(write: impl FnOnce() -> T) -> T {
    BARS.suspend(write)
}

/// A progress bar; it disappears when it is dropped.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    /// Shows the bar when its time has come; none where there are no bars.
    reveal: Option<Reveal>,
}

/// A thread that waits to show a bar.
#[derive(Debug)]
struct Reveal {
    /// The thread stops waiting when this is dropped.
    finished: Sender<()>,
    thread: JoinHandle<()>,
}

/// Lines of text above the bars; they come up as late as bars do, and disappear when this is dropped.
#[derive(Debug)]
pub struct Picture {
    bars: MultiProgress,
    bar: ProgressBar,
    /// When it may be drawn next.
    due: Instant,
    is_shown: bool,
}

impl Picture {
    /// One that shows nothing yet.
    pub fn hidden() -> Self {
        Self::on(&BARS, DELAY)
    }

    /// Shows what `lines` makes for so many columns and lines at most, unless it is not due yet: then, and where there are no
    /// bars, nothing is made.
    pub fn show(&mut self, lines: impl FnOnce(usize, usize) -> Vec<String>) {
        if self.bars.is_hidden() || Instant::now() < self.due {
            return;
        }
        let (height, width) = Term::stderr().size();
        let most = (usize::from(height) / PICTURE_SHARE).min(PICTURE);
        let lines = lines(usize::from(width).saturating_sub(1), most);
        self.due = Instant::now() + REDRAW;
        if lines.is_empty() {
            return;
        }
        self.bar.set_message(lines.join("\n"));
        if !self.is_shown {
            self.is_shown = true;
            self.bar = self.bars.insert(0, self.bar.clone());
        }
        self.bar.tick();
    }

    fn on(bars: &MultiProgress, delay: Duration) -> Self {
        let style = ProgressStyle::with_template("{msg}").expect("the template is valid");
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_style(style);
        Self { bars: bars.clone(), bar, due: Instant::now() + delay, is_shown: false }
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.bars.remove(&self.bar);
    }
}

impl Progress {
    /// A bar over `total` things that are called `unit` (`sentences`), with `message` in front of it.
    pub fn bar(total: u64, unit: &str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::on(&BARS, DELAY, total, unit, message.into())
    }

    /// Begins at `position`, which an earlier process got to: rate and time left are of this process alone.
    pub fn resumed_at(self, position: u64) -> Self {
        self.bar.set_position(position);
        self.bar.reset_eta();
        self
    }

    /// Goes on by `count`.
    pub fn inc(&self, count: u64) {
        self.bar.inc(count);
    }

    /// Goes on to `position`.
    pub fn set_position(&self, position: u64) {
        self.bar.set_position(position);
    }

    /// There are now `total` things.
    pub fn set_length(&self, total: u64) {
        self.bar.set_length(total);
    }

    /// Replaces the text in front of the bar.
    pub fn set_message(&self, message: impl Into<Cow<'static, str>>) {
        self.bar.set_message(message);
    }

    /// Takes the bar away.
    pub fn finish(self) {}

    fn on(bars: &MultiProgress, delay: Duration, total: u64, unit: &str, message: Cow<'static, str>) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden())
            .with_style(style(unit))
            .with_message(message);
        let reveal = (!bars.is_hidden()).then(|| Reveal::after(delay, bars.clone(), bar.clone()));
        Self { bar, reveal }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(Reveal { finished, thread }) = self.reveal.take() {
            drop(finished);
            // Only after this can the bar no longer come up. A panic over there is of no interest here.
            let _ = thread.join();
        }
        self.bar.finish_and_clear();
    }
}

impl Reveal {
    fn after(delay: Duration, bars: MultiProgress, bar: ProgressBar) -> Self {
        let (finished, waiting) = mpsc::channel();
        let thread = thread::spawn(move || {
            if waiting.recv_timeout(delay) == Err(RecvTimeoutError::Timeout) {
                bars.add(bar).enable_steady_tick(TICK);
            }
        });
        Self { finished, thread }
    }
}

fn style(unit: &str) -> ProgressStyle {
    let unit = unit.to_string();
    let pace = move |state: &ProgressState, out: &mut dyn Write| {
        let rate = state.per_sec();
        // Until something has moved there is nothing to tell. A bar cannot report that it was not drawn.
        if rate > 0.0 {
            let left = HumanDuration(state.eta());
            let _ = write!(out, "· {} {unit}/s · {left:#} left", short(rate));
        }
    };
    ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {pace}")
        .expect("the template is valid")
        .with_key("pace", pace)
}

/// A rate with about three digits.
fn short(rate: f64) -> String {
    match rate {
        0.0..10.0 => format!("{rate:.2}"),
        10.0..100.0 => format!("{rate:.1}"),
        _ => format!("{rate:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::TermLike;
    use std::io;
    use std::sync::{Arc, Mutex};

    /// Records what would be written to a terminal.
    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl Screen {
        fn bars(&self) -> MultiProgress {
            MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(self.clone())))
        }

        fn text(&self) -> String {
            self.0.lock().unwrap().clone()
        }

        /// Waits until this was drawn.
        fn wait_for(&self, part: &str) -> String {
            let start = Instant::now();
            while !self.text().contains(part) {
                assert!(start.elapsed() < Duration::from_secs(20), "{}", self.text());
                thread::sleep(Duration::from_millis(5));
            }
            self.text()
        }

        fn add(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            120
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.add(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.add(text)
        }
        fn clear_line(&self) -> io::Result<()> {
            self.add("<clear>")
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_ends_soon_draws_nothing() {
        let screen = Screen::default();
        let start = Instant::now();
        let progress = Progress::on(&screen.bars(), DELAY, 10, "updates", "Training".into());
        progress.inc(10);
        progress.finish();
        assert!(start.elapsed() < DELAY, "finishing does not wait");
        assert_eq!(screen.text(), "");
    }

    #[test]
    fn what_takes_long_is_shown_though_nothing_moves_and_goes_when_done() {
        let screen = Screen::default();
        let bars = screen.bars();
        let progress = Progress::on(&bars, Duration::ZERO, 2000, "updates", "Training".into()).resumed_at(1500);
        let drawn = screen.wait_for(" 1,500/2,000 ");
        assert!(drawn.contains("Training "), "{drawn}");
        progress.set_message("Validating");
        progress.inc(250);
        progress.set_length(2100);
        progress.set_position(1900);
        screen.wait_for(" 1,900/2,100 · ");
        screen.wait_for(" updates/s · ");
        bars.suspend(|| screen.add("<log line>")).unwrap();
        progress.finish();
        let drawn = screen.text();
        let (before, after) = drawn.split_once("<log line>").unwrap();
        assert!(before.ends_with("<clear>"), "{drawn}");
        assert!(after.contains("Validating ") && after.contains(" 1,900/2,100 "), "{drawn}");
        assert!(after.ends_with("<clear>"), "{drawn}");
    }

    #[test]
    fn there_is_no_bar_and_no_thread_where_there_is_no_terminal() {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let progress = Progress::on(&bars, Duration::ZERO, 10, "updates", "Training".into());
        assert!(progress.reveal.is_none());
        progress.inc(3);
        assert_eq!(progress.bar.position(), 3);
    }

    #[test]
    fn a_picture_stands_above_the_bars_and_goes_when_done() {
        let screen = Screen::default();
        let bars = screen.bars();
        let mut early = Picture::on(&bars, DELAY);
        early.show(|_, _| panic!("it is not due"));
        let progress = Progress::on(&bars, Duration::ZERO, 20, "candidates", "searching".into());
        screen.wait_for(" 0/20 ");
        let mut picture = Picture::on(&bars, Duration::ZERO);
        picture.show(|width, height| vec![format!("{width} columns"), format!("{height} lines")]);
        let drawn = screen.text();
        let (_, last) = drawn.rsplit_once("columns").unwrap();
        assert!(last.contains("12 lines") && last.contains("searching "), "{drawn}");
        picture.show(|_, _| panic!("nobody could see this"));
        drop(picture);
        drop(progress);
        assert!(screen.text().ends_with("<clear>"));
    }

    #[test]
    fn there_is_no_picture_where_there_is_no_terminal() {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        Picture::on(&bars, Duration::ZERO).show(|_, _| panic!("nobody sees this"));
    }

    #[test]
    fn rates_are_short() {
        assert_eq!([0.0, 0.123, 12.34, 1234.5].map(short), ["0.00", "0.12", "12.3", "1234"]);
    }
}
