//! A finished supernet with corrections: of every linear map but routers, several pairs of low rank, which a gate mixes by
//! the architecture ("TAS-LoRA", CVPR 2026, arXiv 2605.07256, eq. 2). With the gate's shares p, W + Σ pₖ Uₖ Dₖ / rank. What the
//! supernet had before is frozen: the corrections alone are trained. The paper has corrections for groups of layers of one shape,
//! which an LSTM over the layers mixes; here each linear map has its own, and its gate sees all genes at once.
//!
//! As LoRA's (arXiv 2106.09685, section 4.1), each U begins with 0, so that corrections begin with none.

use super::declare::Init;
use super::gate::{self, Gate};
use super::layout::Shapes;
use super::leading_slice::LeadingSlice;
use super::sharing::{Corrections, Rule, Shared, WeightSharing};
use super::value::{Kind, Value, Values};
use crate::error::Result;
use crate::model::config::TransformerConfig;
use crate::space::Architecture;
use burn::tensor::{Device, Tensor};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The weights of `base`, each with its corrections.
#[derive(Debug)]
pub struct Corrected {
    /// How the frozen parameters are shared.
    pub base: Arc<dyn WeightSharing>,
    /// Of which rank, and how many.
    pub corrections: Corrections,
}

/// The correction of one linear map, or those of a group of experts: names and sizes of what it is made of.
struct Correction {
    map: String,
    /// Experts of the group; `None` of what is no group.
    members: Option<usize>,
    outputs: usize,
    inputs: usize,
    of: Corrections,
}

/// What a correction is made of, cut for a subnet. `pairs` is how many there are, times their rank.
struct Parts {
    /// `[members, outputs, pairs]`
    up: Tensor<3>,
    /// `[members, pairs, inputs]`
    down: Tensor<3>,
    /// Of each pair's columns in `up`, its share over the rank, `[members, 1, pairs]`.
    scales: Tensor<3>,
}

impl Correction {
    /// That of the parameter `name` of this shape; `None` where it has none.
    fn of(name: &str, shape: &[usize], of: Corrections) -> Option<Self> {
        let map = name.strip_suffix(".weight").filter(|map| !map.ends_with(".router"))?;
        let (members, outputs, inputs) = match *shape {
            [members, outputs, inputs] => (Some(members), outputs, inputs),
            [outputs, inputs] => (None, outputs, inputs),
            _ => return None,
        };
        Some(Self { map: map.to_owned(), members, outputs, inputs, of })
    }

    fn members(&self) -> usize {
        self.members.unwrap_or(1)
    }

    fn pairs(&self) -> usize {
        self.of.experts * self.of.rank
    }

    fn gate(&self) -> Gate {
        let prefix = format!("{}.adapt.gate", self.map);
        Gate { prefix, members: self.members, rows: 1, alternatives: self.of.experts }
    }

    /// Names and shapes of both factors: the pairs' Us side by side, their Ds one above the other, so that those of a narrower
    /// map are leading slices.
    fn factors(&self) -> [(String, Vec<usize>); 2] {
        [("up", [self.outputs, self.pairs()]), ("down", [self.pairs(), self.inputs])].map(|(name, shape)| {
            (format!("{}.adapt.{name}", self.map), self.members.into_iter().chain(shape).collect())
        })
    }

    fn shapes(&self, largest: &Architecture) -> Shapes {
        let mut shapes = self.gate().shapes(largest);
        shapes.extend(self.factors());
        shapes
    }

    fn parts(&self, shared: Shared<'_>, genes: Tensor<2>) -> Result<Parts> {
        let [(up, up_shape), (down, down_shape)] = self.factors();
        let [up, down] = [shared.slice(&up, &up_shape)?, shared.slice(&down, &down_shape)?];
        let (members, rank) = (self.members(), self.of.rank);
        let shares = self.gate().shares(shared, genes)?.reshape([members, self.of.experts, 1]);
        let scales = shares.repeat_dim(2, rank).reshape([members, 1, self.pairs()]) / rank as f64;
        Ok(Parts {
            up: up.tensor.reshape([members, self.outputs, self.pairs()]),
            down: down.tensor.reshape([members, self.pairs(), self.inputs]),
            scales,
        })
    }

