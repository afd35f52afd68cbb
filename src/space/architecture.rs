//! One Transformer's shape as plain data: the currency between all rooms.

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
        let layer = |cross_attention| Layer {
            self_attention_heads: heads,
            cross_attention,
            ffn_embed_dim,
            experts: None,
            keep_attention: true,
            keep_ffn: true,
        };
        let cross = CrossAttention { heads, encoder_layers: 1 };
        Self {
            encoder: Stack { embed_dim, layers: vec![layer(None); encoder_layers] },
            decoder: Stack { embed_dim, layers: vec![layer(Some(cross)); decoder_layers] },
        }
    }

    /// Everything that keeps the model from being built, one line for each fault, named like its key in the JSON form;
    /// empty for a valid architecture. Whether heads divide `qkv_dim` is [`Self::head_faults`]'s to say.
    pub fn validate(&self) -> Vec<String> {
        let mut faults = Vec::new();
        self.encoder.validate("encoder", false, &mut faults);
        self.decoder.validate("decoder", true, &mut faults);
        faults
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

    /// One line for each number of heads that does not split `qkv_dim` features evenly.
    pub fn head_faults(&self, qkv_dim: usize) -> Vec<String> {
        let mut faults = Vec::new();
        for (side, stack) in [("encoder", &self.encoder), ("decoder", &self.decoder)] {
            for (index, layer) in stack.layers.iter().enumerate() {
                let own = ("self_attention_heads", layer.self_attention_heads);
                let cross = layer.cross_attention.map(|c| ("ende_attention_heads", c.heads));
                for (gene, heads) in std::iter::once(own).chain(cross) {
                    if heads == 0 || !qkv_dim.is_multiple_of(heads) {
                        faults.push(format!(
                            "{side}_{gene}, layer {}: {heads} heads do not divide qkv_dim = {qkv_dim}",
                            index + 1
                        ));
                    }
                }
            }
        }
        faults
    }
}

impl Stack {
    fn validate(&self, side: &str, is_decoder: bool, faults: &mut Vec<String>) {
        if let Some(fault) = width_fault(self.embed_dim) {
            faults.push(format!("{side}_embed_dim: {fault}"));
        }
        check(faults, format!("{side}_layer_num"), self.layers.len(), 1, MAX_LAYERS);
        for (index, layer) in self.layers.iter().enumerate() {
            layer.validate(side, index + 1, is_decoder, faults);
        }
    }
}

impl Layer {
    fn validate(&self, side: &str, number: usize, is_decoder: bool, faults: &mut Vec<String>) {
        let name = |gene: &str| format!("{side}_{gene}, layer {number}");
        check(faults, name("ffn_embed_dim"), self.ffn_embed_dim, 1, MAX_WIDTH);
        check(faults, name("self_attention_heads"), self.self_attention_heads, 1, MAX_WIDTH);
        if self.cross_attention.is_some() != is_decoder {
            let holds = if is_decoder { "needs" } else { "cannot have" };
            faults.push(format!("{side} layer {number} {holds} cross-attention"));
        }
        if let Some(cross) = self.cross_attention {
            check(faults, name("ende_attention_heads"), cross.heads, 1, MAX_WIDTH);
            let seen = format!("{} (encoder layers attended to)", name("arbitrary_ende_attn"));
            check(faults, seen, cross.encoder_layers, 1, MAX_ATTENDED_LAYERS);
        }
        if let Some(experts) = &self.experts {
            let count = experts.ffn_dims.len();
            check(faults, name("n_experts"), count, 1, MAX_EXPERTS);
            check(faults, name("num_experts_to_route"), experts.top_k, 1, count);
            for (expert, &size) in experts.ffn_dims.iter().enumerate() {
                let gene = format!("{}, expert {}", name("each_expert_ffn_dim"), expert + 1);
                check(faults, gene, size, 0, MAX_WIDTH);
            }
        }
    }
}

/// What is wrong with a stack's width. Sinusoidal positions come in pairs and divide by `width / 2 - 1`.
pub(super) fn width_fault(width: usize) -> Option<String> {
    let is_width = (4..=MAX_WIDTH).contains(&width) && width.is_multiple_of(2);
    (!is_width).then(|| format!("{width} is not an even number between 4 and {MAX_WIDTH}"))
}

fn check(faults: &mut Vec<String>, gene: String, value: usize, least: usize, most: usize) {
    if value < least || value > most {
        faults.push(format!("{gene}: {value} is not between {least} and {most}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dense_transformer_is_valid() {
        let base = Architecture::dense(512, 2048, 8, 6, 6);
        assert_eq!(base.validate(), Vec::<String>::new());
        assert_eq!(base.head_faults(512), Vec::<String>::new());
        assert_eq!(base.head_faults(516).len(), 18);
    }

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

    #[test]
    fn each_fault_is_named() {
        let mut model = Architecture::dense(0, 2048, 8, 1, 2);
        model.encoder.layers[0].cross_attention = model.decoder.layers[0].cross_attention;
        model.decoder.layers[0].cross_attention = None;
        model.decoder.layers[1].experts = Some(Experts { ffn_dims: vec![0, MAX_WIDTH + 1], top_k: 3 });
        let faults = model.validate();
        let expected = [
            "encoder_embed_dim: 0 is not an even number between 4 and 65536",
            "encoder layer 1 cannot have cross-attention",
            "decoder_embed_dim: 0 is not an even number between 4 and 65536",
            "decoder layer 1 needs cross-attention",
            "decoder_num_experts_to_route, layer 2: 3 is not between 1 and 2",
            "decoder_each_expert_ffn_dim, layer 2, expert 2: 65537 is not between 0 and 65536",
        ];
        assert_eq!(faults, expected);
    }
}
