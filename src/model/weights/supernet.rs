//! The supernet: the parameters that subnets come out of, by a rule of weight sharing.

use super::layout::{Shapes, group, ungroup};
use super::leading_slice::LeadingSlice;
use super::sharing::{Shared, WeightSharing};
use super::value::{Value, Values};
use crate::error::{Result, refuse};
use crate::kernels::capabilities::groups_experts;
use crate::model::config::TransformerConfig;
use crate::model::embedding::Positions;
use crate::model::transformer::Transformer;
use crate::space::Architecture;
use burn::tensor::Device;
use std::sync::Arc;

/// The weights of the largest Transformer of a space, or of a single architecture: whatever subnets are cut from.
#[derive(Debug, Clone)]
pub struct Supernet {
    /// Its own shape, the largest.
    pub config: TransformerConfig,
    /// Its parameters by name, without autodiff, as the device holds them: experts are grouped on graphics devices, see
    /// [`Supernet::named`].
    pub values: Values,
    /// How subnets' weights come out of them.
    pub sharing: Arc<dyn WeightSharing>,
    /// Where they are.
    pub device: Device,
    positions: Positions,
}

impl Supernet {
    /// A supernet of `config` by the rule `sharing`, whose parameters are `named`, experts one by one.
    pub(super) fn new(
        config: TransformerConfig,
        sharing: Arc<dyn WeightSharing>,
        named: Values,
        device: &Device,
    ) -> Self {
        let values = laid_out(named, &*sharing, &config, device);
        Self { positions: Positions::new(&config, device), config, values, sharing, device: device.clone() }
    }

    /// A supernet of `config` by the rule `sharing`, with the parameters that `source` gives, asked by name and shape.
    ///
    /// # Errors
    /// Those of `source`.
    pub fn from_source(
        config: TransformerConfig,
        sharing: Arc<dyn WeightSharing>,
        device: &Device,
        mut source: impl FnMut(&str, &[usize]) -> Result<Value>,
    ) -> Result<Self> {
        let shapes = sharing.parameters(&config).into_iter();
        let values = shapes.map(|(name, shape)| source(&name, &shape).map(|value| (name, value)));
        let values = values.collect::<Result<Values>>()?;
        Ok(Self::new(config, sharing, values, device))
    }

    /// A supernet of `config`, which may be smaller, whose weights are those of the subnet that it is of this one. Its own
    /// subnets are leading slices of it, whatever the rule of this one.
    ///
    /// # Errors
    /// It is larger somewhere.
    pub fn inherited(&self, config: TransformerConfig) -> Result<Self> {
        let architecture = config.architecture.clone();
        Self::from_source(config, Arc::new(LeadingSlice), &self.device, |name, shape| {
            self.weight(&architecture, name, shape)
        })
    }

    /// The weight `name` in `shape` of the subnet `architecture`.
    fn weight(&self, architecture: &Architecture, name: &str, shape: &[usize]) -> Result<Value> {
        self.sharing.weight(self.shared(), architecture, name, shape)
    }

    fn shared(&self) -> Shared<'_> {
        Shared { config: &self.config, values: &self.values }
    }

    /// The subnet `architecture`. With `tracked` its weights are leaves of autodiff.
    ///
    /// # Errors
    /// The architecture is larger than the supernet somewhere, or its heads do not divide the supernet's `qkv_dim`.
    pub fn cut(&self, architecture: &Architecture, tracked: bool) -> Result<Transformer> {
        refuse(&architecture.head_faults(self.config.qkv_dim))?;
        let config = self.config.with_architecture(architecture);
        Transformer::from_values(&config, &self.positions, tracked, |name, shape| {
            self.weight(architecture, name, shape)
        })
    }

    /// The weights of the subnet `architecture`, experts one by one.
    ///
    /// # Errors
    /// The architecture is larger than the supernet somewhere.
    pub fn weights(&self, architecture: &Architecture) -> Result<Values> {
        let shapes = Transformer::named_shapes(&self.config.with_architecture(architecture)).into_iter();
        shapes.map(|(name, shape)| self.weight(architecture, &name, &shape).map(|value| (name, value))).collect()
    }

    /// The gradients of the parameters, from those of the weights of `architecture`; both as the device holds them.
    pub fn gradients(&self, architecture: &Architecture, of_subnet: Values) -> Values {
        self.sharing.gradients(self.shared(), architecture, of_subnet)
    }

    /// Names and shapes of the parts of parameters that take part in an update of `architecture`, experts one by one.
    pub fn parts(&self, architecture: &Architecture) -> Shapes {
        self.sharing.parts(&self.config, architecture)
    }

    /// Names and shapes of all parameters, experts one by one.
    pub fn parameters(&self) -> Shapes {
        self.sharing.parameters(&self.config)
    }

    /// The parameters, experts one by one.
    pub fn named(&self) -> Values {
        ungroup(&self.values, &self.parameters())
    }
}

/// `named`, parameters of a supernet of `config` by the rule `sharing`, as `device` holds them.
pub fn laid_out(named: Values, sharing: &dyn WeightSharing, config: &TransformerConfig, device: &Device) -> Values {
    match groups_experts(device) {
        true => group(named, &sharing.held(config, device), device),
        false => named,
    }
}
