//! What a predictor sees of an architecture: how often each operator runs and how large it is, summed over the layers in
//! use, for encoder and decoder apart.
//!
//! Our own data hold whole architectures, so the sums are over products within each layer (width × feed-forward size,
//! encoder outputs × width, …). HAT's ten features are averages over the layers in use: times the number of layers
//! they are exact sums again, but a product of two averages only stands for the average of the products.

use super::averages::{AVERAGE_DECODER, AVERAGE_ENCODER, Averages};
use crate::cost::RoutingFractions;
use crate::error::{Error, Result};
use crate::space::{Architecture, Layer, Stack};
use serde::{Deserialize, Serialize};

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

/// Which view of architectures a predictor rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureSet {
    /// HAT's averages over the layers in use.
    Averages,
    /// Every layer of the architecture.
    Layers,
}

impl FeatureSet {
    /// What [`PartFeatures::operators`] counts, in order.
    pub fn operator_names(self, part: Part) -> &'static [&'static str] {
        match (self, part) {
            (Self::Averages, Part::Encoder) => &AVERAGE_ENCODER,
            (Self::Averages, Part::Decoder) => &AVERAGE_DECODER,
            (Self::Layers, Part::Encoder) => &LAYER_OPERATORS[..LAYER_OPERATORS.len() - 5],
            (Self::Layers, Part::Decoder) => &LAYER_OPERATORS,
        }
    }

    /// Numbers in [`PartFeatures::shape`].
    pub fn shape_len(self, part: Part) -> usize {
        match (self, part) {
            (Self::Averages, Part::Encoder) => 5,
            (Self::Averages, Part::Decoder) => 8,
            (Self::Layers, Part::Encoder) => 8,
            (Self::Layers, Part::Decoder) => 12,
        }
    }
}

/// The two parts of a model that are measured apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// One pass over the source.
    Encoder,
    /// The greedy decode.
    Decoder,
}

/// An architecture as a predictor sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// The encoder's operators.
    pub encoder: PartFeatures,
    /// The decoder's operators.
    pub decoder: PartFeatures,
}

/// One part of an architecture.
#[derive(Debug, Clone, PartialEq)]
pub struct PartFeatures {
    /// Non-negative counts of work, named by [`FeatureSet::operator_names`]; latency is a sum over them.
    pub operators: Vec<f64>,
    /// A few numbers that describe the shape, for a learned correction.
    pub shape: Vec<f64>,
}

impl Features {
    /// The features of `architecture`, seen as `set` sees it. Without `routing` every expert gets the same share of tokens.
    pub fn of(set: FeatureSet, architecture: &Architecture, routing: Option<&RoutingFractions>) -> Self {
        match set {
            FeatureSet::Layers => {
                let [encoder, decoder] = totals(architecture, routing);
                Self {
                    encoder: encoder.features(Part::Encoder, encoder.width),
                    decoder: decoder.features(Part::Decoder, encoder.width),
                }
            }
            FeatureSet::Averages => Averages::of(architecture, routing).features(),
        }
    }
}

/// Checks that routing fractions belong to `architecture`; a layer without any is taken to spread its tokens evenly.
///
/// # Errors
/// A layer too many, or another number of experts, or shares that cannot be normalised.
pub fn check_routing(routing: &RoutingFractions, architecture: &Architecture) -> Result<()> {
    let stacks =
        [("encoder", &routing.encoder, &architecture.encoder), ("decoder", &routing.decoder, &architecture.decoder)];
    for (name, shares, stack) in stacks {
        let (measured, layers) = (shares.len(), stack.layers.len());
        if measured > layers {
            return Err(Error::input(format!("{name}: routing fractions of {measured} layers for {layers} layers")));
        }
        for (index, (shares, layer)) in shares.iter().zip(&stack.layers).enumerate() {
            let experts = layer.experts.as_ref().map_or(0, |experts| experts.ffn_dims.len());
            let sum: f64 = shares.iter().sum();
            let sound = shares.len() == experts && sum.is_finite() && sum > 0.0 && shares.iter().all(|s| *s >= 0.0);
            if !shares.is_empty() && !sound {
                let layer = index + 1;
                let expected = "routing fractions that are 0 or more and not all 0, or none";
                return Err(Error::input(format!("{name} layer {layer}: expected {experts} {expected}")));
            }
        }
    }
    Ok(())
}

/// The operators of a stack; the encoder has all but the last five.
const LAYER_OPERATORS: [&str; 19] = [
    "call",
    "width",
    "layer",
    "attention",
    "attention_width",
    "attention_heads",
    "ffn",
    "ffn_size",
    "ffn_width_size",
    "router",
    "expert",
    "routed_expert",
    "expert_used",
    "expert_used_weights",
    "cross_attention",
    "cross_heads",
    "cross_attended",
    "cross_attended_encoder_width",
    "cross_attended_heads",
];

