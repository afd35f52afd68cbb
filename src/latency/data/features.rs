//! What a predictor sees of an architecture: how often each operator runs and how large it is, summed over the layers in
//! use, for encoder and decoder apart.
//!
//! Our own data hold whole architectures, so the sums are over products within each layer (width × feed-forward size,
//! encoder outputs × width, …). HAT's ten features are averages over the layers in use: times the number of layers
//! they are exact sums again, but a product of two averages only stands for the average of the products.

use super::averages::Averages;
use super::totals::{FFN_UNIT, HEADS_UNIT, Totals, WIDTH_UNIT, totals};
use crate::cost::RoutingFractions;
use crate::error::{Error, Result};
use crate::space::Architecture;
use serde::{Deserialize, Serialize};

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

/// Operators of the encoder, as far as averages tell them.
const AVERAGE_ENCODER: [&str; 8] =
    ["call", "width", "layer", "layer_width", "layer_ffn", "layer_width_ffn", "layer_heads", "layer_experts"];
/// Operators of the decoder.
const AVERAGE_DECODER: [&str; 13] = [
    "call",
    "width",
    "layer",
    "layer_width",
    "layer_ffn",
    "layer_width_ffn",
    "layer_heads",
    "layer_experts",
    "encoder_width",
    "cross_heads",
    "cross_attended",
    "cross_attended_encoder_width",
    "cross_attended_heads",
];

impl Averages {
    /// The features that these averages allow.
    pub fn features(&self) -> Features {
        let side = |width: f64, layers: f64, ffn: f64, heads: f64, experts: f64| {
            let (width, ffn, heads) = (width / WIDTH_UNIT, ffn / FFN_UNIT, heads / HEADS_UNIT);
            let operators = vec![
                1.0,
                width,
                layers,
                layers * width,
                layers * ffn,
                layers * width * ffn,
                layers * heads,
                layers * (experts - 1.0).max(0.0),
            ];
            let shape = vec![width, layers, ffn, heads, experts];
            PartFeatures { operators, shape }
        };
        let encoder =
            side(self.encoder_width, self.encoder_layers, self.encoder_ffn, self.encoder_heads, self.encoder_experts);
        let mut decoder =
            side(self.decoder_width, self.decoder_layers, self.decoder_ffn, self.decoder_heads, self.decoder_experts);
        let layers = self.decoder_layers;
        let encoder_width = self.encoder_width / WIDTH_UNIT;
        let heads = self.cross_heads / HEADS_UNIT;
        decoder.operators.extend([
            encoder_width,
            layers * heads,
            layers * self.attended,
            layers * self.attended * encoder_width,
            layers * self.attended * heads,
        ]);
        decoder.shape.extend([encoder_width, heads, self.attended]);
        Features { encoder, decoder }
    }
}

impl Totals {
    fn features(&self, part: Part, encoder_width: f64) -> PartFeatures {
        let mut operators = vec![
            1.0,
            self.width,
            self.layers,
            self.attention,
            self.attention_width,
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
            operators.extend([self.cross, self.cross_heads, self.attended, self.attended_width, self.attended_heads]);
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
