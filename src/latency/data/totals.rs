//! Sums over the layers in use, for encoder and decoder apart, taken from the plan: what both views of an architecture rest on.

use crate::cost::RoutingFractions;
use crate::cost::routing::LayerPrice;
use crate::plan::{Operator, Owner, Plan, Step};
use crate::space::{Architecture, Side, Stack};

/// Widths are counted in this many features, which keeps all operators' counts near 1.
pub(super) const WIDTH_UNIT: f64 = 512.0;
/// Feed-forward sizes are counted in this many features.
pub(super) const FFN_UNIT: f64 = 2048.0;
/// Heads are counted in fours.
pub(super) const HEADS_UNIT: f64 = 4.0;
/// Tokens that pass an encoder layer together, about as many as dummy sentences have: by chance, experts stay unused.
const ENCODER_TOKENS: i32 = 25;
/// Tokens that pass a decoder layer together: the rows of a usual beam.
const DECODER_TOKENS: i32 = 5;
/// Features of queries, keys and values. All models that a profile was fitted to have the same, which its coefficients
/// hold; here it counts as one.
const QKV_DIM: usize = 1;

/// Sums over the layers of a stack.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    /// The stack's width, in [`WIDTH_UNIT`].
    pub width: f64,
    /// Its layers.
    pub layers: f64,
    /// Layers with self-attention.
    pub attention: f64,
    /// Their heads, in [`HEADS_UNIT`].
    pub heads: f64,
    /// Their linear maps, by weights: the four of an attention count the width.
    pub attention_width: f64,
    /// Layers with a feed-forward network.
    pub ffn: f64,
    /// Hidden features that a token passes, in [`FFN_UNIT`], by weights: two linear maps of the stack's width make a network.
    pub ffn_routed: f64,
    /// The same of all networks that are expected to get tokens.
    pub ffn_used: f64,
    /// Layers with a router.
    pub routers: f64,
    /// Their experts.
    pub experts: f64,
    /// Experts that a token is sent to.
    pub routes: f64,
    /// Experts that are expected to get tokens and are no identities.
    pub used: f64,
    /// Experts of all layers, a dense network counted as one.
    pub networks: f64,
    /// Layers with cross-attention, by the weights of its linear maps of the target: two of the stack's width are one.
    pub cross: f64,
    /// Their heads, in [`HEADS_UNIT`].
    pub cross_heads: f64,
    /// Encoder layers attended to.
    pub attended: f64,
    /// Their product with the heads.
    pub attended_heads: f64,
    /// Linear maps of what is attended to, by weights: the two of an attention count the encoder's width.
    pub attended_width: f64,
}

/// Sums over the encoder's layers and over the decoder's. Without `routing` every expert gets the same share of tokens.
pub(super) fn totals(architecture: &Architecture, routing: Option<&RoutingFractions>) -> [Totals; 2] {
    let [mut encoder, mut decoder] = [&architecture.encoder, &architecture.decoder].map(Totals::new);
    for layer in Plan::new(architecture, QKV_DIM).layers() {
        let (totals, tokens, shares) = match layer.side {
            Side::Encoder => (&mut encoder, ENCODER_TOKENS, routing.map(|routing| &routing.encoder)),
            Side::Decoder => (&mut decoder, DECODER_TOKENS, routing.map(|routing| &routing.decoder)),
        };
        let shares = shares.and_then(|layers| layers.get(layer.index)).map_or(&[][..], Vec::as_slice);
        layer.walk(|step| totals.add_attention(&step));
        totals.add_feed_forward(&LayerPrice::of(&layer, &feed_forward_weights), tokens, shares);
    }
    [encoder, decoder]
}

/// The weights of a linear map that belongs to the feed-forward sublayer; a router is counted by its experts.
fn feed_forward_weights(step: &Step) -> u128 {
    match (step.owner, step.operator) {
        (Owner::FeedForward | Owner::Expert(_), Operator::Linear { inputs, outputs }) => {
            inputs as u128 * outputs as u128
        }
        _ => 0,
    }
}

impl Totals {
    fn new(stack: &Stack) -> Self {
        Self { width: stack.embed_dim as f64 / WIDTH_UNIT, layers: stack.layers.len() as f64, ..Self::default() }
    }

