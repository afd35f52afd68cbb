//! What a predictor sees of an architecture: how often each operator runs and how large it is, summed over the layers in
//! use, for encoder and decoder apart.
//!
//! Our own data hold whole architectures, so the sums are over products within each layer (width × feed-forward size,
//! encoder outputs × width, …). HAT's ten features are averages over the layers in use: times the number of layers
//! they are exact sums again, but a product of two averages only stands for the average of the products.

use crate::error::{Error, Result};
use crate::space::{Architecture, Layer, Stack};
use serde::{Deserialize, Serialize};

/// Widths are counted in this many features, which keeps all operators' counts near 1.
const WIDTH_UNIT: f64 = 512.0;
/// Feed-forward sizes are counted in this many features.
const FFN_UNIT: f64 = 2048.0;
/// Heads are counted in fours.
const HEADS_UNIT: f64 = 4.0;

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
        let encoder = Totals::of(&architecture.encoder, routing.map(|r| r.encoder.as_slice()));
        let decoder = Totals::of(&architecture.decoder, routing.map(|r| r.decoder.as_slice()));
        match set {
            FeatureSet::Layers => Self {
                encoder: encoder.features(Part::Encoder, encoder.width),
                decoder: decoder.features(Part::Decoder, encoder.width),
            },
            FeatureSet::Averages => Averages::of(&encoder, &decoder).features(),
        }
    }
}

/// Shares of the tokens that each expert receives, as measured: one list a layer, one share an expert. An empty list (a
/// dense layer, or one that was not measured) stands for equal shares.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingFractions {
    /// Layers of the encoder.
    #[serde(default)]
    pub encoder: Vec<Vec<f64>>,
    /// Layers of the decoder.
    #[serde(default)]
    pub decoder: Vec<Vec<f64>>,
}

impl RoutingFractions {
    /// Checks that the shares belong to `architecture`.
    ///
    /// # Errors
    /// A layer or expert too many or too few, a share that is no number from 0 to 1.
    pub fn check(&self, architecture: &Architecture) -> Result<()> {
        let stacks =
            [("encoder", &self.encoder, &architecture.encoder), ("decoder", &self.decoder, &architecture.decoder)];
        for (name, shares, stack) in stacks {
            if !shares.is_empty() && shares.len() != stack.layers.len() {
                return Err(Error::input(format!(
                    "{name}: routing fractions of {} layers for {} layers",
                    shares.len(),
                    stack.layers.len()
                )));
            }
            for (index, (shares, layer)) in shares.iter().zip(&stack.layers).enumerate() {
                let experts = layer.experts.as_ref().map_or(0, |e| e.ffn_dims.len());
                let fits = shares.is_empty() || shares.len() == experts;
                if !fits || !shares.iter().all(|share| (0.0..=1.0).contains(share)) {
                    return Err(Error::input(format!(
                        "{name} layer {}: expected {experts} routing fractions from 0 to 1, or none",
                        index + 1
                    )));
                }
            }
        }
        Ok(())
    }
}

/// HAT's features of one architecture: per-layer genes are averages over the layers in use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Averages {
    /// `encoder_embed_dim`
    pub encoder_width: f64,
    /// `encoder_layer_num`
    pub encoder_layers: f64,
    /// `encoder_ffn_embed_dim_avg`
    pub encoder_ffn: f64,
    /// `encoder_self_attention_heads_avg`
    pub encoder_heads: f64,
    /// `decoder_embed_dim`
    pub decoder_width: f64,
    /// `decoder_layer_num`
    pub decoder_layers: f64,
    /// `decoder_ffn_embed_dim_avg`
    pub decoder_ffn: f64,
    /// `decoder_self_attention_heads_avg`
    pub decoder_heads: f64,
    /// `decoder_ende_attention_heads_avg`
    pub cross_heads: f64,
    /// `decoder_arbitrary_ende_attn_avg`: encoder layers attended to (-1 counts as 1, 1 as 2, 2 as 3)
    pub attended: f64,
    /// `encoder_n_experts_avg`; 1 where the file has no such column
    pub encoder_experts: f64,
    /// `decoder_n_experts_avg`; 1 where the file has no such column
    pub decoder_experts: f64,
}

