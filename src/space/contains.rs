//! Whether an architecture is in a space, and if not, why.

use super::architecture::{Architecture, CrossAttention, Experts, Layer, Stack};
use super::layers::{CrossSpace, ExpertSpace, LayerSpace, StackSpace};
use super::space::Space;
use super::values::Values;
use std::fmt::Display;

impl Space {
    /// Whether `architecture` is one of the space's.
    ///
    /// # Errors
    /// One line for each fault: the gene, the layer (the first is 1), its value, the choices.
    pub fn contains(&self, architecture: &Architecture) -> Result<(), Vec<String>> {
        let mut faults = architecture.validate();
        self.encoder.check(&architecture.encoder, &mut faults);
        self.decoder.check(&architecture.decoder, &mut faults);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// Where the genes that are being checked belong.
struct Place<'a> {
    side: &'a str,
    /// From 1; 0 for genes of the whole stack.
    layer: usize,
    faults: &'a mut Vec<String>,
}

impl Place<'_> {
    fn check(&mut self, gene: &str, value: usize, choices: &[usize]) {
        self.check_as(gene, value, choices, |value| value as i64);
    }

    /// As [`Self::check`], for a gene whose values are written as `print` says.
    fn check_as(&mut self, gene: &str, value: usize, choices: &[usize], print: fn(usize) -> i64) {
        if !choices.contains(&value) {
            let choices: Vec<_> = choices.iter().map(|&choice| print(choice)).collect();
            let message = format!("{} is not among the choices {choices:?}", print(value));
            self.push(gene, message);
        }
    }

    fn push(&mut self, gene: &str, message: impl Display) {
        let layer = match self.layer {
            0 => String::new(),
            layer => format!(", layer {layer}"),
        };
        self.faults.push(format!("{}_{gene}{layer}: {message}", self.side));
    }
}

impl StackSpace {
    fn check(&self, stack: &Stack, faults: &mut Vec<String>) {
        let mut place = Place { side: self.side, layer: 0, faults };
        place.check("embed_dim", stack.embed_dim, &self.embed_dim);
        place.check("layer_num", stack.layers.len(), &self.layer_num);
        for (space, layer) in self.layers.iter().zip(&stack.layers) {
            place.layer += 1;
            space.check(layer, &mut place);
        }
    }
}

impl LayerSpace {
    fn check(&self, layer: &Layer, place: &mut Place) {
        place.check("ffn_embed_dim", layer.ffn_embed_dim, &self.ffn_embed_dim);
        let heads = layer.self_attention_heads;
        place.check("self_attention_heads", heads, &self.self_attention_heads);
        // Cross-attention in the wrong stack is a fault of the architecture itself.
        if let (Some(space), Some(cross)) = (&self.cross, layer.cross_attention) {
            space.check(cross, place);
        }
        match (&self.experts, &layer.experts) {
            (Some(space), Some(experts)) => space.check(experts, layer.ffn_embed_dim, place),
            (Some(space), None) => {
                place.push("n_experts", format!("a dense layer, where the choices are {:?} experts", space.count))
            }
            (None, Some(experts)) => place
                .push("n_experts", format!("{} experts, where the space has a dense layer", experts.ffn_dims.len())),
            (None, None) => {}
        }
        let keeps = [
            ("drop_mha_sublayer", layer.keep_attention, &self.keep_attention),
            ("drop_ffn_sublayer", layer.keep_ffn, &self.keep_ffn),
        ];
        for (gene, keep, choices) in keeps {
            place.check(gene, keep.into(), choices);
        }
    }
}

impl CrossSpace {
    fn check(&self, cross: CrossAttention, place: &mut Place) {
        place.check("ende_attention_heads", cross.heads, &self.heads);
        let (gene, seen) = ("arbitrary_ende_attn", cross.encoder_layers);
        place.check_as(gene, seen, &self.encoder_layers, |seen| Values::Attended.write(seen));
    }
}

