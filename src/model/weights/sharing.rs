//! How subnets come by their weights: what rules of weight sharing have in common.

use super::declare::Init;
use super::layout::{Shapes, place};
use super::value::{Value, Values};
use crate::error::{Error, Result};
use crate::model::config::TransformerConfig;
use crate::model::transformer::Transformer;
use crate::space::Architecture;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// A rule of weight sharing: how a subnet's weights come out of the shared parameters, and how its gradients go back.
///
/// Shared parameters have names and one to two dimensions; those of a layer's experts are named one by one and may be held
/// together (see [`super::layout`]), which [`Shared::slice`] knows of. The optimizer moves those that [`Self::parts`] names, by the
/// gradients of [`Self::gradients`]: it knows no rule, and a checkpoint only its name.
///
/// To add one: a file beside `leading_slice.rs`, its name in the catalog, and its line in [`super::rules`].
pub trait WeightSharing: Debug + Send + Sync {
    /// Its name in the catalog.
    fn name(&self) -> &'static str;

    /// Names and shapes of all shared parameters of a supernet of `config`. Left as it is, those of the largest Transformer.
    fn parameters(&self, config: &TransformerConfig) -> Shapes {
        Transformer::named_shapes(config)
    }

    /// How the parameter `name` begins. Left as it is, as the largest Transformer's modules declared, by name.
    fn initial(&self, name: &str, declared: &BTreeMap<String, Init>) -> Init {
        declared[name]
    }

    /// The weight `name` in `shape` of the subnet `architecture`, without autodiff.
    ///
    /// # Errors
    /// The architecture is larger than the supernet somewhere.
    fn weight(&self, shared: Shared<'_>, architecture: &Architecture, name: &str, shape: &[usize]) -> Result<Value>;

    /// Names and shapes of the parts of shared parameters that take part in an update of `architecture`.
    fn parts(&self, config: &TransformerConfig, architecture: &Architecture) -> Shapes;

    /// The gradients of the shared parameters, from those of the subnet's weights, `of_subnet`. Both are named and grouped as the
    /// device holds them. Each gradient must be that of a leading slice of its parameter, in the slice's shape; a parameter
    /// without an entry has gradient 0.
    fn gradients(&self, shared: Shared<'_>, architecture: &Architecture, of_subnet: Values) -> Values;
}

/// The shared parameters.
#[derive(Debug, Clone, Copy)]
pub struct Shared<'a> {
    /// The supernet's shape.
    pub config: &'a TransformerConfig,
    /// By name, as the device holds them.
    pub values: &'a Values,
}

impl Shared<'_> {
    /// The leading slice of the parameter `name` in `shape`; an expert's is found in a group, too.
    ///
    /// # Errors
    /// There is no such parameter, or it is smaller.
    pub fn slice(&self, name: &str, shape: &[usize]) -> Result<Value> {
        let fits = |whole: &[usize]| {
            if whole.len() == shape.len() && whole.iter().zip(shape).all(|(whole, part)| part <= whole) {
                return Ok(());
            }
            Err(Error::input(format!("{name} of shape {shape:?} does not fit into the supernet's {whole:?}")))
        };
        if let Some(whole) = self.values.get(name) {
            fits(&whole.shape())?;
            return Ok(whole.leading(shape));
        }
        let (group, expert) = place(name).ok_or_else(|| missing(name))?;
        let group = self.values.get(&group).ok_or_else(|| missing(name))?;
        match &group.shape()[..] {
            [experts, whole @ ..] if expert < *experts => fits(whole)?,
            _ => return Err(missing(name)),
        }
        Ok(group.member(expert, shape))
    }
}

fn missing(name: &str) -> Error {
    Error::input(format!("the supernet has no parameter {name}: the architecture belongs to another space"))
}
