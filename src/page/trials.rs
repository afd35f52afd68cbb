//! Every trial: its loss against its FLOPs, and against what else the search asks for.

use super::facts::Facts;
use super::plot::{Axis, Plot, colour, legend, px};
use super::shown::gflops;
use crate::catalog::{COSTS, CostRow, LATENCY_MS};
use crate::search::Trial;
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};

/// So many of the best are points of their own, which tell their architecture.
const TOLD: usize = 500;

/// Loss against FLOPs, and against each other cost that the search limits or minimises, where trials have it.
pub(super) fn trials(facts: &Facts) -> Markup {
    let complete = facts.best_trials();
    let plots = COSTS.iter().filter(|row| row.name == "gflops" || facts.config.search.asks_for(row.name));
    let plots: Vec<_> = plots.filter(|row| complete.iter().any(|trial| trial.figure(row.name).is_some())).collect();
    let generations = complete.iter().map(|trial| trial.generation).max().unwrap_or(0);
    let shades: BTreeSet<u64> = (0..=4).map(|quarter| generations.saturating_mul(quarter) / 4).collect();
    let shades: Vec<_> = shades.into_iter().map(|at| (shade(at, generations), format!("generation {at}"))).collect();
    html! {
        p { (facts.trials.len()) " trials: " (facts.states()) ". The line joins those that no other beats in both figures, "
            "the ring is the winner. Points of the line and the best " (TOLD) " tell their architecture under the pointer." }
        (legend(&shades))
        @for row in plots { (plot(facts, &complete, row)) }
    }
}

fn plot(facts: &Facts, complete: &[&Trial], row: &CostRow) -> Markup {
    let point = |trial: &Trial| Some((trial.figure(row.name)?, trial.complete_loss()?));
    let points = || complete.iter().filter_map(|trial| point(trial));
    let plot = Plot { x: Axis::of(points().map(|point| point.0)), y: Axis::of(points().map(|point| point.1)) };
    let front = facts.front(row.name);
    let on_line: Vec<_> = front.iter().filter_map(|trial| point(trial)).collect();
    let generations = complete.iter().map(|trial| trial.generation).max().unwrap_or(0);
    let (told, plain) = complete.split_at(complete.len().min(TOLD));
    let mut by_generation: BTreeMap<u64, Vec<(f64, f64)>> = BTreeMap::new();
    for trial in plain {
        by_generation.entry(trial.generation).or_default().extend(point(trial));
    }
    let is_on_front = |trial: &Trial| front.iter().any(|other| other.id == trial.id);
    let beyond = plain.iter().filter(|trial| is_on_front(trial));
    let limit = facts.config.search.limits[row.name];
    let inside = html! {
        @for (generation, points) in by_generation {
            path.dots d=(plot.dots(points.into_iter())) style=(format!("stroke:{}", shade(generation, generations))) {}
        }
        path.front d=(plot.line(&on_line)) {}
        // The best last, so that none covers them.
        @for trial in beyond.chain(told.iter().rev()) {
            @if let Some((x, y)) = point(trial).map(|point| plot.at(point)) {
                circle.on-front[is_on_front(trial)] cx=(px(x)) cy=(px(y)) r="3" fill=(shade(trial.generation, generations)) {
                    title { (told_of(trial)) }
                }
            }
        }
        @if let Some((x, y)) = facts.winning_trial().and_then(point).map(|point| plot.at(point)) {
            circle.winner cx=(px(x)) cy=(px(y)) r="7" {}
        }
        @if limit > 0.0 { (plot.upright(limit, &format!("limit {limit}"))) }
    };
    let axis = match row.name {
        LATENCY_MS => "latency, ms",
        "gflops" => "GFLOPs of a sentence pair",
        _ => row.noun,
    };
    plot.picture(
        &format!("Loss of every trial against its {}", row.noun),
        [axis, "validation loss, bits a token"],
        &inside,
    )
}

fn shade(generation: u64, generations: u64) -> String {
    colour(generation as f64 / generations.max(1) as f64)
}

/// A trial in a few lines.
fn told_of(trial: &Trial) -> String {
    let loss = trial.loss.unwrap_or(f64::NAN);
    format!(
        "trial {}, generation {}: loss {loss:.4}, {} GFLOPs\n{}",
        trial.id,
        trial.generation,
        gflops(trial.gflops),
        super::architecture::in_words(&trial.architecture)
    )
}