    /// `[members · outputs, inputs]`
    fn value(&self, shared: Shared<'_>, genes: Tensor<2>) -> Result<Tensor<2>> {
        let Parts { up, down, scales } = self.parts(shared, genes)?;
        Ok((up * scales).matmul(down).reshape([self.members() * self.outputs, self.inputs]))
    }

    /// The gradients of what the correction is made of, from that of the corrected weight.
    fn gradients(&self, shared: Shared<'_>, genes: Tensor<2>, of_weight: Tensor<2>) -> Result<Values> {
        let Parts { up, down, scales } = self.parts(shared, genes.clone())?;
        let (members, pairs) = (self.members(), self.pairs());
        let of_weight = of_weight.reshape([members, self.outputs, self.inputs]);
        let of_down = (up.clone() * scales.clone()).swap_dims(1, 2).matmul(of_weight.clone());
        let of_scaled_up = of_weight.matmul(down.swap_dims(1, 2)); // [members, outputs, pairs]
        let of_scales = (of_scaled_up.clone() * up).sum_dim(1).reshape([members * self.of.experts, self.of.rank]);
        let of_shares = of_scales.sum_dim(1).reshape([members, self.of.experts]) / self.of.rank as f64;
        let mut gradients = self.gate().gradients(shared, genes, of_shares)?;
        let kind = self.members.map_or(Kind::Matrix, Kind::Group);
        let [(up, _), (down, _)] = self.factors();
        gradients.insert(up, kind.of((of_scaled_up * scales).reshape([members * self.outputs, pairs])));
        gradients.insert(down, kind.of(of_down.reshape([members * pairs, self.inputs])));
        Ok(gradients)
    }
}

impl Corrected {
    /// What corrections add to a supernet of `largest`, of a model with the parameters `shapes`.
    fn added(&self, shapes: &Shapes, largest: &Architecture) -> Shapes {
        let corrections = shapes.iter().filter_map(|(name, shape)| Correction::of(name, shape, self.corrections));
        corrections.flat_map(|correction| correction.shapes(largest)).collect()
    }
}

impl WeightSharing for Corrected {
    fn rule(&self) -> Rule {
        Rule { corrections: Some(self.corrections), ..self.base.rule() }
    }

    fn parameters(&self, config: &TransformerConfig) -> Shapes {
        let mut shapes = self.base.parameters(config);
        shapes.extend(self.added(&LeadingSlice.parameters(config), &config.architecture));
        shapes
    }

    fn held(&self, config: &TransformerConfig, device: &Device) -> Shapes {
        let mut shapes = self.base.held(config, device);
        shapes.extend(self.added(&LeadingSlice.held(config, device), &config.architecture));
        shapes
    }

    fn initial(&self, name: &str, shape: &[usize], declared: &BTreeMap<String, Init>) -> Init {
        match (name.split_once(".adapt."), shape) {
            (None, _) => self.base.initial(name, shape, declared),
            (Some((_, "up")), _) => Init::Constant(0.0),
            (Some((_, "down")), &[_, inputs]) => Init::Uniform((inputs as f64).powf(-0.5)),
            _ => gate::initial(shape),
        }
    }

    fn weight(&self, shared: Shared<'_>, architecture: &Architecture, name: &str, shape: &[usize]) -> Result<Value> {
        let weight = self.base.weight(shared, architecture, name, shape)?;
        let Some(correction) = Correction::of(name, shape, self.corrections) else {
            return Ok(weight);
        };
        let correction = correction.value(shared, gate::genes(shared, architecture))?;
        Ok(weight.kind().of(weight.tensor + correction))
    }

    fn parts(&self, config: &TransformerConfig, architecture: &Architecture) -> Shapes {
        self.added(&LeadingSlice.parts(config, architecture), &config.architecture)
    }

    fn gradients(&self, shared: Shared<'_>, architecture: &Architecture, of_subnet: Values) -> Values {
        let genes = gate::genes(shared, architecture);
        let of_correction = |(name, gradient): (String, Value)| {
            let correction = Correction::of(&name, &gradient.shape(), self.corrections)?;
            let gradients = correction.gradients(shared, genes.clone(), gradient.tensor);
            Some(gradients.expect("a subnet was cut with this correction"))
        };
        of_subnet.into_iter().filter_map(of_correction).flatten().collect()
    }
}
