//! A Transformer's parameters by name. The names are the paths of the modules' fields, for example
//! `encoder.layers.0.self_attn.in_proj.weight`.

use super::declare::Declare;
use super::layout::{Shapes, ungroup};
use super::value::{Value, Values};
use crate::error::{Error, Result};
use crate::model::config::TransformerConfig;
use crate::model::embedding::Positions;
use crate::model::transformer::Transformer;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, FloatDType, Gradients, Tensor};

impl Transformer {
    /// All parameters' values, without autodiff; experts one by one.
    pub fn values(&self) -> Values {
        let mut visitor = Collect { path: Path::default(), gradients: None, values: Values::new() };
        self.visit(&mut visitor);
        ungroup(&visitor.values, &Self::named_shapes(self.config()))
    }

    /// Takes the gradients of the parameters that have one out of `gradients`, in single precision; experts as the device
    /// holds them.
    pub fn gradients(&self, gradients: &mut Gradients) -> Values {
        let mut visitor = Collect { path: Path::default(), gradients: Some(gradients), values: Values::new() };
        self.visit(&mut visitor);
        visitor.values
    }

    /// A Transformer of `config` whose parameters `source` gives, asked by name and shape. With `tracked` they are
    /// leaves of autodiff.
    pub fn from_values(
        config: &TransformerConfig,
        positions: &Positions,
        tracked: bool,
        source: impl FnMut(&str, &[usize]) -> Result<Value>,
    ) -> Result<Self> {
        let declare = Declare::on(&positions.encoder.device());
        filled(config.skeleton(positions, &declare), tracked, source)
    }

    /// Names and shapes of the parameters of `config`, experts one by one, without making them.
    pub fn named_shapes(config: &TransformerConfig) -> Shapes {
        Self::shapes(config, &Device::flex())
    }

    /// The same as `device` holds them: experts are grouped on graphics devices.
    pub fn shapes(config: &TransformerConfig, device: &Device) -> Shapes {
        shapes_of(&config.skeleton(&Positions::absent(device), &Declare::on(device)))
    }
}

/// `skeleton` with the parameters that `source` gives, asked by name and shape. With `tracked` they are leaves of autodiff.
pub(super) fn filled<M: Module>(
    skeleton: M,
    tracked: bool,
    source: impl FnMut(&str, &[usize]) -> Result<Value>,
) -> Result<M> {
    let mut mapper = Fill { path: Path::default(), tracked, source, error: None };
    let filled = skeleton.map(&mut mapper);
    mapper.error.map_or(Ok(filled), Err)
}

/// Names and shapes of the parameters of `module`, as its device holds them.
pub(super) fn shapes_of(module: &impl Module) -> Shapes {
    let mut visitor = CollectShapes { path: Path::default(), shapes: Shapes::new() };
    module.visit(&mut visitor);
    visitor.shapes
}

/// Where a traversal stands.
#[derive(Default)]
pub(super) struct Path(pub(super) Vec<String>);

impl Path {
    pub(super) fn name(&self) -> String {
        self.0.join(".")
    }
}

/// The path part of the visitor and mapper traits, the same for all.
macro_rules! track_path {
    () => {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.0.push(name.to_owned());
        }

        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.0.pop();
        }
    };
}
pub(super) use track_path;

struct Collect<'a> {
    path: Path,
    /// Collect these gradients instead of the values.
    gradients: Option<&'a mut Gradients>,
    values: Values,
}

impl ModuleVisitor for Collect<'_> {
    track_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = match &mut self.gradients {
            None => Some(param.val().inner()),
            Some(gradients) => param.val().grad_remove(gradients).map(|gradient| gradient.cast(FloatDType::F32)),
        };
        if let Some(value) = value {
            self.values.insert(self.path.name(), Value::wrap(value));
        }
    }
}

struct CollectShapes {
    path: Path,
    shapes: Shapes,
}

impl ModuleVisitor for CollectShapes {
    track_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let shape = param.lazy_shape().dims::<D>().to_vec();
        self.shapes.insert(self.path.name(), shape);
    }
}

struct Fill<F> {
    path: Path,
    tracked: bool,
    source: F,
    error: Option<Error>,
}

impl<F: FnMut(&str, &[usize]) -> Result<Value>> ModuleMapper for Fill<F> {
    track_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.lazy_shape().dims::<D>();
        match (self.source)(&self.path.name(), &shape) {
            Err(error) => {
                self.error.get_or_insert(error);
                param
            }
            Ok(value) => {
                // Where the rank is the same already, the elements stay where they are.
                let value = match shape.len() {
                    2 => Tensor::from_dispatch(value.tensor.into_dispatch()),
                    _ => value.tensor.reshape(shape),
                };
                let value = if self.tracked { Tensor::from_inner(value).require_grad() } else { value };
                Param::initialized(param.id, value)
            }
        }
    }
}
