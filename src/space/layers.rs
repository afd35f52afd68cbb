//! The choices of `[space]` resolved layer by layer, alike for both stacks.

use super::choices::SpaceConfig;
use super::gene::{EACH_EXPERT_FFN_DIM, FFN_EMBED_DIM, Gene, LAYER_NUM, N_EXPERTS, Part, STD_VS_DUMMY_EXPERTS};
use super::genes;
use super::side::Side;

/// The choices of one stack.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StackSpace {
    pub side: Side,
    /// The genes of the whole stack.
    pub genes: Vec<GeneSpace>,
    /// As many as the most layers.
    pub layers: Vec<LayerSpace>,
}

/// The choices of one layer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LayerSpace {
    /// The genes that the layer has, in the order in which they are drawn: a dense layer has none of experts, and one whose
    /// experts share a size none of single experts.
    pub genes: Vec<GeneSpace>,
}

/// A gene and the values that it may take, at least one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GeneSpace {
    pub gene: &'static Gene,
    pub choices: Vec<usize>,
}

impl StackSpace {
    /// The choices of one side of `config`, which has no faults.
    pub fn resolve(config: &SpaceConfig, side: Side) -> Self {
        let genes = genes_of(config, side, 0, |part| part == Part::Stack);
        let layers = of(&genes, LAYER_NUM).iter().copied().max().unwrap_or(0);
        let layer = |index| LayerSpace::resolve(config, side, index);
        Self { side, layers: (0..layers).map(layer).collect(), genes }
    }

    /// The choices of a gene of the whole stack.
    pub fn of(&self, gene: &str) -> &[usize] {
        of(&self.genes, gene)
    }
}

impl LayerSpace {
    fn resolve(config: &SpaceConfig, side: Side, index: usize) -> Self {
        let counts = config.of(side, N_EXPERTS).layer(index).unwrap_or(&[]);
        let has_experts = counts.iter().any(|&count| count > 0);
        Self {
            genes: genes_of(config, side, index, |part| part != Part::Stack && (has_experts || part != Part::Experts)),
        }
    }

    /// The choices of a gene; none where the layer does not have it.
    pub fn of(&self, gene: &str) -> &[usize] {
        of(&self.genes, gene)
    }

    /// Whether the layer has experts; else it has a dense feed-forward network.
    pub fn has_experts(&self) -> bool {
        !self.of(N_EXPERTS).is_empty()
    }

    /// Whether its experts have sizes of their own, so that no weight has its `ffn_embed_dim`.
    pub fn is_fractional(&self) -> bool {
        !self.of(EACH_EXPERT_FFN_DIM).is_empty()
    }

    /// Whether the layer has `gene` without any weight that depends on it.
    pub fn is_unused(&self, gene: &Gene) -> bool {
        gene.name == FFN_EMBED_DIM && self.is_fractional()
    }

    /// The sizes that expert `index` may have in a layer with this `ffn_embed_dim`, each once.
    pub fn sizes_of(&self, index: usize, ffn_embed_dim: usize) -> Vec<usize> {
        let mut sizes = match self.of(EACH_EXPERT_FFN_DIM) {
            [] => vec![ffn_embed_dim],
            sizes => sizes.to_vec(),
        };
        let first_is_network = self.of(STD_VS_DUMMY_EXPERTS);
        if index == 0 {
            if !first_is_network.contains(&1) {
                sizes.clear();
            }
            if first_is_network.contains(&0) && !sizes.contains(&0) {
                sizes.push(0);
            }
        }
        sizes
    }
}

impl GeneSpace {
    /// The values that the gene takes in a layer with `experts`: its choices, each once.
    pub fn clipped(&self, experts: usize) -> Vec<usize> {
        let mut values = Vec::new();
        for &choice in &self.choices {
            let value = self.gene.values.clipped(choice, experts);
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }
}

/// The genes of some parts of layer `index`, with their choices, in the order in which they are drawn.
fn genes_of(config: &SpaceConfig, side: Side, index: usize, parts: impl Fn(Part) -> bool) -> Vec<GeneSpace> {
    let genes = genes::in_order_of_drawing(side).into_iter().filter(|gene| parts(gene.part));
    let resolved = genes.map(|gene| {
        let choices = config.of(side, gene.name).layer(index).unwrap_or(&[]);
        GeneSpace { gene, choices: choices.iter().map(|&choice| gene.values.read(choice)).collect() }
    });
    resolved.filter(|gene| !gene.choices.is_empty()).collect()
}

fn of<'a>(genes: &'a [GeneSpace], name: &str) -> &'a [usize] {
    genes.iter().find(|space| space.gene.name == name).map_or(&[], |space| &space.choices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::choices::Choices;

    #[test]
    fn the_first_expert_may_be_made_the_identity() {
        let sizes = |flags: &[i64], fractional: &[i64]| {
            let config = SpaceConfig::default().with([
                ("encoder_std_vs_dummy_experts", Choices::Every(flags.to_vec())),
                ("encoder_each_expert_ffn_dim", Choices::Every(fractional.to_vec())),
            ]);
            let layer = LayerSpace::resolve(&config, Side::Encoder, 0);
            [layer.sizes_of(0, 2048), layer.sizes_of(1, 2048)]
        };
        assert_eq!(sizes(&[1], &[]), [vec![2048], vec![2048]]);
        assert_eq!(sizes(&[0], &[]), [vec![0], vec![2048]]);
        assert_eq!(sizes(&[0, 1], &[]), [vec![2048, 0], vec![2048]]);
        assert_eq!(sizes(&[0, 1], &[0, 64]), [vec![0, 64], vec![0, 64]]);
    }
}
