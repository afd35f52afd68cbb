//! `[space]`: the values that each gene may take, as the user writes them.

use serde::{Deserialize, Serialize};

/// `[space]`: the choices of every gene. A flat list holds for every layer; a list of lists gives each layer its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpaceConfig {
    /// Encoder widths.
    pub encoder_embed_dim: Vec<usize>,
    /// Decoder widths.
    pub decoder_embed_dim: Vec<usize>,
    /// Numbers of encoder layers.
    pub encoder_layer_num: Vec<usize>,
    /// Numbers of decoder layers.
    pub decoder_layer_num: Vec<usize>,
    /// Feed-forward sizes of encoder layers.
    pub encoder_ffn_embed_dim: Choices<usize>,
    /// Feed-forward sizes of decoder layers.
    pub decoder_ffn_embed_dim: Choices<usize>,
    /// Heads of encoder self-attention.
    pub encoder_self_attention_heads: Choices<usize>,
    /// Heads of decoder self-attention.
    pub decoder_self_attention_heads: Choices<usize>,
    /// Heads of cross-attention.
    pub decoder_ende_attention_heads: Choices<usize>,
    /// Encoder layers that cross-attention sees: -1 the last, 1 the last two, 2 the last three.
    pub decoder_arbitrary_ende_attn: Choices<i64>,
    /// Numbers of experts in encoder layers; empty: the encoder is dense, without routers (0 makes one layer dense).
    pub encoder_n_experts: Choices<usize>,
    /// Numbers of experts in decoder layers; empty: the decoder is dense, without routers (0 makes one layer dense).
    pub decoder_n_experts: Choices<usize>,
    /// Experts each token is sent to (clipped to the layer's experts).
    pub encoder_num_experts_to_route: Choices<usize>,
    /// Experts each token is sent to (clipped to the layer's experts).
    pub decoder_num_experts_to_route: Choices<usize>,
    /// Fractional experts: sizes that each expert chooses from (0: identity); empty: all of a layer have its `ffn_embed_dim`.
    pub encoder_each_expert_ffn_dim: Choices<usize>,
    /// Fractional experts: sizes that each expert chooses from (0: identity); empty: all of a layer have its `ffn_embed_dim`.
    pub decoder_each_expert_ffn_dim: Choices<usize>,
    /// 1: the layer's first expert is a network; 0: it is the identity.
    pub encoder_std_vs_dummy_experts: Choices<usize>,
    /// 1: the layer's first expert is a network; 0: it is the identity.
    pub decoder_std_vs_dummy_experts: Choices<usize>,
    /// 1 keeps a layer's attention sublayer, 0 drops it.
    pub encoder_drop_mha_sublayer: Choices<usize>,
    /// 1 keeps a layer's attention sublayers, 0 drops them.
    pub decoder_drop_mha_sublayer: Choices<usize>,
    /// 1 keeps a layer's feed-forward sublayer, 0 drops it.
    pub encoder_drop_ffn_sublayer: Choices<usize>,
    /// 1 keeps a layer's feed-forward sublayer, 0 drops it.
    pub decoder_drop_ffn_sublayer: Choices<usize>,
}

/// The values a gene may take: the same for every layer, or each layer's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a list of whole numbers, or a list of such lists, one for each layer")]
pub enum Choices<T> {
    /// The same values in every layer.
    Every(Vec<T>),
    /// Layer i chooses from list i.
    PerLayer(Vec<Vec<T>>),
}

impl<T> Choices<T> {
    /// The values for layer `index` (the first is 0); `None` where there is no list for that layer.
    pub fn layer(&self, index: usize) -> Option<&[T]> {
        match self {
            Self::Every(values) => Some(values),
            Self::PerLayer(lists) => lists.get(index).map(Vec::as_slice),
        }
    }

    /// Whether no layer has any choice.
    pub fn is_empty(&self) -> bool {
        self.values().next().is_none()
    }

    /// All values, layer after layer.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        let (every, lists) = match self {
            Self::Every(values) => (values.as_slice(), &[][..]),
            Self::PerLayer(lists) => (&[][..], lists.as_slice()),
        };
        every.iter().chain(lists.iter().flatten())
    }
}

impl Default for SpaceConfig {
    /// WMT'14 En-De with up to six experts of one size a layer.
    fn default() -> Self {
        let every = |values: &[usize]| Choices::Every(values.to_vec());
        Self {
            encoder_embed_dim: vec![640, 512],
            decoder_embed_dim: vec![640, 512],
            encoder_layer_num: vec![6],
            decoder_layer_num: vec![6, 5, 4, 3, 2, 1],
            encoder_ffn_embed_dim: every(&[3072, 2048, 1024]),
            decoder_ffn_embed_dim: every(&[3072, 2048, 1024]),
            encoder_self_attention_heads: every(&[8, 4]),
            decoder_self_attention_heads: every(&[8, 4]),
            decoder_ende_attention_heads: every(&[8, 4]),
            decoder_arbitrary_ende_attn: Choices::Every(vec![-1, 1, 2]),
            encoder_n_experts: every(&[1, 2, 3, 4, 5, 6]),
            decoder_n_experts: every(&[1, 2, 3, 4, 5, 6]),
            encoder_num_experts_to_route: every(&[1]),
            decoder_num_experts_to_route: every(&[1]),
            encoder_each_expert_ffn_dim: every(&[]),
            decoder_each_expert_ffn_dim: every(&[]),
            encoder_std_vs_dummy_experts: every(&[1]),
            decoder_std_vs_dummy_experts: every(&[1]),
            encoder_drop_mha_sublayer: every(&[1]),
            decoder_drop_mha_sublayer: every(&[1]),
            encoder_drop_ffn_sublayer: every(&[1]),
            decoder_drop_ffn_sublayer: every(&[1]),
        }
    }
}
