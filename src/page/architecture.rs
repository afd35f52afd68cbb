//! The architecture that was found, layer by layer.

use super::facts::Facts;
use super::plot::px;
use crate::report::WINNER;
use crate::space::{Architecture, Layer, Side, Stack};
use crate::train::Shares;
use maud::{Markup, html};

/// Width of the picture, of what stands at the left of a layer, and of the widest feed-forward network.
const WIDTH: f64 = 760.0;
const LEFT: f64 = 250.0;
const WIDEST: f64 = WIDTH - LEFT - 20.0;
/// Height of a layer, and of a box in it.
const ROW: f64 = 34.0;
const BOX: f64 = 24.0;
/// Room between the boxes of experts.
const GAP: f64 = 4.0;

/// The winner's stacks; nothing before there is one.
pub(super) fn architecture(facts: &Facts) -> Markup {
    let Some(winner) = facts.winner() else { return html! { p.note { "Nothing was found yet." } } };
    let shares = facts
        .models
        .iter()
        .find(|training| training.name == WINNER)
        .and_then(|training| training.last(|line| line.slots.clone()));
    let widest = Side::BOTH
        .into_iter()
        .flat_map(|side| &winner.stack(side).layers)
        .map(|layer| layer.network_sizes().iter().sum::<usize>());
    let scale = WIDEST / widest.max().unwrap_or(1).max(1) as f64;
    let most =
        Side::BOTH.into_iter().flat_map(|side| &winner.stack(side).layers).map(Layer::expert_count).max().unwrap_or(0);
    let scale = scale * (1.0 - GAP * most as f64 / WIDEST).max(0.2);
    html! {
        p.note { "Boxes are feed-forward networks, as wide as they are; several are the experts of a layer, filled by the share of its tokens that each got"
            @if shares.is_none() { " (which is known once the winner is trained)" } ". ID is the identity." }
        @for side in Side::BOTH {
            (stack(side, winner.stack(side), shares.as_ref().map(|slots| of_side(&slots.tokens, side)), scale))
        }
    }
}

fn of_side(shares: &Shares, side: Side) -> &[Vec<f64>] {
    match side {
        Side::Encoder => &shares.encoder,
        Side::Decoder => &shares.decoder,
    }
}

fn stack(side: Side, stack: &Stack, shares: Option<&[Vec<f64>]>, scale: f64) -> Markup {
    let height = ROW * stack.layers.len() as f64 + 30.0;
    let plural = if stack.layers.len() == 1 { "" } else { "s" };
    let title = format!("{}: {} layer{plural} of width {}", side.name(), stack.layers.len(), stack.embed_dim);
    html! {
        div.figure { svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(title) {
            text x="0" y="16" font-weight="bold" { (title) }
            @for (index, layer) in stack.layers.iter().enumerate() {
                @let top = 28.0 + ROW * index as f64;
                text x="0" y=(px(top + 17.0)) { (index + 1) }
                text x="24" y=(px(top + 17.0)) { (attentions(layer)) }
                @if layer.keep_ffn { (networks(layer, shares.and_then(|shares| shares.get(index)), top, scale)) }
                @else { text.label x=(px(LEFT)) y=(px(top + 17.0)) { "no feed-forward network" } }
            }
        } }
    }
}

fn networks(layer: &Layer, shares: Option<&Vec<f64>>, top: f64, scale: f64) -> Markup {
    let mut left = LEFT;
    let boxes = layer.network_sizes().into_iter().enumerate().map(|(expert, size)| {
        let width = (size as f64 * scale).max(if size == 0 { 18.0 } else { 2.0 });
        let share = shares.and_then(|shares| shares.get(expert)).copied().filter(|_| layer.experts.is_some());
        let place = left;
        left += width + GAP;
        (place, width, size, share)
    });
    html! {
        @for (place, width, size, share) in boxes {
            g {
                title { (size) @if let Some(share) = share { ", " (percent(share)) " of the layer's tokens" } }
                rect.box x=(px(place)) y=(px(top)) width=(px(width)) height=(px(BOX)) {}
                @if let Some(share) = share {
                    rect.share x=(px(place)) y=(px(top + BOX * (1.0 - share))) width=(px(width)) height=(px(BOX * share)) fill-opacity="0.55" {}
                }
                @let label = if size == 0 { "ID".to_owned() } else { size.to_string() };
                @if width > 8.0 * label.len() as f64 {
                    text x=(px(place + width / 2.0)) y=(px(top + 16.0)) text-anchor="middle" { (label) }
                }
            }
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// The attentions of a layer in words.
fn attentions(layer: &Layer) -> String {
    if !layer.keep_attention {
        return "no attention".into();
    }
    let own = format!("{} heads", layer.self_attention_heads);
    match layer.cross_attention {
        None => own,
        Some(cross) if cross.encoder_layers == 1 => format!("{own}; across {} on the last", cross.heads),
        Some(cross) => format!("{own}; across {} on the last {}", cross.heads, cross.encoder_layers),
    }
}

/// An architecture in a line a stack.
pub(super) fn in_words(architecture: &Architecture) -> String {
    let stack = |side: Side| {
        let Stack { embed_dim, layers } = architecture.stack(side);
        let networks = |layer: &Layer| {
            let sizes: Vec<String> = layer.network_sizes().iter().map(usize::to_string).collect();
            if layer.keep_ffn { sizes.join("+") } else { "none".into() }
        };
        let layers: Vec<String> = layers.iter().map(networks).collect();
        format!("{} {embed_dim}: {}", side.name(), layers.join(" | "))
    };
    Side::BOTH.map(stack).join("\n")
}