const AVERAGE_ENCODER: [&str; 8] =
    ["call", "width", "layer", "layer_width", "layer_ffn", "layer_width_ffn", "layer_heads", "layer_experts"];
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
    fn of(encoder: &Totals, decoder: &Totals) -> Self {
        Self {
            encoder_width: encoder.width * WIDTH_UNIT,
            encoder_layers: encoder.layers,
            encoder_ffn: encoder.ffn_routed * FFN_UNIT / encoder.layers,
            encoder_heads: encoder.heads * HEADS_UNIT / encoder.layers,
            decoder_width: decoder.width * WIDTH_UNIT,
            decoder_layers: decoder.layers,
            decoder_ffn: decoder.ffn_routed * FFN_UNIT / decoder.layers,
            decoder_heads: decoder.heads * HEADS_UNIT / decoder.layers,
            cross_heads: decoder.cross_heads * HEADS_UNIT / decoder.layers,
            attended: decoder.attended / decoder.layers,
            encoder_experts: (encoder.experts / encoder.layers).max(1.0),
            decoder_experts: (decoder.experts / decoder.layers).max(1.0),
        }
    }

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
    "expert_width",
    "routed_expert",
    "expert_weights",
    "cross_attention",
    "cross_heads",
    "cross_attended",
    "cross_attended_encoder_width",
    "cross_attended_heads",
];

/// Sums over the layers of a stack.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    width: f64,
    layers: f64,
    /// Layers with attention, and their heads.
    attention: f64,
    heads: f64,
    /// Layers with a feed-forward network; hidden features a token passes; hidden features of all experts that get tokens.
    ffn: f64,
    ffn_routed: f64,
    ffn_all: f64,
    /// Layers with a router, their experts, and the experts a token is sent to.
    routers: f64,
    experts: f64,
    routes: f64,
    /// Layers with cross-attention, their heads, the encoder layers attended to, and the product of the two.
    cross: f64,
    cross_heads: f64,
    attended: f64,
    attended_heads: f64,
}

impl Totals {
    fn of(stack: &Stack, routing: Option<&[Vec<f64>]>) -> Self {
        let mut totals =
            Self { width: stack.embed_dim as f64 / WIDTH_UNIT, layers: stack.layers.len() as f64, ..Self::default() };
        for (index, layer) in stack.layers.iter().enumerate() {
            totals.add_attention(layer);
            if layer.keep_ffn {
                let shares = routing.and_then(|layers| layers.get(index));
                totals.add_ffn(layer, shares.map_or(&[], Vec::as_slice));
            }
        }
        totals
    }

    fn add_attention(&mut self, layer: &Layer) {
        if !layer.keep_attention {
            return;
        }
        self.attention += 1.0;
        self.heads += layer.self_attention_heads as f64 / HEADS_UNIT;
        if let Some(cross) = layer.cross_attention {
            let heads = cross.heads as f64 / HEADS_UNIT;
            self.cross += 1.0;
            self.cross_heads += heads;
            self.attended += cross.encoder_layers as f64;
            self.attended_heads += cross.encoder_layers as f64 * heads;
        }
    }

    /// A layer's feed-forward network; `shares` are its routing fractions, empty for equal shares.
    fn add_ffn(&mut self, layer: &Layer, shares: &[f64]) {
        self.ffn += 1.0;
        let Some(experts) = &layer.experts else {
            let size = layer.ffn_embed_dim as f64 / FFN_UNIT;
            self.ffn_routed += size;
            self.ffn_all += size;
            return;
        };
        let count = experts.ffn_dims.len();
        let total: f64 = shares.iter().sum();
        let even = shares.len() != count || total <= 0.0;
        self.routers += 1.0;
        self.experts += count as f64;
        self.routes += experts.top_k as f64;
        for (expert, &size) in experts.ffn_dims.iter().enumerate() {
            let share = if even { 1.0 / count as f64 } else { shares[expert] / total };
            let size = size as f64 / FFN_UNIT;
            self.ffn_routed += share * experts.top_k as f64 * size;
            if share > 0.0 {
                self.ffn_all += size;
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
            self.experts * self.width,
            self.routes,
            self.ffn_all * self.width,
        ];
        let mut shape = vec![
            self.width,
            self.layers,
            self.attention,
            self.heads,
            self.ffn,
            self.ffn_routed,
            self.experts,
            self.ffn_all,
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
        assert_eq!(operator(&even, "expert_weights"), 3.0);
        let routing = RoutingFractions { encoder: vec![vec![], vec![1.0, 0.0]], decoder: vec![] };
        routing.check(&architecture).unwrap();
        let routed = Features::of(FeatureSet::Layers, &architecture, Some(&routing));
        assert_eq!(operator(&routed, "ffn_size"), 1.5);
        assert_eq!(operator(&routed, "expert_weights"), 1.5);
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
    fn layers_tell_apart_what_averages_cannot() {
        let spread = |attended: [usize; 2]| {
            let mut architecture = Architecture::dense(512, 2048, 8, 2, 2);
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
        for encoder in [vec![vec![]], vec![vec![], vec![0.5, 0.3, 0.2]], vec![vec![], vec![1.5, -0.5]]] {
            let routing = RoutingFractions { encoder, decoder: vec![] };
            assert!(routing.check(&architecture).is_err());
        }
    }
}
