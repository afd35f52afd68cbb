//! How architectures are drawn: uniformly, as mutants, as crossovers, and at the ends of the space.
//!
//! All of them are one walk over the genes that asks, for each, which of its choices to take; only the answer differs.

use super::architecture::{Architecture, Layer, Stack};
use super::gene::{At, Gene};
use super::layers::{GeneSpace, LayerSpace, StackSpace};
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
        let mut stack = Stack { embed_dim: 0, layers: Vec::new() };
        for GeneSpace { gene, choices } in &self.genes {
            if let At::Stack { get, set } = gene.at {
                set(&mut stack, decide(pick, choices, parents.iter().map(|parent| get(parent))));
            }
        }
        for (index, (layer, space)) in stack.layers.iter_mut().zip(&self.layers).enumerate() {
            let parents: Vec<_> = parents.iter().filter_map(|parent| parent.layers.get(index)).collect();
            *layer = space.build(&parents, pick);
        }
        stack
    }
}

impl LayerSpace {
    /// The genes of a dropped sublayer are not picked: they have their smallest values. Nor is an `ffn_embed_dim` that no
    /// weight depends on: it has its largest.
    fn build(&self, parents: &[&Layer], pick: Pick) -> Layer {
        let mut layer = Layer::default();
        for GeneSpace { gene, choices } in &self.genes {
            let mut unused = |choices: &[usize], _: &[usize]| smallest(choices);
            let pick: Pick = if gene.part.is_kept(&layer) { &mut *pick } else { &mut unused };
            match gene.at {
                At::Stack { .. } => {}
                At::Layer { set, .. } if self.is_unused(gene) => set(&mut layer, largest(choices)),
                At::Layer { get, set } => {
                    let values = parents.iter().filter_map(|parent| unclipped(gene, choices, parent, get(parent)?));
                    set(&mut layer, decide(pick, choices, values));
                }
                At::Expert { get, set } => {
                    for expert in 0..layer.expert_count() {
                        // The first may have been made the identity, which has no other genes.
                        if layer.is_identity(expert) {
                            continue;
                        }
                        let values = parents.iter().filter_map(|parent| get(parent, expert));
                        set(&mut layer, expert, decide(pick, choices, values));
                    }
                }
            }
        }
        layer
    }
}

/// The choice behind a parent's value, which may have been clipped to its number of experts.
fn unclipped(gene: &Gene, choices: &[usize], parent: &Layer, value: usize) -> Option<usize> {
    let experts = parent.expert_count();
    choices.iter().copied().filter(|&choice| gene.values.clipped(choice, experts) == value).min()
}

/// Asks `pick` for one gene: its `choices`, and the `values` that the parents have.
fn decide(pick: Pick, choices: &[usize], values: impl Iterator<Item = usize>) -> usize {
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
