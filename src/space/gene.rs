//! What there is to know about a gene; the genes themselves are [`super::genes`].

use super::architecture::{Layer, Stack};
use super::side::Side;
use super::values::ValueKind;
use serde::Serialize;

/// The gene of how many layers a stack has.
pub(super) const LAYER_NUM: &str = "layer_num";
/// The gene of a dense layer's feed-forward size.
pub(super) const FFN_EMBED_DIM: &str = "ffn_embed_dim";
/// The gene of how many experts a layer has.
pub(super) const N_EXPERTS: &str = "n_experts";
/// The gene of fractional experts' sizes.
pub(super) const EACH_EXPERT_FFN_DIM: &str = "each_expert_ffn_dim";
/// The gene of whether a layer's first expert is a network.
pub(super) const STD_VS_DUMMY_EXPERTS: &str = "std_vs_dummy_experts";
/// The gene of whether a layer keeps its attention.
pub(super) const DROP_MHA_SUBLAYER: &str = "drop_mha_sublayer";
/// The gene of whether a layer keeps its feed-forward network.
pub(super) const DROP_FFN_SUBLAYER: &str = "drop_ffn_sublayer";

/// One gene, on one side or on both.
#[derive(Debug)]
pub(crate) struct Gene {
    /// Its name without the side's prefix.
    pub name: &'static str,
    /// What its choices in `[space]` are.
    pub documentation: &'static str,
    /// Its default choices in the encoder; `None`: the encoder does not have it.
    pub encoder: Option<&'static [i64]>,
    /// Its default choices in the decoder; `None`: the decoder does not have it.
    pub decoder: Option<&'static [i64]>,
    pub(super) part: Part,
    pub(super) values: ValueKind,
    pub(super) json: InJson,
    pub(super) at: At,
}

/// What a gene has one value for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The whole encoder or decoder.
    Stack,
    /// Each of its layers.
    Layer,
    /// Each expert of each layer.
    Expert,
}

/// What a gene shapes. Parts are drawn in this order, and within a part genes of layers before those of experts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The stack.
    Stack,
    /// Which sublayers a layer has.
    Sublayers,
    /// The attention sublayers.
    Attention,
    /// The feed-forward sublayer.
    FeedForward,
    /// The experts of the feed-forward sublayer: not there in a dense layer.
    Experts,
}

/// How a gene stands in the JSON form. But for the first all may be missing, and then mean what [`Layer::default`] has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InJson {
    /// It must be there.
    Required,
    /// Always printed.
    Printed,
    /// Printed unless every layer has this value; a layer without the gene has 0.
    Unless(usize),
    /// Printed where the experts of a layer differ from its `ffn_embed_dim`.
    IfFractional,
    /// Never printed: other genes say the same.
    OnlyRead,
}

/// Where a gene's values are: how they are read from an architecture (`None`: the layer or expert does not have the gene)
/// and written into one. What is set last wins, so genes are set in the order of the table or of drawing.
#[derive(Debug, Clone, Copy)]
pub(super) enum At {
    Stack { get: fn(&Stack) -> usize, set: fn(&mut Stack, usize) },
    Layer { get: fn(&Layer) -> Option<usize>, set: fn(&mut Layer, usize) },
    Expert { get: fn(&Layer, usize) -> Option<usize>, set: fn(&mut Layer, usize, usize) },
}

impl Gene {
    /// Its name in `[space]` and in the JSON form of an architecture.
    pub fn key(&self, side: Side) -> String {
        format!("{}_{}", side.name(), self.name)
    }

    /// Its default choices on a side; `None` where that side does not have it.
    pub fn defaults(&self, side: Side) -> Option<&'static [i64]> {
        match side {
            Side::Encoder => self.encoder,
            Side::Decoder => self.decoder,
        }
    }

    /// What it has one value for.
    pub fn scope(&self) -> Scope {
        match self.at {
            At::Stack { .. } => Scope::Stack,
            At::Layer { .. } => Scope::Layer,
            At::Expert { .. } => Scope::Expert,
        }
    }

    /// Whether HAT's spaces have it. AutoMoE added those of experts and of which sublayers there are.
    pub(crate) fn is_of_hat(&self) -> bool {
        !matches!(self.part, Part::Experts | Part::Sublayers)
    }

    /// The genes of the same side that decide whether it is there, and how often.
    pub fn depends_on(&self) -> &'static [&'static str] {
        match self.part {
            Part::Stack => &[],
            Part::Sublayers => &[LAYER_NUM],
            Part::Attention => &[LAYER_NUM, DROP_MHA_SUBLAYER],
            Part::FeedForward => &[LAYER_NUM, DROP_FFN_SUBLAYER],
            Part::Experts if self.name == N_EXPERTS => &[LAYER_NUM, DROP_FFN_SUBLAYER],
            Part::Experts if self.scope() == Scope::Layer => &[LAYER_NUM, DROP_FFN_SUBLAYER, N_EXPERTS],
            Part::Experts => &[LAYER_NUM, DROP_FFN_SUBLAYER, N_EXPERTS, STD_VS_DUMMY_EXPERTS],
        }
    }
}

/// Genes are one where they have one name: no two in the table have the same.
impl PartialEq for Gene {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Part {
    /// Whether `layer`, whose [`Part::Sublayers`] are set, has this part. A part that it lacks has no weights.
    pub fn is_kept(self, layer: &Layer) -> bool {
        match self {
            Self::Stack | Self::Sublayers => true,
            Self::Attention => layer.keep_attention,
            Self::FeedForward | Self::Experts => layer.keep_ffn,
        }
    }
}
