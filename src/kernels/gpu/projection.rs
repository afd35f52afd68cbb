//! Output projection, label-smoothed cross-entropy and their gradients on graphics devices, in blocks of rows: logits of a whole
//! batch are never held. A cube computes the loss of a row; of the products around it each is a launch.

use super::elements::{largest_of_cube, sum_of_cube};
use super::linear::product;
use super::tensor::{CubeTensor, buffer, cast, cubes, element, empty_of, ints, primitive, transposed};
use crate::cost::memory::LOGITS_OF_BLOCK;
use crate::kernels::targets::{SoftTargets, Targets};
use crate::text::PAD;
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Cube, TensorMetadata};
use burn::tensor::{DType, FloatDType, Slice, Tensor};
use cubecl::prelude::*;

/// Units that go through the logits of one row.
const UNITS: usize = 256;

/// What is projected, and what the logits are compared with.
struct Projection {
    /// `[rows, embed]` and `[vocab, embed]`, in the precision of the products.
    factors: [CubeTensor; 2],
    /// Likewise of the teacher, where there is one.
    teacher: Option<[CubeTensor; 2]>,
    /// `[rows]`, less than 0 where there is no target.
    labels: CubeTensor,
    smoothing: f32,
    hard_share: f32,
    /// Loss and negative log-likelihood of each row, `[rows, 2]`.
    losses: CubeTensor,
}

/// Loss and negative log-likelihood of each row, `[rows · 2]`; the products are in `dtype`. Shapes are those of
/// [`evaluate`](crate::kernels::losses::evaluate).
pub fn forward(hidden: Tensor<2>, table: Tensor<2>, targets: Targets<'_>, dtype: FloatDType) -> Tensor<1> {
    let projection = Projection::new(hidden, table, targets, dtype);
    for [first, rows] in projection.blocks(LOGITS_OF_BLOCK) {
        projection.block(first, rows, None);
    }
    projection.losses()
}

/// The same, and the gradients of the hidden rows and of the table, times `scale`.
pub fn forward_backward(
    hidden: Tensor<2>,
    table: Tensor<2>,
    targets: Targets<'_>,
    dtype: FloatDType,
    scale: f64,
) -> (Tensor<1>, [Tensor<2>; 2]) {
    in_blocks(hidden, table, targets, dtype, scale, LOGITS_OF_BLOCK)
}

/// The same in blocks of so many logits at the most.
pub(super) fn in_blocks(
    hidden: Tensor<2>,
    table: Tensor<2>,
    targets: Targets<'_>,
    dtype: FloatDType,
    scale: f64,
    block: usize,
) -> (Tensor<1>, [Tensor<2>; 2]) {
    let projection = Projection::new(hidden, table, targets, dtype);
    let mut of_hidden = Vec::new();
    let mut of_table = None;
    for [first, rows] in projection.blocks(block) {
        let [slopes, hidden] = projection.block(first, rows, Some(scale as f32));
        of_hidden.push(cast(product(slopes.clone(), projection.factors[1].clone()), DType::F32));
        let part = cast(product(transposed(&slopes), hidden), DType::F32);
        of_table = Some(match of_table {
            None => part,
            Some(sum) => Cube::float_add(sum, part),
        });
    }
    let of_hidden = if of_hidden.len() == 1 { of_hidden.remove(0) } else { Cube::float_cat(of_hidden, 0) };
    let of_table = of_table.expect("there is at least one block");
    (projection.losses(), [of_hidden, of_table].map(Tensor::from_primitive::<Cube>))
}

impl Projection {
    fn new(hidden: Tensor<2>, table: Tensor<2>, targets: Targets<'_>, dtype: FloatDType) -> Self {
        let device = hidden.device();
        let factors = |hidden: Tensor<2>, table: Tensor<2>| {
            [hidden, table].map(|factor| cast(primitive(factor), DType::from(dtype)))
        };
        let labels: Vec<i32> = targets.ids.iter().map(|&id| if id == PAD { -1 } else { id as i32 }).collect();
        let labels = ints(&labels, &device);
        let of_teacher = |soft: &SoftTargets| factors(soft.hidden.clone(), soft.table.clone());
        let factors = factors(hidden, table);
        Self {
            losses: empty_of(&factors[0], vec![targets.ids.len(), 2], DType::F32),
            teacher: targets.soft.map(of_teacher),
            factors,
            labels,
            smoothing: targets.smoothing as f32,
            hard_share: targets.hard_share() as f32,
        }
    }

    fn losses(self) -> Tensor<1> {
        Tensor::<2>::from_primitive::<Cube>(self.losses).flatten(0, 1)
    }

    /// First row and rows of each block of so many logits at the most.
    fn blocks(&self, block: usize) -> Vec<[usize; 2]> {
        let (rows, vocab) = (self.factors[0].shape()[0], self.factors[1].shape()[0]);
        let most = (block / vocab.max(1)).max(16);
        let of_block = rows.div_ceil(rows.div_ceil(most).max(1)).max(1);
        (0..rows.max(1)).step_by(of_block).map(|first| [first, of_block.min(rows - first)]).collect()
    }

