//! Training and validation by update.

use super::facts::{Facts, Training};
use super::plot::{Axis, Plot, colour, legend};
use maud::{Markup, html};

/// Points of a curve at most: more are not to be told apart.
const POINTS: usize = 400;

/// Of a training's beginning so much is left out: what follows would lie on one line beside its losses.
const BEGINNING: f64 = 0.1;

/// The curves of SuperNets, and those of the models that were trained alone.
pub(super) fn curves(facts: &Facts) -> Markup {
    let is_supernet = |(name, _): &Named| name.ends_with("supernet") || name == "adapted";
    let (supernets, models): (Vec<_>, Vec<_>) = facts.all_trainings().into_iter().partition(is_supernet);
    html! {
        p.note { "Thin: training, without what smoothing adds. Thick: validation, the mean of the architectures that are validated. "
            "The first tenth is left out." }
        (of(&supernets, "Training of SuperNets")) (of(&models, "Training of single architectures"))
    }
}

/// A training, and what it is called.
type Named<'a> = (String, &'a Training);

fn of(trainings: &[Named], name: &str) -> Markup {
    let last = trainings.iter().filter_map(|(_, training)| training.last(|line| Some(line.update))).max().unwrap_or(0);
    let late = |points: Vec<(f64, f64)>| {
        points.into_iter().filter(|point| point.0 >= BEGINNING * last as f64).collect::<Vec<_>>()
    };
    let curves: Vec<_> = trainings
        .iter()
        .map(|(_, training)| (thinned(late(trained(training))), late(training.validations())))
        .collect();
    let points = || curves.iter().flat_map(|(trained, valid)| trained.iter().chain(valid));
    if points().count() < 2 {
        return html! {};
    }
    let plot = Plot { x: Axis::of(points().map(|point| point.0)), y: Axis::of(points().map(|point| point.1)) };
    let shade = |index: usize| colour(index as f64 / trainings.len().max(2).saturating_sub(1) as f64);
    let inside = html! {
        @for (index, (trained, valid)) in curves.iter().enumerate() {
            path.curve d=(plot.line(trained)) style=(format!("stroke:{};stroke-width:1", shade(index))) {}
            path.curve d=(plot.line(valid)) style=(format!("stroke:{};stroke-width:2.6", shade(index))) {}
        }
    };
    let entries: Vec<_> = trainings.iter().enumerate().map(|(index, (name, _))| (shade(index), name.clone())).collect();
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
