//! Where the best trials have their experts.

use super::facts::Facts;
use super::plot::{legend, px};
use crate::space::{Architecture, Layer, Side};
use maud::{Markup, html};

/// The best trials that are looked at.
const BEST: usize = 50;
/// Sizes of a bar and of the picture.
const BAR: f64 = 30.0;
const GAP: f64 = 14.0;
const HEIGHT: f64 = 150.0;

/// The mean number of experts of each layer, of the stacks that have any.
pub(super) fn experts(facts: &Facts) -> Markup {
    let best: Vec<_> = facts.best_trials().into_iter().take(BEST).map(|trial| &trial.architecture).collect();
    let means = Side::BOTH.map(|side| (side, means(side, &best)));
    if best.is_empty() {
        return html! { p.note { "No trial is complete." } };
    }
    if means.iter().all(|(_, means)| means.iter().all(|mean| *mean == 0.0)) {
        return html! { p.note { "None of the " (best.len()) " best trials has experts." } };
    }
    html! {
        p.note { "Mean number of experts of the " (best.len()) " best trials by layer, of those that have the layer." }
        (legend(&[("var(--fill)".into(), "experts".into())]))
        @for (side, means) in means { (bars(side, &means)) }
    }
}

/// The mean number of experts by layer.
fn means(side: Side, architectures: &[&Architecture]) -> Vec<f64> {
    let deepest = architectures.iter().map(|architecture| architecture.stack(side).layers.len()).max().unwrap_or(0);
    let mean = |layer: usize| {
        let with = architectures.iter().filter_map(|architecture| architecture.stack(side).layers.get(layer));
        let counts: Vec<f64> = with.map(Layer::expert_count).map(|count| count as f64).collect();
        counts.iter().sum::<f64>() / counts.len().max(1) as f64
    };
    (0..deepest).map(mean).collect()
}

fn bars(side: Side, means: &[f64]) -> Markup {
    let most = means.iter().copied().fold(1.0, f64::max);
    let width = 90.0 + (BAR + GAP) * means.len() as f64;
    html! {
        div.figure { svg viewBox=(format!("0 0 {} {}", width.max(760.0), HEIGHT + 40.0)) role="img" aria-label=(format!("Experts of the {}", side.name())) {
            text x="0" y=(px(HEIGHT)) { (side.name()) }
            @for (index, mean) in means.iter().enumerate() {
                @let left = 90.0 + (BAR + GAP) * index as f64;
                @let height = (HEIGHT - 30.0) * mean / most;
                rect.bar x=(px(left)) y=(px(HEIGHT - height)) width=(px(BAR)) height=(px(height)) {}
                text x=(px(left + BAR / 2.0)) y=(px(HEIGHT - height - 5.0)) text-anchor="middle" { (format!("{mean:.1}")) }
                text.tick x=(px(left + BAR / 2.0)) y=(px(HEIGHT + 16.0)) text-anchor="middle" { (index + 1) }
            }
            text.label x="90" y=(px(HEIGHT + 34.0)) { "layer" }
        } }
    }
}