    /// A step of self-attention or cross-attention; others are left to [`Self::add_feed_forward`].
    fn add_attention(&mut self, step: &Step) {
        match (step.owner, step.operator) {
            (Owner::SelfAttention, Operator::Attention { heads, .. }) => {
                self.attention += 1.0;
                self.heads += heads as f64 / HEADS_UNIT;
            }
            (Owner::SelfAttention, Operator::Linear { inputs, outputs }) => {
                self.attention_width += inputs as f64 * outputs as f64 / (4.0 * WIDTH_UNIT);
            }
            (Owner::CrossAttention, Operator::Attention { heads, keys, .. }) => {
                let (heads, attended) = (heads as f64 / HEADS_UNIT, keys.count(1, 0) as f64);
                self.cross_heads += heads;
                self.attended += attended;
                self.attended_heads += attended * heads;
            }
            (Owner::CrossAttention, Operator::Linear { inputs, outputs }) => {
                let weights = inputs as f64 * outputs as f64 / (2.0 * WIDTH_UNIT);
                self.cross += step.tokens.count(0, 1) as f64 * weights / self.width;
                self.attended_width += step.tokens.count(1, 0) as f64 * weights;
            }
            _ => {}
        }
    }

    /// A layer's feed-forward networks by their weights; `shares` are its routing fractions, empty for equal shares. A
    /// single expert is a dense network: there is nothing to route.
    fn add_feed_forward(&mut self, weights: &LayerPrice, tokens: i32, shares: &[f64]) {
        let (dense, experts) = match weights.experts.as_slice() {
            [expert] => (weights.always + expert, &[][..]),
            experts => (weights.always, experts),
        };
        if dense == 0 && weights.experts.is_empty() {
            return; // the sublayer is dropped
        }
        let width = self.width * WIDTH_UNIT;
        let size = |weights: u128| weights as f64 / (2.0 * width) / FFN_UNIT;
        self.ffn += 1.0;
        self.networks += weights.experts.len().max(1) as f64;
        self.ffn_routed += size(dense);
        self.ffn_used += size(dense);
        if experts.is_empty() {
            return;
        }
        let (count, top_k) = (experts.len() as f64, weights.top_k as f64);
        let total: f64 = shares.iter().sum();
        let even = shares.len() != experts.len() || total <= 0.0;
        self.routers += 1.0;
        self.experts += count;
        self.routes += top_k;
        for (expert, &weights) in experts.iter().enumerate() {
            let share = if even { 1.0 / count } else { shares[expert] / total };
            let sent = (share * top_k).min(1.0);
            let used = 1.0 - (1.0 - sent).powi(tokens);
            self.ffn_routed += sent * size(weights);
            self.ffn_used += used * size(weights);
            if weights > 0 {
                self.used += used;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Experts;

    #[test]
    fn totals_by_hand() {
        let mut architecture = Architecture::dense(640, 1024, 8, 2, 3);
        architecture.decoder.embed_dim = 320;
        for (layer, attended) in architecture.decoder.layers.iter_mut().zip([1, 2, 3]) {
            let cross = layer.cross_attention.as_mut().unwrap();
            (cross.heads, cross.encoder_layers) = (4 * attended, attended);
        }
        architecture.decoder.layers[0].keep_ffn = false;
        architecture.decoder.layers[2].keep_attention = false;
        architecture.decoder.layers[2].experts = Some(Experts { ffn_dims: vec![512, 0, 2048, 1024], top_k: 4 });
        let [encoder, decoder] = totals(&architecture, None);
        assert_eq!((encoder.width, encoder.layers, encoder.networks), (1.25, 2.0, 2.0));
        assert_eq!((encoder.attention, encoder.heads, encoder.attention_width), (2.0, 4.0, 2.5));
        assert_eq!((encoder.ffn, encoder.ffn_routed, encoder.ffn_used), (2.0, 1.0, 1.0));
        assert_eq!((encoder.routers, encoder.cross, encoder.attended_width), (0.0, 0.0, 0.0));
        assert_eq!((decoder.width, decoder.layers, decoder.networks), (0.625, 3.0, 5.0));
        assert_eq!((decoder.attention, decoder.heads, decoder.attention_width), (2.0, 4.0, 1.25));
        // All four experts get every token; the dense layer adds 1024 features to their 3584.
        assert_eq!((decoder.ffn, decoder.ffn_routed, decoder.ffn_used), (2.0, 2.25, 2.25));
        assert_eq!((decoder.routers, decoder.experts, decoder.routes, decoder.used), (1.0, 4.0, 4.0, 3.0));
        // The first two layers attend to one and to two layers, with 4 and 8 heads.
        assert_eq!((decoder.cross, decoder.cross_heads), (2.0, 3.0));
        assert_eq!((decoder.attended, decoder.attended_heads, decoder.attended_width), (3.0, 5.0, 3.75));
    }
}
