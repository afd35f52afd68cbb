//! "Mixture-of-Supernets" (ACL Findings 2024, arXiv 2306.04845), neuron-wise: there are several copies of the feed-forward networks'
//! weights, and those of a subnet are a mixture of them. A gate for each linear map reads the architecture and says in
//! which shares the copies go into each of its outputs. All other weights are leading slices.
//!
//! Once a subnet is cut its weights are folded: they cost no more than others. Each copy begins as a feed-forward network of its
//! own does, as in the public code: copies that begin alike would have the same gradients, and the gate none.

use super::declare::Init;
use super::gate::{self, Gate};
use super::layout::Shapes;
use super::leading_slice::LeadingSlice;
use super::sharing::{Rule, Shared, WeightSharing};
use super::value::{Value, Values};
use crate::catalog::MIXTURE;
use crate::error::Result;
use crate::kernels::operators::{blend, blend_gradients};
use crate::model::config::TransformerConfig;
use crate::space::Architecture;
use burn::tensor::{Device, Tensor};
use std::collections::BTreeMap;

/// Feed-forward weights are a mixture of so many copies.
#[derive(Debug)]
pub struct Mixture {
    /// At least 2.
    pub copies: usize,
}

/// The linear map of a feed-forward network and its parameter, `weight` or `bias`, of which `name` is the name.
fn of_feed_forward(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('.').filter(|(map, _)| map.ends_with(".fc1") || map.ends_with(".fc2"))
}

/// The name of a copy of the parameter of a linear map; the first has the map's own.
fn copy_name(map: &str, copy: usize, parameter: &str) -> String {
    match copy {
        0 => format!("{map}.{parameter}"),
        _ => format!("{map}.copies.{copy}.{parameter}"),
    }
}

impl Mixture {
    /// `shapes` with all that the rule adds to a supernet of `largest`.
    fn with_copies(&self, mut shapes: Shapes, largest: &Architecture) -> Shapes {
        let mut added = Shapes::new();
        for (name, shape) in &shapes {
            let Some((map, parameter)) = of_feed_forward(name) else {
                continue;
            };
            added.extend((1..self.copies).map(|copy| (copy_name(map, copy, parameter), shape.clone())));
            if parameter == "weight" {
                added.extend(self.gate(map, parameter, shape).shapes(largest));
            }
        }
        shapes.extend(added);
        shapes
    }

    /// The gate of a linear map, one of whose parameters has this shape.
    fn gate(&self, map: &str, parameter: &str, shape: &[usize]) -> Gate {
        let of_member = if parameter == "weight" { 2 } else { 1 };
        let (members, of_member) = shape.split_at(shape.len() - of_member);
        Gate {
            prefix: format!("{map}.shares"),
            members: members.first().copied(),
            rows: of_member[0],
            alternatives: self.copies,
        }
    }

    /// The copies of a parameter, `[outputs, inputs]` each, those of a group's members one above the other; a bias is a column.
    fn copies(&self, shared: Shared<'_>, map: &str, parameter: &str, shape: &[usize]) -> Result<Vec<Tensor<2>>> {
        let slice = |copy| Ok(rows(shared.slice(&copy_name(map, copy, parameter), shape)?.tensor, parameter));
        (0..self.copies).map(slice).collect()
    }

    /// The gradients of the copies of a linear map and of its gate, from those of its parameters, which have the same shares.
    fn gradients_of_map(
        &self,
        shared: Shared<'_>,
        genes: &Tensor<2>,
        map: &str,
        of_map: Vec<(String, Value)>,
    ) -> Result<Values> {
        let mut gradients = Values::new();
        let (mut gate, mut of_gate) = (None, None);
        for (parameter, gradient) in of_map {
            let (kind, shape, dims) = (gradient.kind(), gradient.shape(), gradient.tensor.dims());
            let gate = gate.get_or_insert_with(|| self.gate(map, &parameter, &shape));
            let shares = gate.shares(shared, genes.clone())?;
            let copies = self.copies(shared, map, &parameter, &shape)?;
            let (of_copies, of_shares) = blend_gradients(&copies, shares, rows(gradient.tensor, &parameter));
            for (copy, of_copy) in of_copies.into_iter().enumerate() {
                gradients.insert(copy_name(map, copy, &parameter), kind.of(of_copy.reshape(dims)));
            }
            of_gate = Some(of_gate.map_or(of_shares.clone(), |sum: Tensor<2>| sum + of_shares));
        }
        if let (Some(gate), Some(of_gate)) = (gate, of_gate) {
            gradients.extend(gate.gradients(shared, genes.clone(), of_gate)?);
        }
        Ok(gradients)
    }
}

/// A bias as a column; a weight as it is.
fn rows(tensor: Tensor<2>, parameter: &str) -> Tensor<2> {
    let [rows, columns] = tensor.dims();
    if parameter == "bias" { tensor.reshape([rows * columns, 1]) } else { tensor }
}

impl WeightSharing for Mixture {
    fn rule(&self) -> Rule {
        Rule { copies: self.copies, ..Rule::named(MIXTURE) }
    }

    fn parameters(&self, config: &TransformerConfig) -> Shapes {
        self.with_copies(LeadingSlice.parameters(config), &config.architecture)
    }

    fn held(&self, config: &TransformerConfig, device: &Device) -> Shapes {
        self.with_copies(LeadingSlice.held(config, device), &config.architecture)
    }

    fn initial(&self, name: &str, shape: &[usize], declared: &BTreeMap<String, Init>) -> Init {
        let of_copy = || {
            let (map, rest) = name.split_once(".copies.")?;
            declared.get(&format!("{map}.{}", rest.rsplit('.').next()?))
        };
        declared.get(name).or_else(of_copy).copied().unwrap_or_else(|| gate::initial(shape))
    }

    fn weight(&self, shared: Shared<'_>, architecture: &Architecture, name: &str, shape: &[usize]) -> Result<Value> {
        let Some((map, parameter)) = of_feed_forward(name) else {
            return shared.slice(name, shape);
        };
        let first = shared.slice(name, shape)?;
        let genes = gate::genes(shared, architecture);
        let shares = self.gate(map, parameter, shape).shares(shared, genes)?;
        let mixed = blend(&self.copies(shared, map, parameter, shape)?, shares);
        Ok(first.kind().of(mixed.reshape(first.tensor.dims())))
    }

    fn parts(&self, config: &TransformerConfig, architecture: &Architecture) -> Shapes {
        self.with_copies(LeadingSlice.parts(config, architecture), &config.architecture)
    }

    fn gradients(&self, shared: Shared<'_>, architecture: &Architecture, of_subnet: Values) -> Values {
        let genes = gate::genes(shared, architecture);
        let mut gradients = Values::new();
        let mut of_maps: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
        for (name, gradient) in of_subnet {
            match of_feed_forward(&name) {
                Some((map, parameter)) => of_maps.entry(map.into()).or_default().push((parameter.into(), gradient)),
                None => drop(gradients.insert(name, gradient)),
            }
        }
        for (map, of_map) in of_maps {
            gradients.extend(
                self.gradients_of_map(shared, &genes, &map, of_map).expect("a subnet was cut from these copies"),
            );
        }
        gradients
    }
}
