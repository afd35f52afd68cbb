//! How a search and its winner are told to the user, and to TensorBoard.

use crate::catalog::{self, LATENCY_MS, LOSS};
use crate::config::{LatencySource, SearchConfig};
use crate::cost::Limit;
use crate::error::Result;
use crate::live::SearchSoFar;
use crate::progress::{Picture, Progress};
use crate::report::digits;
use crate::run::EventFile;
use crate::search::{self, Budget, Constraints, Course, Trial};
use std::path::Path;

/// Shows how a search goes: its front as it grows, a bar, and a line for each generation that is over.
pub(super) struct Shown<'a> {
    /// Gone before the bar is, which stands below it.
    picture: Picture,
    bar: Progress,
    events: Option<Events>,
    constraints: &'a Constraints,
    so_far: SearchSoFar,
    /// The generation of the last trial, and its line as of then: pruned trials are replaced, so that only the next
    /// generation tells that this one is over.
    current: Option<(u64, String)>,
}

impl<'a> Shown<'a> {
    /// That of a search by `settings`, of which `known` candidates were searched before.
    pub fn new(settings: &SearchConfig, known: u64, constraints: &'a Constraints) -> Self {
        let bar = Progress::bar(Budget::new(settings).total(), "candidates", "searching").resumed_at(known);
        let so_far = SearchSoFar::new(settings);
        Self { picture: Picture::hidden(), bar, events: None, constraints, so_far, current: None }
    }

    /// With figures for TensorBoard in the event file of `folder`, where the `known` trials have theirs.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn with_events(mut self, folder: &Path, known: u64) -> Result<Self> {
        // The last one's are written again: the search may have been stopped between them and those of its generation.
        let file = EventFile::open(folder, known.saturating_sub(1))?;
        self.events = Some(Events { file, known, generation: 0, done: 0 });
        Ok(self)
    }

    /// Shows a trial.
    ///
    /// # Errors
    /// What is for TensorBoard cannot be written.
    pub fn trial(&mut self, progress: search::SearchProgress) -> Result<()> {
        if self.current.as_ref().is_some_and(|(current, _)| *current != progress.trial.generation) {
            self.tell();
        }
        if let Some(events) = &mut self.events {
            events.trial(progress, self.so_far.course())?;
        }
        self.so_far.tell(progress.trial);
        // The bar begins after the trials of an earlier process.
        if !progress.resumed {
            self.bar.set_length(progress.total);
            self.bar.set_position(progress.done);
            self.picture.show(|width, height| self.so_far.lines(width, height));
        }
        let Some(best) = progress.best else { return Ok(()) };
        let loss = best.loss.unwrap_or(f64::NAN);
        let figures = match self.constraints.tightest(best) {
            Some((limit, figure)) => format!("{} of {} {}", digits(figure, 4), limit.most, noun(&limit)),
            None => format!("{} GFLOPs", digits(best.gflops, 4)),
        };
        let (generation, done) = (progress.trial.generation, progress.done);
        self.bar.set_message(format!("searching: generation {generation}, best loss {loss:.4} at {figures}"));
        if progress.resumed {
            return Ok(());
        }
        let line = format!("searching: generation {generation}, {done} candidates: best loss {loss:.4} at {figures}");
        self.current = Some((generation, line));
        Ok(())
    }

    /// Shows the last generation, which nothing follows, and takes the bar away.
    ///
    /// # Errors
    /// What is for TensorBoard cannot be written.
    pub fn finish(mut self) -> Result<()> {
        self.tell();
        drop(self.picture);
        self.bar.finish();
        self.events.map_or(Ok(()), |mut events| events.end_generation(self.so_far.course()))
    }

    fn tell(&mut self) {
        if let Some((_, line)) = self.current.take() {
            let front = self.so_far.course().front();
            let front = front
                .map_or_else(String::new, |(count, volume)| format!(", front of {count}, hypervolume {volume:.4}"));
            tracing::info!("{line}{front}");
        }
    }
}

/// The figures of a search for TensorBoard; a step is a trial.
struct Events {
    file: EventFile,
    /// The first trial whose figures are to be written.
    known: u64,
    generation: u64,
    done: u64,
}

impl Events {
    /// Writes those of a trial, before which the `course` is as it stands.
    fn trial(&mut self, progress: search::SearchProgress, course: &Course) -> Result<()> {
        if progress.trial.generation != self.generation {
            self.end_generation(course)?;
        }
        (self.generation, self.done) = (progress.trial.generation, progress.done);
        let best = progress.best.and_then(|best| best.loss).filter(|_| self.done >= self.known);
        let best: Vec<_> = best.map(|loss| ("search/best".to_owned(), loss)).into_iter().collect();
        self.file.append_scalars(self.done, &best)
    }

    /// Writes those of a generation that is over.
    fn end_generation(&mut self, course: &Course) -> Result<()> {
        match course.front() {
            Some((_, volume)) if self.done >= self.known => {
                self.file.append_scalars(self.done, &[("search/hypervolume".to_owned(), volume)])
            }
            _ => Ok(()),
        }
    }
}

/// The figures of the winner in one line; `at_length` is what it takes at most when measured again.
pub(super) fn summary(
    winner: &Trial,
    constraints: &Constraints,
    SearchConfig { latency: source, objectives, .. }: &SearchConfig,
    at_length: Option<f64>,
) -> String {
    let mut line = format!("trial {}, loss {:.4}", winner.id, winner.loss.unwrap_or(f64::NAN));
    if constraints.limits().all(|limit| limit.name != "gflops") {
        line += &format!(", {} GFLOPs", digits(winner.gflops, 4));
    }
    for limit in constraints.limits() {
        let Limit { name, most, .. } = limit;
        let logged = winner.figure(name).unwrap_or(f64::NAN);
        let (bound, figure, manner) = match (name, source, at_length) {
            (LATENCY_MS, LatencySource::Predictor, _) => ("", logged, " predicted"),
            (LATENCY_MS, LatencySource::Measured, Some(again)) => ("up to ", again, " measured"),
            _ => ("", logged, ""),
        };
        let noun = noun(&limit);
        line += &format!(", {bound}{} {noun}{manner} (limit {most})", digits(figure, 4));
    }
    let is_told = |name: &str| matches!(name, LOSS | "gflops") || constraints.limits().any(|limit| limit.name == name);
    for name in objectives.iter().map(|name| name.as_str()).filter(|name| !is_told(name)) {
        let noun = catalog::cost(name).map_or(name, |row| row.noun);
        line += &format!(", {} {noun}", digits(winner.figure(name).unwrap_or(f64::NAN), 4));
    }
    line
}

/// What is counted by a limit, as in "2.5 M parameters".
fn noun<'a>(limit: &Limit<'a>) -> &'a str {
    catalog::cost(limit.name).map_or(limit.unit, |row| row.noun)
}