/// Sums over the layers of a stack.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    pub width: f64,
    pub layers: f64,
    /// Layers with attention, and their heads.
    pub attention: f64,
    pub heads: f64,
    /// Layers with a feed-forward network; hidden features a token passes; hidden features of all networks that are expected
    /// to get tokens.
    pub ffn: f64,
    pub ffn_routed: f64,
    pub ffn_used: f64,
    /// Layers with a router, their experts, the experts a token is sent to, and the experts that are expected to get tokens
    /// and are no identities.
    pub routers: f64,
    pub experts: f64,
    pub routes: f64,
    pub used: f64,
    /// Experts of all layers, a dense one counted as one expert.
    pub networks: f64,
    /// Layers with cross-attention, their heads, the encoder layers attended to, and the product of the two.
    pub cross: f64,
    pub cross_heads: f64,
    pub attended: f64,
    pub attended_heads: f64,
}

/// Sums over the encoder's layers and over the decoder's. Without `routing` every expert gets the same share of tokens.
pub(super) fn totals(architecture: &Architecture, routing: Option<&RoutingFractions>) -> [Totals; 2] {
    let encoder_layers = architecture.encoder.layers.len();
    let of = |stack, tokens, routing| Totals::of(stack, tokens, encoder_layers, routing);
    [
        of(&architecture.encoder, ENCODER_TOKENS, routing.map(|r| r.encoder.as_slice())),
        of(&architecture.decoder, DECODER_TOKENS, routing.map(|r| r.decoder.as_slice())),
    ]
}

impl Totals {
    /// `tokens` pass each layer together; cross-attention sees no more layers than the encoder has.
    fn of(stack: &Stack, tokens: i32, encoder_layers: usize, routing: Option<&[Vec<f64>]>) -> Self {
        let mut totals =
            Self { width: stack.embed_dim as f64 / WIDTH_UNIT, layers: stack.layers.len() as f64, ..Self::default() };
        for (index, layer) in stack.layers.iter().enumerate() {
            totals.add_attention(layer, encoder_layers);
            if layer.keep_ffn {
                let shares = routing.and_then(|layers| layers.get(index));
                totals.add_ffn(layer, tokens, shares.map_or(&[], Vec::as_slice));
            }
        }
        totals
    }

    fn add_attention(&mut self, layer: &Layer, encoder_layers: usize) {
        if !layer.keep_attention {
            return;
        }
        self.attention += 1.0;
        self.heads += layer.self_attention_heads as f64 / HEADS_UNIT;
        if let Some(cross) = layer.cross_attention {
            let heads = cross.heads as f64 / HEADS_UNIT;
            let attended = cross.encoder_layers.min(encoder_layers) as f64;
            self.cross += 1.0;
            self.cross_heads += heads;
            self.attended += attended;
            self.attended_heads += attended * heads;
        }
    }

    /// A layer's feed-forward network; `shares` are its routing fractions, empty for equal shares. A single expert is a
    /// dense network: there is nothing to route.
    fn add_ffn(&mut self, layer: &Layer, tokens: i32, shares: &[f64]) {
        self.ffn += 1.0;
        let dense = [layer.ffn_embed_dim];
        let sizes = layer.experts.as_ref().map_or(dense.as_slice(), |experts| &experts.ffn_dims);
        let count = sizes.len();
        self.networks += count as f64;
        if let [size] = sizes {
            let size = *size as f64 / FFN_UNIT;
            self.ffn_routed += size;
            self.ffn_used += size;
            return;
        }
        let top_k = layer.experts.as_ref().map_or(1, |experts| experts.top_k) as f64;
        let total: f64 = shares.iter().sum();
        let even = shares.len() != count || total <= 0.0;
        self.routers += 1.0;
        self.experts += count as f64;
        self.routes += top_k;
        for (expert, &size) in sizes.iter().enumerate() {
            let share = if even { 1.0 / count as f64 } else { shares[expert] / total };
            let sent = (share * top_k).min(1.0);
            let used = 1.0 - (1.0 - sent).powi(tokens);
            self.ffn_routed += sent * size as f64 / FFN_UNIT;
            self.ffn_used += used * size as f64 / FFN_UNIT;
            if size > 0 {
                self.used += used;
            }
        }
    }

