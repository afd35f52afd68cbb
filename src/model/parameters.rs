//! A Transformer's parameters by name. The names are the paths of the modules' fields, for example
//! `encoder.layers.0.self_attn.in_proj.weight`.

use super::embedding::Positions;
use super::stacks::{Shapes, unstack};
use super::transformer::{Transformer, TransformerConfig};
use crate::device;
use crate::error::{Error, Result};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, FloatDType, Gradients, Tensor, TensorData};
use std::collections::BTreeMap;

/// The value of a parameter, or its gradient: a matrix, a vector held as a matrix of one row, or a stack of matrices held as
/// one above the other.
#[derive(Debug, Clone)]
pub struct Value {
    /// `[rows, columns]`; `[1, length]` for a vector, `[matrices · rows, columns]` for a stack.
    pub tensor: Tensor<2>,
    kind: Kind,
}

/// Whether a value is a vector, a matrix or a stack of matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One dimension.
    Vector,
    /// Two dimensions.
    Matrix,
    /// Three dimensions, the first of this length.
    Stack(usize),
}

impl Kind {
    /// A value of this kind; a vector's tensor has one row.
    pub fn of(self, tensor: Tensor<2>) -> Value {
        Value { tensor, kind: self }
    }

    /// The two dimensions of the tensor of a value of `shape`.
    fn dims(shape: &[usize]) -> (Self, [usize; 2]) {
        match *shape {
            [length] => (Self::Vector, [1, length]),
            [rows, columns] => (Self::Matrix, [rows, columns]),
            [matrices, rows, columns] => (Self::Stack(matrices), [matrices * rows, columns]),
            _ => unreachable!("parameters have one to three dimensions"),
        }
    }
}

/// Values by parameter name.
pub type Values = BTreeMap<String, Value>;

impl Value {
    /// Zeros; `shape` has one to three dimensions.
    pub(super) fn zeros(shape: &[usize], device: &Device) -> Self {
        let (kind, dims) = Kind::dims(shape);
        kind.of(Tensor::zeros(dims, device))
    }

    /// A value from elements on the host, row-major; `shape` has one to three dimensions.
    pub fn from_vec(elements: Vec<f32>, shape: &[usize], device: &Device) -> Self {
        let (kind, dims) = Kind::dims(shape);
        kind.of(Tensor::from_data(TensorData::new(elements, dims), device))
    }

    /// Vector, matrix or stack.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The dimensions, one to three.
    pub fn shape(&self) -> Vec<usize> {
        let [rows, columns] = self.tensor.dims();
        match self.kind {
            Kind::Vector => vec![columns],
            Kind::Matrix => vec![rows, columns],
            Kind::Stack(matrices) => vec![matrices, rows / matrices, columns],
        }
    }

    /// The elements on the host, row-major.
    pub fn to_vec(&self) -> Vec<f32> {
        device::to_host(self.tensor.clone())
    }

    /// The first rows and columns, of which `shape` says how many; this value itself where nothing is cut away.
    pub fn leading(&self, shape: &[usize]) -> Self {
        if self.shape() == shape {
            return self.clone();
        }
        let (kind, [rows, columns]) = Kind::dims(shape);
        if let (Kind::Stack(whole), &[matrices, part, _]) = (self.kind, shape) {
            let [whole_rows, whole_columns] = self.tensor.dims();
            let whole = self.tensor.clone().reshape([whole, whole_rows / whole, whole_columns]);
            return kind.of(whole.slice([0..matrices, 0..part, 0..columns]).reshape([rows, columns]));
        }
        kind.of(self.tensor.clone().slice([0..rows, 0..columns]))
    }

    /// Of a stack, or of a matrix with a row for each of its members, the leading part of a member.
    pub(super) fn member(&self, index: usize, shape: &[usize]) -> Self {
        let (kind, [rows, columns]) = Kind::dims(shape);
        let start = index * self.rows_a_member();
        kind.of(self.tensor.clone().slice([start..start + rows, 0..columns]))
    }

    /// The inverse of [`Value::member`]: `part` in the place of a member's leading part.
    pub(super) fn with_member(self, index: usize, part: &Self) -> Self {
        let start = index * self.rows_a_member();
        let [rows, columns] = part.tensor.dims();
        self.kind.of(self.tensor.slice_assign([start..start + rows, 0..columns], part.tensor.clone()))
    }

    fn rows_a_member(&self) -> usize {
        match self.kind {
            Kind::Stack(matrices) => self.tensor.dims()[0] / matrices,
            Kind::Vector | Kind::Matrix => 1,
        }
    }

    /// This vector or matrix in the corner of zeros, `[rows, columns]` in all: the inverse of [`Value::leading`].
    pub fn padded(&self, [rows, columns]: [usize; 2]) -> Self {
        let [part_rows, part_columns] = self.tensor.dims();
        if [part_rows, part_columns] == [rows, columns] {
            return self.clone();
        }
        let whole = Tensor::zeros([rows, columns], &self.tensor.device());
        self.kind.of(whole.slice_assign([0..part_rows, 0..part_columns], self.tensor.clone()))
    }

    fn wrap<const D: usize>(tensor: Tensor<D>) -> Self {
        let (kind, dims) = Kind::dims(&tensor.dims());
        kind.of(tensor.reshape(dims))
    }
}

impl Transformer {
    /// All parameters' values, without autodiff; experts one by one.
    pub fn values(&self) -> Values {
        let mut visitor = Collect { path: Path::default(), gradients: None, values: Values::new() };
        self.visit(&mut visitor);
        unstack(&visitor.values, &Self::named_shapes(self.config()))
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
        let mut mapper = Fill { path: Path::default(), tracked, source, error: None };
        let filled = config.skeleton(positions).map(&mut mapper);
        mapper.error.map_or(Ok(filled), Err)
    }

    /// Names and shapes of the parameters of `config`, experts one by one, without making them.
    pub fn named_shapes(config: &TransformerConfig) -> Shapes {
        Self::shapes(config, &Device::flex())
    }

    /// The same as `device` holds them: experts are stacked on graphics devices.
    pub fn shapes(config: &TransformerConfig, device: &Device) -> Shapes {
        let mut visitor = CollectShapes { path: Path::default(), shapes: Shapes::new() };
        config.skeleton(&Positions::absent(device)).visit(&mut visitor);
        visitor.shapes
    }
}

/// Looks `name` up among `values` and checks its shape.
pub fn lookup(values: &Values, name: &str, shape: &[usize]) -> Result<Value> {
    let value = values.get(name).ok_or_else(|| {
        Error::input(format!("parameter {name} is missing; the weights belong to another architecture"))
    })?;
    if value.shape() != shape {
        let found = value.shape();
        return Err(Error::input(format!("parameter {name} has shape {found:?}, expected {shape:?}")));
    }
    Ok(value.clone())
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
