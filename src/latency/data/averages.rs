//! HAT's ten features (twelve with experts): what averages over the layers tell of an architecture's operators.

use super::totals::{FFN_UNIT, HEADS_UNIT, WIDTH_UNIT, totals};
use crate::cost::RoutingFractions;
use crate::space::Architecture;

/// HAT's ten feature columns.
pub const AVERAGES: [&str; 10] = [
    "encoder_embed_dim",
    "encoder_layer_num",
    "encoder_ffn_embed_dim_avg",
    "encoder_self_attention_heads_avg",
    "decoder_embed_dim",
    "decoder_layer_num",
    "decoder_ffn_embed_dim_avg",
    "decoder_self_attention_heads_avg",
    "decoder_ende_attention_heads_avg",
    "decoder_arbitrary_ende_attn_avg",
];

/// The two feature columns more of models with experts.
pub const EXPERT_AVERAGES: [&str; 2] = ["encoder_n_experts_avg", "decoder_n_experts_avg"];

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

impl Averages {
    /// The averages of `architecture`. Without `routing` every expert gets the same share of tokens.
    pub fn of(architecture: &Architecture, routing: Option<&RoutingFractions>) -> Self {
        let [encoder, decoder] = totals(architecture, routing);
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
            encoder_experts: (encoder.networks / encoder.layers).max(1.0),
            decoder_experts: (decoder.networks / decoder.layers).max(1.0),
        }
    }

    /// From [`AVERAGES`] and [`EXPERT_AVERAGES`], in their order.
    pub fn new(averages: [f64; 10], experts: [f64; 2]) -> Self {
        let [encoder_width, encoder_layers, encoder_ffn, encoder_heads, decoder_width, ..] = averages;
        let [.., decoder_layers, decoder_ffn, decoder_heads, cross_heads, attended] = averages;
        let [encoder_experts, decoder_experts] = experts;
        Self {
            encoder_width,
            encoder_layers,
            encoder_ffn,
            encoder_heads,
            decoder_width,
            decoder_layers,
            decoder_ffn,
            decoder_heads,
            cross_heads,
            attended,
            encoder_experts,
            decoder_experts,
        }
    }

    /// The names of [`Self::values`].
    pub fn names() -> impl Iterator<Item = &'static str> {
        AVERAGES.into_iter().chain(EXPERT_AVERAGES)
    }

    /// The twelve numbers, in the order of the fields: HAT's ten, then the two of models with experts.
    pub fn values(&self) -> [f64; 12] {
        [
            self.encoder_width,
            self.encoder_layers,
            self.encoder_ffn,
            self.encoder_heads,
            self.decoder_width,
            self.decoder_layers,
            self.decoder_ffn,
            self.decoder_heads,
            self.cross_heads,
            self.attended,
            self.encoder_experts,
            self.decoder_experts,
        ]
    }
}
