//! The value of a parameter.

use crate::device;
use crate::error::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData};
use std::collections::BTreeMap;

/// The value of a parameter, or its gradient: a matrix, a vector held as a matrix of one row, or a group of matrices held as
/// one above the other.
#[derive(Debug, Clone)]
pub struct Value {
    /// `[rows, columns]`; `[1, length]` for a vector, `[matrices · rows, columns]` for a group.
    pub tensor: Tensor<2>,
    kind: Kind,
}

/// Whether a value is a vector, a matrix or a group of matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One dimension.
    Vector,
    /// Two dimensions.
    Matrix,
    /// Three dimensions, the first of this length.
    Group(usize),
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
            [matrices, rows, columns] => (Self::Group(matrices), [matrices * rows, columns]),
            _ => unreachable!("parameters have one to three dimensions"),
        }
    }
}

/// Values by parameter name.
pub type Values = BTreeMap<String, Value>;

impl Value {
    /// Zeros; `shape` has one to three dimensions.
    pub fn zeros(shape: &[usize], device: &Device) -> Self {
        let (kind, dims) = Kind::dims(shape);
        kind.of(Tensor::zeros(dims, device))
    }

    /// A value from elements on the host, row-major; `shape` has one to three dimensions.
    pub fn from_vec(elements: Vec<f32>, shape: &[usize], device: &Device) -> Self {
        let (kind, dims) = Kind::dims(shape);
        kind.of(Tensor::from_data(TensorData::new(elements, dims), device))
    }

    /// Vector, matrix or group.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The dimensions, one to three.
    pub fn shape(&self) -> Vec<usize> {
        let [rows, columns] = self.tensor.dims();
        match self.kind {
            Kind::Vector => vec![columns],
            Kind::Matrix => vec![rows, columns],
            Kind::Group(matrices) => vec![matrices, rows / matrices, columns],
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
        if let (Kind::Group(whole), &[matrices, part, _]) = (self.kind, shape) {
            let [whole_rows, whole_columns] = self.tensor.dims();
            let whole = self.tensor.clone().reshape([whole, whole_rows / whole, whole_columns]);
            return kind.of(whole.slice([0..matrices, 0..part, 0..columns]).reshape([rows, columns]));
        }
        kind.of(self.tensor.clone().slice([0..rows, 0..columns]))
    }

    /// Of a group, or of a matrix with a row for each of its members, the leading part of a member.
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
            Kind::Group(matrices) => self.tensor.dims()[0] / matrices,
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

    /// The sum of two leading parts of one whole, in the shape that holds both.
    pub fn plus(self, other: Self) -> Self {
        let (mine, others) = (self.shape(), other.shape());
        if mine == others {
            return self.kind.of(self.tensor + other.tensor);
        }
        let shape: Vec<usize> = mine.into_iter().zip(others).map(|(a, b)| a.max(b)).collect();
        let [mine, other] = [self, other].map(|part| part.grown(&shape));
        mine.kind.of(mine.tensor + other.tensor)
    }

    /// This value in the leading places of zeros of `shape`: the inverse of [`Value::leading`], of groups, too.
    pub fn grown(self, shape: &[usize]) -> Self {
        if self.shape() == shape {
            return self;
        }
        let (kind, [rows, columns]) = Kind::dims(shape);
        let (Kind::Group(matrices), &[whole, whole_rows, _]) = (self.kind, shape) else {
            return self.padded([rows, columns]);
        };
        let [part_rows, part_columns] = self.tensor.dims();
        let part_rows = part_rows / matrices;
        let part = self.tensor.reshape([matrices, part_rows, part_columns]);
        let zeros = Tensor::<3>::zeros([whole, whole_rows, columns], &part.device());
        let grown = zeros.slice_assign([0..matrices, 0..part_rows, 0..part_columns], part);
        kind.of(grown.reshape([rows, columns]))
    }

    pub(super) fn wrap<const D: usize>(tensor: Tensor<D>) -> Self {
        let (kind, dims) = Kind::dims(&tensor.dims());
        kind.of(tensor.reshape(dims))
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
