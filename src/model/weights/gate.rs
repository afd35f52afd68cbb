//! A small network that reads an architecture's genes and says, for each of some rows, in which shares several alternatives
//! go into it: two linear maps with relu between them, and softmax over the alternatives.
//!
//! As in the public code of "Mixture-of-Supernets" (ACL Findings 2024) there is one for each linear map, with 64 hidden elements;
//! its maps begin by Xavier's rule and its biases with 0, which gives about equal shares.

use super::declare::Init;
use super::layout::Shapes;
use super::sharing::Shared;
use super::value::{Kind, Values};
use crate::error::Result;
use crate::space::Architecture;
use burn::tensor::activation::{relu, softmax};
use burn::tensor::{Tensor, TensorData};

/// Hidden elements.
const HIDDEN: usize = 64;

/// The gate of one linear map, or those of a group of experts.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    /// In front of its parameters' names.
    pub prefix: String,
    /// Experts of the group; `None` of what is no group.
    pub members: Option<usize>,
    /// Rows of a member that have shares of their own.
    pub rows: usize,
    /// What is shared among.
    pub alternatives: usize,
}

/// The genes of `architecture` as the gates of a supernet read them, `[genes, 1]`.
pub(super) fn genes(shared: Shared<'_>, architecture: &Architecture) -> Tensor<2> {
    let genes = architecture.normalized_genes(&shared.config.architecture);
    let shape = [genes.len(), 1];
    Tensor::from_data(TensorData::new(genes, shape), &shared.device())
}

/// How a gate's parameter of `shape` begins.
pub(super) fn initial(shape: &[usize]) -> Init {
    match *shape {
        [output, input] => Init::xavier(output, input),
        _ => Init::Constant(0.0),
    }
}

impl Gate {
    /// Names and shapes of its parameters, where `genes` are read; the rows' alternatives adjoin, so that those of the first
    /// rows come first.
    fn parameters(&self, genes: usize) -> [(String, Vec<usize>); 4] {
        let outputs = self.rows * self.alternatives;
        [
            ("hidden.weight", &[HIDDEN, genes][..]),
            ("hidden.bias", &[HIDDEN]),
            ("out.weight", &[outputs, HIDDEN]),
            ("out.bias", &[outputs]),
        ]
        .map(|(name, shape)| {
            let shape = self.members.into_iter().chain(shape.iter().copied()).collect();
            (format!("{}.{name}", self.prefix), shape)
        })
    }

    /// [`Self::parameters`] of a gate that reads the genes of architectures within `largest`.
    pub fn shapes(&self, largest: &Architecture) -> Shapes {
        self.parameters(largest.normalized_genes(largest).len()).into()
    }

    /// The shares `[members · rows, alternatives]` for an architecture with these `genes`.
    ///
    /// # Errors
    /// The gate of the supernet is smaller.
    pub fn shares(&self, shared: Shared<'_>, genes: Tensor<2>) -> Result<Tensor<2>> {
        Ok(self.forward(self.slices(shared, &genes)?.map(|(_, _, slice)| slice), genes))
    }

    /// The gradients of its parameters from that of its shares, by name.
    ///
    /// # Errors
    /// As [`Self::shares`].
    pub fn gradients(&self, shared: Shared<'_>, genes: Tensor<2>, of_shares: Tensor<2>) -> Result<Values> {
        let leaves = self
            .slices(shared, &genes)?
            .map(|(name, kind, slice)| (name, kind, Tensor::from_inner(slice).require_grad()));
        let tracked = leaves.each_ref().map(|(_, _, leaf)| leaf.clone());
        let shares = self.forward(tracked, Tensor::from_inner(genes));
        let mut found = (shares * Tensor::from_inner(of_shares)).sum().backward();
        let gradient =
            |(name, kind, leaf): (String, Kind, Tensor<2>)| Some((name, kind.of(leaf.grad_remove(&mut found)?)));
        Ok(leaves.into_iter().filter_map(gradient).collect())
    }

    fn slices(&self, shared: Shared<'_>, genes: &Tensor<2>) -> Result<[(String, Kind, Tensor<2>); 4]> {
        let slice = |(name, shape): (String, Vec<usize>)| {
            let value = shared.slice(&name, &shape)?;
            Ok((name, value.kind(), value.tensor))
        };
        let [a, b, c, d] = self.parameters(genes.dims()[0]).map(slice);
        Ok([a?, b?, c?, d?])
    }

    fn forward(&self, [weight1, bias1, weight2, bias2]: [Tensor<2>; 4], genes: Tensor<2>) -> Tensor<2> {
        let members = self.members.unwrap_or(1);
        let outputs = self.rows * self.alternatives;
        let hidden = relu(weight1.matmul(genes) + bias1.reshape([members * HIDDEN, 1]));
        let weight2 = weight2.reshape([members, outputs, HIDDEN]);
        let logits = weight2.matmul(hidden.reshape([members, HIDDEN, 1])); // [members, outputs, 1]
        let shape = [members * self.rows, self.alternatives];
        softmax(logits.reshape(shape) + bias2.reshape(shape), 1)
    }
}
