//! How far the search had come by the end of each generation.

use super::facts::Facts;
use super::plot::{Axis, Plot};
use crate::search::{Course, Trial};
use maud::{Markup, html};

/// A figure by generation.
type Curve = Vec<(f64, f64)>;

/// The best loss by generation, and with several objectives the front's hypervolume.
pub(super) fn generations(facts: &Facts) -> Markup {
    let (best, volumes) = by_generation(&facts.trials, facts);
    html! {
        (curve("Best loss by generation", "best loss, bits a token", &best))
        @if volumes.len() > 1 { (curve("Hypervolume by generation", "hypervolume of the front", &volumes)) }
    }
}

/// A curve over the generations.
fn curve(name: &str, beside: &str, points: &[(f64, f64)]) -> Markup {
    let plot = Plot {
        x: Axis::of_counts(points.iter().map(|point| point.0)),
        y: Axis::of(points.iter().map(|point| point.1)),
    };
    let inside = html! { path.curve d=(plot.line(points)) style="stroke:var(--fill)" {} };
    plot.picture(name, ["generation", beside], &inside)
}

/// What was reached by the end of each generation: the best loss, and the hypervolume as a search tells it.
fn by_generation(trials: &[Trial], facts: &Facts) -> (Curve, Curve) {
    let mut course = Course::new(&facts.config.search.objectives);
    let (mut losses, mut volumes) = (Curve::new(), Curve::new());
    let (mut best, mut passed) = (f64::INFINITY, 0);
    let mut trials = trials.iter().peekable();
    while let Some(trial) = trials.next() {
        // Counted here: a number that a file gives may be any.
        course.tell_in(passed, trial);
        best = trial.complete_loss().map_or(best, |loss| loss.min(best));
        if trials.peek().is_none_or(|next| next.generation != trial.generation) && best.is_finite() {
            passed += 1;
            let generation = trial.generation as f64;
            losses.push((generation, best));
            volumes.extend(course.front().map(|(_, volume)| (generation, volume)));
        }
    }
    (losses, volumes)
}
