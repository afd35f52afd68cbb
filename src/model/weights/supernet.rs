//! Weight sharing: the supernet is the largest Transformer's weights, and every weight of a subnet is a leading slice of one.
//!
//! Output dimensions come first, input dimensions second, so that a slice keeps the first rows and the first columns;
//! the first layers and the first experts are used.

use super::layout::{Shapes, group, place, ungroup};
use super::value::{Value, Values};
use crate::error::{Error, Result, refuse};
use crate::kernels::capabilities::groups_experts;
use crate::model::config::TransformerConfig;
use crate::model::embedding::Positions;
use crate::model::transformer::Transformer;
use crate::space::Architecture;
use burn::tensor::Device;

/// The weights of the largest Transformer of a space, or of a single architecture: whatever subnets are cut from.
#[derive(Debug, Clone)]
pub struct Supernet {
    /// Its own shape, the largest.
    pub config: TransformerConfig,
    /// Its weights by name, without autodiff, as the device holds them: experts are grouped on graphics devices, see
    /// [`Supernet::named`].
    pub values: Values,
    /// Where they are.
    pub device: Device,
    positions: Positions,
}

impl Supernet {
    /// A supernet of `config` whose parameters are `named`, experts one by one.
    pub(super) fn new(config: TransformerConfig, named: Values, device: &Device) -> Self {
        let values = laid_out(named, &config, device);
        Self { positions: Positions::new(&config, device), config, values, device: device.clone() }
    }

    /// A supernet of `config` with the weights `source` gives, asked by name and shape.
    ///
    /// # Errors
    /// Those of `source`.
    pub fn from_source(
        config: TransformerConfig,
        device: &Device,
        mut source: impl FnMut(&str, &[usize]) -> Result<Value>,
    ) -> Result<Self> {
        let shapes = Transformer::named_shapes(&config);
        let values = shapes.into_iter().map(|(name, shape)| {
            let value = source(&name, &shape)?;
            Ok((name, value))
        });
        let values = values.collect::<Result<Values>>()?;
        Ok(Self::new(config, values, device))
    }

    /// The subnet `architecture`. With `tracked` its weights are leaves of autodiff.
    ///
    /// # Errors
    /// The architecture is larger than the supernet somewhere, or its heads do not divide the supernet's `qkv_dim`.
    pub fn cut(&self, architecture: &Architecture, tracked: bool) -> Result<Transformer> {
        refuse(&architecture.head_faults(self.config.qkv_dim))?;
        let config = self.config.with_architecture(architecture);
        Transformer::from_values(&config, &self.positions, tracked, |name, shape| self.slice(name, shape))
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

    /// The weights of `architecture`, experts one by one.
    ///
    /// # Errors
    /// The architecture is larger than the supernet somewhere.
    pub fn slices(&self, architecture: &Architecture) -> Result<Values> {
        let parts = self.parts(architecture).into_iter();
        parts.map(|(name, shape)| self.slice(&name, &shape).map(|value| (name, value))).collect()
    }

    /// Names and shapes of the parameters that `architecture` contains, experts one by one: those that take part in an
    /// update of it.
    pub fn parts(&self, architecture: &Architecture) -> Shapes {
        Transformer::named_shapes(&self.config.with_architecture(architecture))
    }

    /// `values`, weights or gradients of `architecture` as the device holds them, with experts one by one.
    pub fn named(&self, values: &Values, architecture: &Architecture) -> Values {
        ungroup(values, &self.parts(architecture))
    }
}

/// `named`, parameters of a model of `config`, as `device` holds them.
pub fn laid_out(named: Values, config: &TransformerConfig, device: &Device) -> Values {
    match groups_experts(device) {
        true => group(named, &Transformer::shapes(config, device), device),
        false => named,
    }
}

fn missing(name: &str) -> Error {
    Error::input(format!("the supernet has no parameter {name}: the architecture belongs to another space"))
}
