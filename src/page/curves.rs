//! Training and validation by update.

use super::facts::{Facts, Named};
use super::plot::{Axis, Plot, colour, legend};
use crate::train::Training;
use maud::{Markup, html};

/// Points of a curve at most: more are not to be told apart.
const POINTS: usize = 400;

/// Of a training's beginning so much is left out: what follows would lie on one line beside its losses.
const BEGINNING: f64 = 0.1;

/// The curves of SuperNets, and those of the models that were trained alone.
pub(super) fn curves(facts: &Facts) -> Markup {
    let models: Vec<Named> = facts.all_models().into_iter().filter(|model| !model.is_put_aside).collect();
    html! {
        p.note { "Thin: training, without what smoothing adds. Thick: validation, the mean of the architectures that are validated. "
            "The first tenth of each is left out." }
        (of(&facts.all_supernets(), "Training of SuperNets")) (of(&models, "Training of single architectures"))
    }
}

fn of(trainings: &[Named], name: &str) -> Markup {
    let curves: Vec<_> = trainings.iter().map(|named| curve(named.training)).collect();
    let points = || curves.iter().flat_map(|[trained, valid]| trained.iter().chain(valid));
    if points().count() < 2 {
        return html! {};
    }
    let plot = Plot { x: Axis::of(points().map(|point| point.0)), y: Axis::of(points().map(|point| point.1)) };
    let shade = |index: usize| colour(index as f64 / trainings.len().max(2).saturating_sub(1) as f64);
    let inside = html! {
        @for (index, [trained, valid]) in curves.iter().enumerate() {
            path.curve d=(plot.line(trained)) style=(format!("stroke:{};stroke-width:1", shade(index))) {}
            path.curve d=(plot.line(valid)) style=(format!("stroke:{};stroke-width:2.6", shade(index))) {}
        }
    };
    let entries: Vec<_> =
        trainings.iter().enumerate().map(|(index, named)| (shade(index), named.name.clone())).collect();
    html! { (legend(&entries)) (plot.picture(name, ["updates", "loss, bits a token"], &inside)) }
}

/// The points of its training and of its validations, without those of its beginning.
fn curve(training: &Training) -> [Vec<(f64, f64)>; 2] {
    let last = training.lines.last().map_or(0, |line| line.update);
    let trained = training.lines.iter().filter_map(|line| Some((line.update as f64, line.nll?))).collect();
    let late =
        |points: Vec<(f64, f64)>| points.into_iter().filter(|point| point.0 >= BEGINNING * last as f64).collect();
    [thinned(late(trained)), late(training.validations())]
}

/// As many points at most as can be told apart: means of neighbours.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mean = |points: &[(f64, f64)]| {
        let sum = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (sum.0 / points.len() as f64, sum.1 / points.len() as f64)
    };
    points.chunks(points.len().div_ceil(POINTS).max(1)).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_training_its_own_first_tenth_is_left_out() {
        let updates = |last: u64| {
            let log = (1..=20).map(|part| format!("{{\"update\":{},\"nll\":2.0}}", last * part / 20));
            let lines = log.map(|line| serde_json::from_str(&line).unwrap()).collect();
            curve(&Training { name: String::new(), lines })[0].iter().map(|point| point.0).collect::<Vec<_>>()
        };
        for last in [100, 2_000] {
            let shown = updates(last);
            assert_eq!((shown.len(), shown[0]), (19, last as f64 / 10.0));
        }
    }
}