impl ExpertSpace {
    fn check(&self, experts: &Experts, ffn_embed_dim: usize, place: &mut Place) {
        let count = experts.ffn_dims.len();
        place.check("n_experts", count, &self.count);
        place.check("num_experts_to_route", experts.top_k, &self.top_k_of(count));
        for (index, &size) in experts.ffn_dims.iter().enumerate() {
            let choices = self.sizes_of(index, ffn_embed_dim);
            if !choices.contains(&size) {
                place.push(
                    "each_expert_ffn_dim",
                    format!("expert {} has {size}, the choices are {choices:?}", index + 1),
                );
            }
        }
    }

    /// The sizes that expert `index` may have in a layer with this `ffn_embed_dim`, each once.
    pub(super) fn sizes_of(&self, index: usize, ffn_embed_dim: usize) -> Vec<usize> {
        let mut sizes = match &self.sizes {
            Some(sizes) => sizes.clone(),
            None => vec![ffn_embed_dim],
        };
        if index == 0 {
            if !self.first_is_network.contains(&1) {
                sizes.clear();
            }
            if self.first_is_network.contains(&0) && !sizes.contains(&0) {
                sizes.push(0);
            }
        }
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Choices, SpaceConfig};

    fn space(change: impl FnOnce(&mut SpaceConfig)) -> Space {
        let mut config = SpaceConfig::default();
        change(&mut config);
        Space::new(&config, 512).unwrap()
    }

    #[test]
    fn each_fault_names_gene_layer_value_and_choices() {
        let space = space(|_| {});
        let mut model = space.smallest();
        model.encoder.embed_dim = 256;
        model.encoder.layers[1].self_attention_heads = 16;
        model.encoder.layers[2].experts = None;
        model.encoder.layers[3].experts = Some(Experts { ffn_dims: vec![1024, 0], top_k: 2 });
        let cross = model.decoder.layers[0].cross_attention.as_mut();
        cross.unwrap().encoder_layers = 3;
        model.decoder.layers[0].keep_ffn = false;
        let expected = [
            "encoder_embed_dim: 256 is not among the choices [640, 512]",
            "encoder_self_attention_heads, layer 2: 16 is not among the choices [8, 4]",
            "encoder_n_experts, layer 3: a dense layer, where the choices are [1, 2, 3, 4, 5, 6] experts",
            "encoder_num_experts_to_route, layer 4: 2 is not among the choices [1]",
            "encoder_each_expert_ffn_dim, layer 4: expert 2 has 0, the choices are [1024]",
            "decoder_drop_ffn_sublayer, layer 1: 0 is not among the choices [1]",
        ];
        assert_eq!(space.contains(&model).unwrap_err(), expected);
    }

    #[test]
    fn attended_layers_are_named_by_their_gene() {
        let space = space(|config| {
            config.decoder_arbitrary_ende_attn = Choices::Every(vec![-1, 1]);
        });
        let mut model = space.smallest();
        model.decoder.layers[0].cross_attention.as_mut().unwrap().encoder_layers = 3;
        let expected = ["decoder_arbitrary_ende_attn, layer 1: 2 is not among the choices [-1, 1]"];
        assert_eq!(space.contains(&model).unwrap_err(), expected);
    }

    #[test]
    fn the_first_expert_may_be_made_the_identity() {
        let sizes = |flags: &[usize], fractional: &[usize]| {
            let space = space(|config| {
                config.encoder_std_vs_dummy_experts = Choices::Every(flags.to_vec());
                config.encoder_each_expert_ffn_dim = Choices::Every(fractional.to_vec());
            });
            let experts = space.encoder.layers[0].experts.clone().unwrap();
            [experts.sizes_of(0, 2048), experts.sizes_of(1, 2048)]
        };
        assert_eq!(sizes(&[1], &[]), [vec![2048], vec![2048]]);
        assert_eq!(sizes(&[0], &[]), [vec![0], vec![2048]]);
        assert_eq!(sizes(&[0, 1], &[]), [vec![2048, 0], vec![2048]]);
        assert_eq!(sizes(&[0, 1], &[0, 64]), [vec![0, 64], vec![0, 64]]);
    }
}