    /// The losses of a block. Returns its logits, or with `scale` their gradients times it, and its hidden rows.
    fn block(&self, first: usize, rows: usize, scale: Option<f32>) -> [CubeTensor; 2] {
        let of_block = |[hidden, table]: &[CubeTensor; 2]| {
            let whole = rows == hidden.shape()[0];
            let columns = Slice::from(0..hidden.shape()[1]);
            let hidden = if whole {
                hidden.clone()
            } else {
                Cube::float_slice(hidden.clone(), &[Slice::from(first..first + rows), columns])
            };
            [product(hidden.clone(), transposed(table)), hidden]
        };
        let [logits, hidden] = of_block(&self.factors);
        let vocab = logits.shape()[1];
        let teacher = self.teacher.as_ref().map(of_block);
        // Safety: a cube a row, and units go through its `vocab` logits.
        unsafe {
            row_kernel::launch_unchecked(
                &logits.client,
                cubes(rows, 1),
                CubeDim::new_1d(UNITS as u32),
                buffer(&logits),
                buffer(teacher.as_ref().map_or(&hidden, |[logits, _]| logits)),
                buffer(&self.labels),
                buffer(&self.losses),
                first,
                rows,
                vocab,
                self.smoothing,
                self.hard_share,
                scale.unwrap_or(1.0),
                scale.is_some(),
                self.teacher.is_some(),
                element(&logits),
            );
        }
        [logits, hidden]
    }
}

/// The loss of a row of logits, and its negative log-likelihood. With `differentiate` the row becomes the gradient
/// softmax - (1-s)·((1-ε)·onehot + ε/V) - s·p, where p is the softmax of `teacher` and s its share.
#[cube(launch_unchecked)]
fn row_kernel<F: Float>(
    logits: &mut [F],
    teacher: &[F],
    labels: &[i32],
    losses: &mut [f32],
    first_row: usize,
    rows: usize,
    vocab: usize,
    smoothing: f32,
    hard_share: f32,
    scale: f32,
    #[comptime] differentiate: bool,
    #[comptime] taught: bool,
    #[define(F)] _element: ElemType,
) {
    if CUBE_POS >= rows {
        terminate!();
    }
    let mut shared = Shared::<[f32]>::new_slice(UNITS);
    let unit = UNIT_POS as usize;
    let row = CUBE_POS * vocab;
    let label = labels[first_row + CUBE_POS];
    let is_real = label >= 0;
    let label = select(is_real, label, 0) as usize;
    let chosen = f32::cast_from(logits[row + label]);

    let own = exponentials::<F>(&*logits, &*logits, row, vocab, false, &mut shared);
    let log_sum = own.largest + own.sum.ln();
    let of_teacher = if comptime!(taught) {
        exponentials::<F>(teacher, &*logits, row, vocab, true, &mut shared)
    } else {
        own.clone()
    };

    let uniform = smoothing / vocab as f32;
    if unit == 0 {
        let nll = log_sum - chosen;
        let all = vocab as f32 * log_sum - own.total;
        let mut loss = hard_share * ((1.0f32 - smoothing) * nll + uniform * all);
        if comptime!(taught) {
            loss += (1.0f32 - hard_share) * (log_sum - of_teacher.total / of_teacher.sum);
        }
        losses[2 * (first_row + CUBE_POS)] = select(is_real, loss, 0.0f32);
        losses[2 * (first_row + CUBE_POS) + 1] = select(is_real, nll, 0.0f32);
    }
    if comptime!(differentiate) {
        let mut column = unit;
        while column < vocab {
            let mut slope = own.probability(f32::cast_from(logits[row + column])) - hard_share * uniform;
            if column == label {
                slope -= hard_share * (1.0f32 - smoothing);
            }
            if comptime!(taught) {
                slope -= (1.0f32 - hard_share) * of_teacher.probability(f32::cast_from(teacher[row + column]));
            }
            logits[row + column] = F::cast_from(select(is_real, slope * scale, 0.0f32));
            column += UNITS;
        }
    }
}

/// What is asked of a row of logits.
#[derive(CubeType, Clone)]
#[expand(derive(Clone))]
struct Exponentials {
    largest: f32,
    /// Of e^(logit - largest).
    sum: f32,
    /// Of the other row, each of its logits times that where it is weighed.
    total: f32,
}

#[cube]
impl Exponentials {
    fn probability(&self, logit: f32) -> f32 {
        (logit - self.largest).exp() / self.sum
    }
}

/// Of the row of `logits` that starts at `row`, by the units of a cube together.
#[cube]
fn exponentials<F: Float>(
    logits: &[F],
    others: &[F],
    row: usize,
    vocab: usize,
    #[comptime] weigh: bool,
    shared: &mut Shared<[f32]>,
) -> Exponentials {
    let mut largest = f32::min_value();
    let mut column = UNIT_POS as usize;
    while column < vocab {
        let logit = f32::cast_from(logits[row + column]);
        largest = select(logit > largest, logit, largest);
        column += UNITS;
    }
    let largest = largest_of_cube(largest, shared, UNITS);
    let mut sum = 0.0f32;
    let mut total = 0.0f32;
    let mut column = UNIT_POS as usize;
    while column < vocab {
        let value = (f32::cast_from(logits[row + column]) - largest).exp();
        let other = f32::cast_from(others[row + column]);
        sum += value;
        if comptime!(weigh) {
            total += value * other;
        } else {
            total += other;
        }
        column += UNITS;
    }
    let sum = sum_of_cube(sum, shared, UNITS);
    let total = sum_of_cube(total, shared, UNITS);
    Exponentials { largest, sum, total }
}