    fn features(&self, part: Part, encoder_width: f64) -> PartFeatures {
        let mut operators = vec![
            1.0,
            self.width,
            self.layers,
            self.attention,
            self.attention * self.width,
            self.heads,
            self.ffn,
            self.ffn_routed,
            self.ffn_routed * self.width,
            self.routers,
            self.experts,
            self.routes,
            self.used,
            self.ffn_used * self.width,
        ];
        let mut shape = vec![
            self.width,
            self.layers,
            self.attention,
            self.heads,
            self.ffn,
            self.ffn_routed,
            self.used,
            self.ffn_used,
        ];
        if part == Part::Decoder {
            operators.extend([
                self.cross,
                self.cross_heads,
                self.attended,
                self.attended * encoder_width,
                self.attended_heads,
            ]);
            shape.extend([encoder_width, self.cross_heads, self.attended, self.attended_heads]);
        }
        PartFeatures { operators, shape }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Experts;

    fn with_experts(ffn_dims: Vec<usize>, top_k: usize) -> Architecture {
        let mut architecture = Architecture::dense(512, 2048, 8, 2, 3);
        architecture.encoder.layers[1].experts = Some(Experts { ffn_dims, top_k });
        architecture
    }

    fn operator(features: &Features, name: &str) -> f64 {
        let names = FeatureSet::Layers.operator_names(Part::Encoder);
        let at = names.iter().position(|other| *other == name).unwrap();
        features.encoder.operators[at]
    }

    #[test]
    fn lengths_agree_with_the_names() {
        let architecture = with_experts(vec![1024, 2048], 1);
        for set in [FeatureSet::Averages, FeatureSet::Layers] {
            let features = Features::of(set, &architecture, None);
            for (part, features) in [(Part::Encoder, &features.encoder), (Part::Decoder, &features.decoder)] {
                assert_eq!(features.operators.len(), set.operator_names(part).len());
                assert_eq!(features.shape.len(), set.shape_len(part));
            }
        }
    }

    #[test]
    fn routing_fractions_weigh_the_experts() {
        let architecture = with_experts(vec![1024, 3072], 1);
        let even = Features::of(FeatureSet::Layers, &architecture, None);
        assert_eq!(operator(&even, "ffn_size"), 2.0);
        assert!((operator(&even, "expert_used_weights") - 3.0).abs() < 1e-6);
        let routing = RoutingFractions { encoder: vec![vec![], vec![1.0, 0.0]], decoder: vec![] };
        check_routing(&routing, &architecture).unwrap();
        let routed = Features::of(FeatureSet::Layers, &architecture, Some(&routing));
        assert_eq!(operator(&routed, "ffn_size"), 1.5);
        assert_eq!(operator(&routed, "expert_used_weights"), 1.5);
        assert_eq!(operator(&routed, "expert_used"), 1.0);
    }

    #[test]
    fn dropped_sublayers_cost_nothing() {
        let mut architecture = with_experts(vec![1024; 4], 2);
        architecture.encoder.layers[1].keep_ffn = false;
        architecture.encoder.layers[0].keep_attention = false;
        let features = Features::of(FeatureSet::Layers, &architecture, None);
        assert_eq!(operator(&features, "expert"), 0.0);
        assert_eq!(operator(&features, "ffn_size"), 1.0);
        assert_eq!(operator(&features, "attention"), 1.0);
    }

    #[test]
    fn a_single_expert_is_a_dense_network() {
        let mut architecture = with_experts(vec![2048], 1);
        let single = Features::of(FeatureSet::Layers, &architecture, None);
        architecture.encoder.layers[1].experts = None;
        assert_eq!(single, Features::of(FeatureSet::Layers, &architecture, None));
    }

    #[test]
    fn cross_attention_sees_no_more_layers_than_there_are() {
        let attending = |encoder_layers: usize| {
            let mut architecture = Architecture::dense(512, 2048, 8, 2, 1);
            architecture.decoder.layers[0].cross_attention.as_mut().unwrap().encoder_layers = encoder_layers;
            Features::of(FeatureSet::Layers, &architecture, None)
        };
        assert_eq!(attending(3), attending(2));
        assert_ne!(attending(2), attending(1));
    }

    #[test]
    fn layers_tell_apart_what_averages_cannot() {
        let spread = |attended: [usize; 2]| {
            let mut architecture = Architecture::dense(512, 2048, 8, 3, 2);
            for (layer, attended) in architecture.decoder.layers.iter_mut().zip(attended) {
                let cross = layer.cross_attention.as_mut().unwrap();
                cross.encoder_layers = attended;
                cross.heads = 4 * attended;
            }
            architecture
        };
        let (mixed, even) = (spread([1, 3]), spread([2, 2]));
        let features = |set, architecture| Features::of(set, architecture, None);
        assert_eq!(features(FeatureSet::Averages, &mixed), features(FeatureSet::Averages, &even));
        assert_ne!(features(FeatureSet::Layers, &mixed), features(FeatureSet::Layers, &even));
    }

    #[test]
    fn fractions_of_another_architecture_are_refused() {
        let architecture = with_experts(vec![1024, 3072], 1);
        for encoder in [vec![vec![]; 3], vec![vec![], vec![0.5, 0.3, 0.2]], vec![vec![], vec![1.5, -0.5]]] {
            let routing = RoutingFractions { encoder, decoder: vec![] };
            assert!(check_routing(&routing, &architecture).is_err());
        }
    }
}
