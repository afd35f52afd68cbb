//! How subnets come by their weights: what rules of weight sharing have in common.

use super::declare::Init;
use super::layout::{Shapes, place};
use super::value::{Value, Values};
use crate::catalog::SHARED;
use crate::error::{Error, Result};
use crate::model::config::TransformerConfig;
use crate::model::transformer::Transformer;
use crate::space::Architecture;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display, Formatter};

/// Which rule subnets share weights by, and its settings: what a checkpoint notes down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name in the catalog. Checkpoints of the first rule do not say so: there was no other.
    #[serde(rename = "weights", default = "first", skip_serializing_if = "is_first")]
    pub name: String,
    /// Copies of feed-forward weights that are mixed; 0 where the rule mixes none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub copies: usize,
    /// Of a supernet that was adapted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrections: Option<Corrections>,
}

/// What each linear map is corrected by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrections {
    /// Rank of a pair.
    pub rank: usize,
    /// Pairs, of which the architecture says in which shares they are mixed.
    pub experts: usize,
}

impl Rule {
    /// The rule called `name`, which has no settings.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), copies: 0, corrections: None }
    }
}

impl Default for Rule {
    fn default() -> Self {
        Self::named(SHARED)
    }
}

/// As in messages.
impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.name)?;
        if self.copies > 0 {
            write!(f, " of {}", self.copies)?;
        }
        match self.corrections {
            None => Ok(()),
            Some(Corrections { rank, experts }) => write!(f, " with {experts} corrections of rank {rank}"),
        }
    }
}

fn first() -> String {
    SHARED.to_owned()
}

fn is_first(name: &str) -> bool {
    name == SHARED
}

fn is_none(copies: &usize) -> bool {
    *copies == 0
}

/// A rule of weight sharing: how a subnet's weights come out of the shared parameters, and how its gradients go back.
///
/// Shared parameters have names and one to two dimensions; those of a layer's experts are named one by one and may be held
/// together (see [`super::layout`]), which [`Shared::slice`] knows of. The optimizer moves those that [`Self::parts`] names, by the
/// gradients of [`Self::gradients`]: it knows no rule, and a checkpoint only its [`Rule`].
///
/// To add one: a file beside `leading_slice.rs`, its name in the catalog, and its line in [`super::rules`]; what it can be set
/// to is a field of [`Rule`].
pub trait WeightSharing: Debug + Send + Sync {
    /// What makes it again.
    fn rule(&self) -> Rule;

    /// Names and shapes of all shared parameters of a supernet of `config`. Left as it is, those of the largest Transformer.
    fn parameters(&self, config: &TransformerConfig) -> Shapes {
        Transformer::named_shapes(config)
    }

    /// The same as `device` holds them: experts are grouped on graphics devices.
    fn held(&self, config: &TransformerConfig, device: &Device) -> Shapes {
        Transformer::shapes(config, device)
    }

    /// How the parameter `name` of this shape begins. Left as it is, as the largest Transformer's modules declared, by name.
    fn initial(&self, name: &str, _shape: &[usize], declared: &BTreeMap<String, Init>) -> Init {
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
    /// Where they are.
    pub(super) fn device(&self) -> Device {
        self.values.first_key_value().map_or_else(Device::flex, |(_, value)| value.tensor.device())
    }

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
