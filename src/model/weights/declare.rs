//! Parameters as modules declare them: a shape, and how the elements begin.

use crate::text::PAD;
use burn::module::{Param, ParamId};
use burn::tensor::{Device, Shape, Tensor};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use std::cell::RefCell;
use std::collections::HashMap;

/// How the elements of a parameter begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// All with this value.
    Constant(f32),
    /// Uniform between minus and plus this bound.
    Uniform(f64),
    /// Normal with deviation `columns^-0.5`, as tables of embeddings begin.
    Table {
        /// Whether tokens are looked up in the table: its row of padding is then 0.
        looked_up: bool,
    },
}

impl Init {
    /// Xavier's uniform rule (Glorot & Bengio 2010, eq. 16).
    pub fn xavier(fan_out: usize, fan_in: usize) -> Self {
        Self::Uniform((6.0 / (fan_out + fan_in) as f64).sqrt())
    }

    /// The elements of a parameter of `shape`, row-major.
    pub(super) fn draw(self, shape: &[usize], rng: &mut impl Rng) -> Vec<f32> {
        let count = shape.iter().product();
        match self {
            Self::Constant(value) => vec![value; count],
            Self::Uniform(bound) => {
                let bound = bound as f32;
                (0..count).map(|_| rng.random_range(-bound..=bound)).collect()
            }
            Self::Table { looked_up } => {
                let columns = shape[shape.len() - 1];
                let deviation = (columns as f32).powf(-0.5);
                let element = |z: f32| z * deviation;
                let mut table: Vec<f32> = (0..count).map(|_| element(StandardNormal.sample(rng))).collect();
                let padding = PAD as usize * columns..(PAD as usize + 1) * columns;
                if looked_up && padding.end <= count {
                    table[padding].fill(0.0);
                }
                table
            }
        }
    }
}

/// What modules declare their parameters to while they are built. The parameters hold nothing yet: whoever builds a model fills
/// them, with weights that there are or as was declared.
#[derive(Debug)]
pub struct Declare {
    device: Device,
    begin: RefCell<HashMap<ParamId, Init>>,
}

impl Declare {
    /// Of a model on `device`.
    pub fn on(device: &Device) -> Self {
        Self { device: device.clone(), begin: RefCell::default() }
    }

    /// Where the model will be.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// A parameter of `shape` whose elements begin as `init` says.
    pub fn parameter<const D: usize>(&self, shape: [usize; D], init: Init) -> Param<Tensor<D>> {
        let id = ParamId::new();
        self.begin.borrow_mut().insert(id, init);
        let nothing = move |device: &Device, _| Tensor::zeros(shape, device);
        Param::uninitialized(id, nothing, self.device.clone(), false, Shape::from(shape))
    }

    /// How the parameter `id` begins.
    pub(super) fn begins(&self, id: ParamId) -> Option<Init> {
        self.begin.borrow().get(&id).copied()
    }
}
