//! Training and validation by update.

use super::facts::{Facts, Training};
use super::plot::{Axis, Plot, colour, legend};
use maud::{Markup, html};

/// Points of a curve at most: more are not to be told apart.
const POINTS: usize = 400;

/// The curves of the SuperNet, and those of the models that were trained alone.
pub(super) fn curves(facts: &Facts) -> Markup {
    let (supernets, models): (Vec<&Training>, Vec<&Training>) =
        facts.trainings.iter().partition(|training| ["supernet", "adapted"].contains(&training.name.as_str()));
    html! {
        p.note { "Thin: training, without what smoothing adds. Thick: validation, the mean of the architectures that are validated." }
        (of(&supernets, "Training of the SuperNet")) (of(&models, "Training of single architectures"))
    }
}

fn of(trainings: &[&Training], name: &str) -> Markup {
    let curves: Vec<_> =
        trainings.iter().map(|training| (training, thinned(trained(training)), training.validations())).collect();
    let points = || curves.iter().flat_map(|(_, trained, valid)| trained.iter().chain(valid));
    if points().count() < 2 {
        return html! {};
    }
    let plot = Plot { x: Axis::of(points().map(|point| point.0)), y: Axis::of(points().map(|point| point.1)) };
    let shade = |index: usize| colour(index as f64 / trainings.len().max(2).saturating_sub(1) as f64);
    let inside = html! {
        @for (index, (_, trained, valid)) in curves.iter().enumerate() {
            path.curve d=(plot.line(trained)) style=(format!("stroke:{};stroke-width:1", shade(index))) {}
            path.curve d=(plot.line(valid)) style=(format!("stroke:{};stroke-width:2.6", shade(index))) {}
        }
    };
    let entries: Vec<_> =
        trainings.iter().enumerate().map(|(index, training)| (shade(index), training.name.clone())).collect();
    html! { (legend(&entries)) (plot.picture(name, ["updates", "loss, bits a token"], &inside)) }
}

fn trained(training: &Training) -> Vec<(f64, f64)> {
    training.lines.iter().filter_map(|line| Some((line.update as f64, line.nll?))).collect()
}

/// As many points at most as can be told apart: means of neighbours.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mean = |points: &[(f64, f64)]| {
        let sum = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (sum.0 / points.len() as f64, sum.1 / points.len() as f64)
    };
    points.chunks(points.len().div_ceil(POINTS).max(1)).map(mean).collect()
}
