//! How architectures are drawn: uniformly, as mutants, as crossovers, and at the ends of the space.
//!
//! All of them are one walk over the genes that asks, for each, which of its choices to take; only the answer differs.

use super::architecture::{Architecture, CrossAttention, Experts, Layer, Stack};
use super::layers::{CrossSpace, ExpertSpace, LayerSpace, StackSpace};
use super::space::Space;
use rand::{Rng, RngExt};

/// Picks a gene's value from its choices (never empty). The second list holds the parents' values of this gene, in the
/// parents' order: none for a parent that lacks the layer or expert, or whose value is not among the choices.
type Pick<'a> = &'a mut dyn FnMut(&[usize], &[usize]) -> usize;

impl Space {
    /// An architecture drawn uniformly, gene by gene, layers in order.
    pub fn sample(&self, rng: &mut impl Rng) -> Architecture {
        self.build(&[], &mut |choices, _| one_of(choices, rng))
    }

    /// Every gene at the value that costs most to compute.
    pub fn largest(&self) -> Architecture {
        self.build(&[], &mut |choices, _| largest(choices))
    }

    /// Every gene at the value that costs least to compute.
    pub fn smallest(&self) -> Architecture {
        self.build(&[], &mut |choices, _| smallest(choices))
    }

    /// The architecture whose weights contain those of all others: since weights are shared as leading slices, the largest.
    pub fn supernet(&self) -> Architecture {
        self.largest()
    }

    /// `parent` with each gene redrawn with `probability`. Where the layers or experts become fewer the rest is cut off,
    /// where they become more the new genes are drawn. Genes that are not in the space are redrawn too.
    pub fn mutate(&self, parent: &Architecture, probability: f64, rng: &mut impl Rng) -> Architecture {
        self.build(&[parent], &mut |choices, inherited| match inherited {
            [value] if rng.random::<f64>() >= probability => *value,
            _ => one_of(choices, rng),
        })
    }

    /// A child with each gene from either parent with probability ½. A layer or an expert that one parent lacks comes
    /// from the other; a gene that neither has in the space is drawn.
    pub fn crossover(&self, a: &Architecture, b: &Architecture, rng: &mut impl Rng) -> Architecture {
        self.build(&[a, b], &mut |choices, inherited| match inherited {
            [] => one_of(choices, rng),
            values => one_of(values, rng),
        })
    }

    fn build(&self, parents: &[&Architecture], pick: Pick) -> Architecture {
        let encoders: Vec<_> = parents.iter().map(|parent| &parent.encoder).collect();
        let decoders: Vec<_> = parents.iter().map(|parent| &parent.decoder).collect();
        Architecture { encoder: self.encoder.build(&encoders, pick), decoder: self.decoder.build(&decoders, pick) }
    }
}

impl StackSpace {
    fn build(&self, parents: &[&Stack], pick: Pick) -> Stack {
        let embed_dim = decide(pick, &self.embed_dim, parents, |stack| Some(stack.embed_dim));
        let layers = decide(pick, &self.layer_num, parents, |stack| Some(stack.layers.len()));
        let layer = |(index, space): (usize, &LayerSpace)| {
            let parents: Vec<_> = parents.iter().filter_map(|p| p.layers.get(index)).collect();
            space.build(&parents, pick)
        };
        Stack { embed_dim, layers: self.layers.iter().take(layers).enumerate().map(layer).collect() }
    }
}

impl LayerSpace {
    /// The genes of a dropped sublayer are not picked: they have their smallest values.
    fn build(&self, parents: &[&Layer], pick: Pick) -> Layer {
        let keep_attention =
            decide(pick, &self.keep_attention, parents, |layer| Some(layer.keep_attention.into())) == 1;
        let keep_ffn = decide(pick, &self.keep_ffn, parents, |layer| Some(layer.keep_ffn.into())) == 1;
        let mut unused = |choices: &[usize], _: &[usize]| smallest(choices);

        let attention: Pick = if keep_attention { pick } else { &mut unused };
        let heads = &self.self_attention_heads;
        let self_attention_heads = decide(attention, heads, parents, |layer| Some(layer.self_attention_heads));
        let cross = self.cross.as_ref();
        let cross_attention = cross.map(|cross| cross.build(parents, attention));

        let ffn: Pick = if keep_ffn { pick } else { &mut unused };
        let experts = self.experts.as_ref();
        let ffn_embed_dim = if experts.is_some_and(|experts| experts.sizes.is_some()) {
            largest(&self.ffn_embed_dim)
        } else {
            decide(ffn, &self.ffn_embed_dim, parents, |layer| Some(layer.ffn_embed_dim))
        };
        let parents: Vec<_> = parents.iter().filter_map(|l| l.experts.as_ref()).collect();
        Layer {
            self_attention_heads,
            cross_attention,
            ffn_embed_dim,
            experts: experts.map(|experts| experts.build(&parents, ffn_embed_dim, ffn)),
            keep_attention,
            keep_ffn,
        }
    }
}

impl CrossSpace {
    fn build(&self, parents: &[&Layer], pick: Pick) -> CrossAttention {
        let parents: Vec<_> = parents.iter().filter_map(|l| l.cross_attention).collect();
        let parents: Vec<_> = parents.iter().collect();
        CrossAttention {
            heads: decide(pick, &self.heads, &parents, |cross| Some(cross.heads)),
            encoder_layers: decide(pick, &self.encoder_layers, &parents, |cross| Some(cross.encoder_layers)),
        }
    }
}

impl ExpertSpace {
    fn build(&self, parents: &[&Experts], ffn_embed_dim: usize, pick: Pick) -> Experts {
        let count = decide(pick, &self.count, parents, |experts| Some(experts.ffn_dims.len()));
        let top_k = decide(pick, &self.top_k, parents, |experts| self.unclipped_top_k(experts));
        let first_is_network = decide(pick, &self.first_is_network, parents, |experts| {
            experts.ffn_dims.first().map(|&size| usize::from(size > 0))
        });
        let size = |index: usize| match &self.sizes {
            _ if index == 0 && first_is_network == 0 => 0,
            None => ffn_embed_dim,
            Some(sizes) => decide(pick, sizes, parents, |experts| experts.ffn_dims.get(index).copied()),
        };
        Experts { ffn_dims: (0..count).map(size).collect(), top_k: top_k.min(count) }
    }

    /// The choice behind the top-k of `experts`, which may have been clipped to their number.
    fn unclipped_top_k(&self, experts: &Experts) -> Option<usize> {
        let matches = |&&k: &&usize| k.min(experts.ffn_dims.len()) == experts.top_k;
        self.top_k.iter().filter(matches).min().copied()
    }
}

/// Asks `pick` for one gene: its `choices`, and where its value is found in a parent.
fn decide<T>(pick: Pick, choices: &[usize], parents: &[&T], value: impl Fn(&T) -> Option<usize>) -> usize {
    let values = parents.iter().filter_map(|parent| value(parent));
    let inherited: Vec<_> = values.filter(|value| choices.contains(value)).collect();
    pick(choices, &inherited)
}

fn one_of(choices: &[usize], rng: &mut impl Rng) -> usize {
    choices[rng.random_range(0..choices.len())]
}

fn largest(choices: &[usize]) -> usize {
    choices.iter().copied().fold(0, usize::max)
}

fn smallest(choices: &[usize]) -> usize {
    choices.iter().copied().fold(usize::MAX, usize::min)
}

#[cfg(test)]
mod tests;
