//! An architecture as numbers, for what learns from architectures.

use super::architecture::{Architecture, Layer, Stack};
use super::gene::{At, FFN_EMBED_DIM, Gene};
use super::genes;
use super::side::Side;

impl Architecture {
    /// Every gene of every layer and expert of `largest`, each as a share of its value there: 0 for what this architecture
    /// lacks, mostly between 0 and 1. Equal models have equal numbers, whatever their genes say of parts that they do not have.
    pub fn normalized_genes(&self, largest: &Self) -> Vec<f32> {
        let (own, largest) = (self.clipped(), largest.clipped());
        let mut shares = Vec::new();
        for side in Side::BOTH {
            let (own, largest) = (own.stack(side), largest.stack(side));
            for gene in genes::of_side(side) {
                of_gene(gene, own, largest, &mut shares);
            }
        }
        shares
    }

    /// Of those the genes of whole stacks: the width and the number of layers of the encoder, then the decoder's.
    pub fn normalized_stacks(&self, largest: &Self) -> Vec<f32> {
        let of_side =
            |side| genes::of_side(side).filter_map(move |gene| of_stack(gene, self.stack(side), largest.stack(side)));
        Side::BOTH.into_iter().flat_map(of_side).collect()
    }
}

/// `value` of `whole`; what is lacking is 0.
fn share(value: Option<usize>, whole: usize) -> f32 {
    value.unwrap_or(0) as f32 / whole.max(1) as f32
}

/// Of a gene of whole stacks.
fn of_stack(gene: &Gene, own: &Stack, largest: &Stack) -> Option<f32> {
    let At::Stack { get, .. } = gene.at else { return None };
    Some(share(Some(get(own)), get(largest)))
}

fn of_gene(gene: &Gene, own: &Stack, largest: &Stack, shares: &mut Vec<f32>) {
    shares.extend(of_stack(gene, own, largest));
    for (index, whole) in largest.layers.iter().enumerate() {
        let layer = own.layers.get(index).filter(|layer| is_used(gene, layer));
        match gene.at {
            At::Stack { .. } => {}
            At::Layer { get, .. } => shares.extend(get(whole).map(|whole| share(layer.and_then(get), whole))),
            At::Expert { get, .. } => shares.extend((0..whole.expert_count()).map(|expert| {
                let value = layer.and_then(|layer| get(layer, expert));
                share(value, get(whole, expert).unwrap_or(0))
            })),
        }
    }
}

/// Whether anything of `layer` depends on `gene`. Where there are experts, their sizes say all.
fn is_used(gene: &Gene, layer: &Layer) -> bool {
    gene.part.is_kept(layer) && !(gene.name == FFN_EMBED_DIM && layer.experts.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Experts;

    #[test]
    fn genes_are_shares_of_the_largest() {
        let mut largest = Architecture::dense(8, 16, 4, 1, 2);
        largest.decoder.layers[1].experts = Some(Experts { ffn_dims: vec![16, 0, 32], top_k: 2 });
        let mut own = Architecture::dense(4, 8, 2, 1, 2);
        own.decoder.layers[1].experts = Some(Experts { ffn_dims: vec![16, 0], top_k: 1 });
        // Width, layers, size, heads; which sublayers there are.
        let encoder = [0.5, 1.0, 0.5, 0.5, 1.0, 1.0];
        // Width, layers; of each layer size, heads, heads and layers of cross-attention; of the second its experts, those that
        // a token is sent to, three sizes, and whether the first is a network; sublayers. Experts have sizes of their own.
        let decoder = [0.5, 1.0, 0.5, 0.0, 0.5, 0.5, 0.5, 0.5, 1.0, 1.0, 2.0 / 3.0, 0.5, 1.0, 0.0, 0.0, 1.0];
        let shares = own.normalized_genes(&largest);
        assert_eq!(shares[..6], encoder);
        assert_eq!(shares[6..22], decoder);
        assert_eq!(shares[22..], [1.0; 4]);
        let shallow = Architecture::dense(4, 8, 2, 1, 1).normalized_genes(&largest);
        assert_eq!((shallow.len(), shallow[7], shallow[9]), (shares.len(), 0.5, 0.0));
    }

    #[test]
    fn equal_models_have_equal_numbers() {
        let largest = Architecture::dense(8, 16, 4, 1, 1);
        let mut own = largest.clone();
        own.encoder.layers[0].keep_ffn = false;
        let shares = own.normalized_genes(&largest);
        own.encoder.layers[0].ffn_embed_dim = 7;
        own.decoder.layers[0].cross_attention.as_mut().unwrap().encoder_layers = 3;
        assert_eq!(own.normalized_genes(&largest), shares);
        own.encoder.layers[0].self_attention_heads = 2;
        assert_ne!(own.normalized_genes(&largest), shares);
    }
}
