//! Whether an architecture is in a space, and if not, why.

use super::architecture::{Architecture, Layer, Stack};
use super::gene::{At, Gene, InJson, N_EXPERTS};
use super::genes;
use super::layers::{GeneSpace, LayerSpace, StackSpace};
use super::space::Space;

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

impl StackSpace {
    fn check(&self, stack: &Stack, faults: &mut Vec<String>) {
        for GeneSpace { gene, choices } in &self.genes {
            if let At::Stack { get, .. } = gene.at {
                let fault = other_than(choices, gene, get(stack));
                faults.extend(fault.map(|fault| format!("{}: {fault}", gene.key(self.side))));
            }
        }
        for (index, (space, layer)) in self.layers.iter().zip(&stack.layers).enumerate() {
            for gene in genes::of_side(self.side) {
                let named = |fault| format!("{}, layer {}: {fault}", gene.key(self.side), index + 1);
                faults.extend(space.faults(gene, layer).into_iter().map(named));
            }
        }
    }
}

impl LayerSpace {
    fn faults(&self, gene: &Gene, layer: &Layer) -> Vec<String> {
        match gene.at {
            At::Layer { get, .. } if gene.json != InJson::OnlyRead => {
                self.fault(gene, get(layer), layer.expert_count()).into_iter().collect()
            }
            At::Expert { get, .. } if self.has_experts() => {
                let fault = |expert| {
                    let size = get(layer, expert)?;
                    let choices = self.sizes_of(expert, layer.ffn_embed_dim);
                    let message = || format!("expert {} has {size}, the choices are {choices:?}", expert + 1);
                    (!choices.contains(&size)).then(message)
                };
                (0..layer.expert_count()).filter_map(fault).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The fault of a gene that a layer with `experts` has with this value, or does not have.
    fn fault(&self, gene: &Gene, value: Option<usize>, experts: usize) -> Option<String> {
        let space = self.genes.iter().find(|space| space.gene == gene);
        match (space, value) {
            (Some(space), Some(value)) => other_than(&space.clipped(experts), gene, value),
            (Some(space), None) if gene.name == N_EXPERTS => {
                Some(format!("a dense layer, where the choices are {:?} experts", space.choices))
            }
            (None, Some(count)) if gene.name == N_EXPERTS => {
                Some(format!("{count} experts, where the space has a dense layer"))
            }
            // The number of experts says it, or, of cross-attention in the wrong stack, the architecture's own faults.
            _ => None,
        }
    }
}

fn other_than(choices: &[usize], gene: &Gene, value: usize) -> Option<String> {
    if choices.contains(&value) {
        return None;
    }
    let write = |&value: &usize| gene.values.write(value);
    let choices: Vec<_> = choices.iter().map(write).collect();
    Some(format!("{} is not among the choices {choices:?}", write(&value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::architecture::Experts;
    use crate::space::choices::{Choices, SpaceConfig};

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
            config["decoder_arbitrary_ende_attn"] = Choices::Every(vec![-1, 1]);
        });
        let mut model = space.smallest();
        model.decoder.layers[0].cross_attention.as_mut().unwrap().encoder_layers = 3;
        let expected = ["decoder_arbitrary_ende_attn, layer 1: 2 is not among the choices [-1, 1]"];
        assert_eq!(space.contains(&model).unwrap_err(), expected);
    }
}
