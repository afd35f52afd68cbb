//! One Transformer's shape as plain data: the currency between all rooms.

use super::side::Side;

/// The shape of one encoder–decoder Transformer, dense or with experts.
///
/// Its JSON form uses the field's gene names (`encoder_embed_dim`, `decoder_n_experts`, …); see
/// [`super::json`]. Values built through that form or through [`super::Space`] are valid: see
/// [`Architecture::validate`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Architecture {
    /// The encoder; no layer of it has cross-attention.
    pub encoder: Stack,
    /// The decoder; every layer of it has cross-attention.
    pub decoder: Stack,
}

/// Encoder or decoder: layers of one width.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stack {
    /// Width of the residual stream.
    pub embed_dim: usize,
    /// The layers in use, first to last.
    pub layers: Vec<Layer>,
}

/// One layer of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Layer {
    /// Heads of self-attention; they split `qkv_dim`.
    pub self_attention_heads: usize,
    /// Attention over the encoder's output: decoder layers only.
    pub cross_attention: Option<CrossAttention>,
    /// Size of the dense feed-forward network (`*_ffn_embed_dim`). With fractional experts no weight of the
    /// layer has this size; only the reference's own count of parameters looks at it.
    pub ffn_embed_dim: usize,
    /// The experts, or `None` for a dense feed-forward network without a router.
    pub experts: Option<Experts>,
    /// False: the attention sublayers (in the decoder both) are not there at all (`*_drop_mha_sublayer` = 0).
    pub keep_attention: bool,
    /// False: the feed-forward sublayer is not there at all (`*_drop_ffn_sublayer` = 0).
    pub keep_ffn: bool,
}

/// Attention of a decoder layer over encoder outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CrossAttention {
    /// Heads; they split `qkv_dim`.
    pub heads: usize,
    /// How many of the encoder's last layers are attended to, concatenated along time, last layer first: 1, 2 or 3
    /// (`decoder_arbitrary_ende_attn` = -1, 1 or 2).
    pub encoder_layers: usize,
}

/// The experts of one mixture-of-experts layer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Experts {
    /// Feed-forward size of each expert; 0 is the identity expert.
    pub ffn_dims: Vec<usize>,
    /// Experts that each token is sent to: 1 to the number of experts.
    pub top_k: usize,
}

/// The widest stack, the largest feed-forward size, the most heads.
pub const MAX_WIDTH: usize = 65_536;
/// The most layers of a stack.
pub const MAX_LAYERS: usize = 256;
/// The most experts of a layer.
pub const MAX_EXPERTS: usize = 1_024;
/// The most encoder layers that cross-attention sees.
pub const MAX_ATTENDED_LAYERS: usize = 3;

impl Architecture {
    /// A dense Transformer whose layers are all alike, cross-attention on the last encoder layer.
    pub fn dense(
        embed_dim: usize,
        ffn_embed_dim: usize,
        heads: usize,
        encoder_layers: usize,
        decoder_layers: usize,
    ) -> Self {
        let layer =
            |cross_attention| Layer { self_attention_heads: heads, cross_attention, ffn_embed_dim, ..Layer::default() };
        let cross = CrossAttention { heads, encoder_layers: 1 };
        Self {
            encoder: Stack { embed_dim, layers: vec![layer(None); encoder_layers] },
            decoder: Stack { embed_dim, layers: vec![layer(Some(cross)); decoder_layers] },
        }
    }

    /// The stack of a side.
    pub fn stack(&self, side: Side) -> &Stack {
        match side {
            Side::Encoder => &self.encoder,
            Side::Decoder => &self.decoder,
        }
    }

    /// The same model, with no cross-attention to more encoder layers than there are: it sees those there are, whatever the
    /// gene says. Two architectures of a [`super::Space`] are the same model exactly when these forms are equal.
    pub fn clipped(&self) -> Self {
        let mut clipped = self.clone();
        let depth = self.encoder.layers.len();
        for cross in clipped.decoder.layers.iter_mut().filter_map(|layer| layer.cross_attention.as_mut()) {
            cross.encoder_layers = cross.encoder_layers.min(depth);
        }
        clipped
    }
}

impl Layer {
    /// How many experts it has; 0 for a dense layer.
    pub fn expert_count(&self) -> usize {
        self.experts.as_ref().map_or(0, |experts| experts.ffn_dims.len())
    }

    /// Puts `count` experts of its feed-forward size in place of the dense network, and sends each token to `top_k` of them; 0 makes
    /// it dense.
    pub fn give_experts(&mut self, count: usize, top_k: usize) {
        self.experts = (count > 0).then(|| Experts { ffn_dims: vec![self.ffn_embed_dim; count], top_k });
    }

    /// Feed-forward sizes of its networks: of each expert (0: the identity), or of the one that a dense layer has.
    pub fn network_sizes(&self) -> Vec<usize> {
        self.experts.as_ref().map_or_else(|| vec![self.ffn_embed_dim], |experts| experts.ffn_dims.clone())
    }

    /// Whether the expert with this index, the first being 0, is the identity.
    pub fn is_identity(&self, expert: usize) -> bool {
        self.experts.as_ref().is_some_and(|experts| experts.ffn_dims.get(expert) == Some(&0))
    }
}

impl Default for Layer {
    /// The smallest: dense, without cross-attention, nothing dropped.
    fn default() -> Self {
        Self {
            self_attention_heads: 1,
            cross_attention: None,
            ffn_embed_dim: 1,
            experts: None,
            keep_attention: true,
            keep_ffn: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cross_attention_sees_no_more_layers_than_there_are() {
        let attending = |layers: usize, seen: usize| {
            let mut model = Architecture::dense(512, 2048, 8, layers, 1);
            model.decoder.layers[0].cross_attention.as_mut().unwrap().encoder_layers = seen;
            model
        };
        assert_eq!(attending(1, 3).clipped(), attending(1, 1));
        assert_eq!(attending(2, 3).clipped(), attending(2, 2));
        assert_eq!(attending(6, 3).clipped(), attending(6, 3));
    }
}
