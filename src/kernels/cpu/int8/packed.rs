//! Factors as products read them: in lanes of four numbers that adjoin along the inner dimension, zeros behind its end.

use super::lanes::{LANE, LANES, WIDTH};
use super::quantize::quantize;
use crate::kernels::cpu::matrix::{Matrix, PIECE};
use rayon::prelude::*;

/// Activations `[rows, inner]`.
#[derive(Debug, Clone)]
pub struct Rows {
    /// `[rows, steps, LANE]`: bytes that are 128 more than their numbers, as the instruction takes one factor without signs.
    bytes: Vec<u8>,
    /// Of each row.
    scales: Vec<f32>,
    steps: usize,
}

/// A weight `[outputs, inner]`, in panels of `WIDTH` outputs, the last one of whole registers. In a panel the lanes of a step
/// adjoin, then come those of the next.
#[derive(Debug, Clone)]
pub struct Panels {
    numbers: Vec<i8>,
    /// Of each output, zeros behind them.
    scales: Vec<f32>,
    /// By how much sums are too large because activations are stored 128 too large; of each output, zeros behind them.
    excess: Vec<i32>,
    outputs: usize,
    steps: usize,
}

impl Rows {
    /// The rows of `matrix`, in any layout.
    pub fn of(matrix: Matrix) -> Self {
        let [rows, inner] = matrix.dims();
        let steps = inner.div_ceil(LANE);
        let stride = steps * LANE;
        let (mut bytes, mut scales) = (vec![0; rows * stride], vec![0.0; rows]);
        // A row without elements has no bytes.
        let piece = (PIECE / stride.max(1)).max(1);
        let parts = bytes.par_chunks_mut((piece * stride).max(1)).zip(scales.par_chunks_mut(piece)).enumerate();
        parts.for_each(|(index, (bytes, scales))| {
            let places = bytes.chunks_exact_mut(stride).zip(scales);
            for (row, (bytes, scale)) in (index * piece..).zip(places) {
                *scale = quantize(&matrix.row_values(row), bytes);
            }
        });
        Self { bytes, scales, steps }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.scales.len()
    }

    /// Lanes of a row.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The lanes from row `row` on.
    pub fn lanes(&self, row: usize) -> &[[u8; LANE]] {
        self.bytes[row * self.steps * LANE..].as_chunks().0
    }

    /// The scales from row `row` on.
    pub fn scales(&self, row: usize) -> &[f32] {
        &self.scales[row..]
    }
}

impl Panels {
    /// A quantised copy of `weight`, `[outputs, inner]`.
    pub fn of(weight: Matrix) -> Self {
        let [outputs, inner] = weight.dims();
        let (padded, steps) = (outputs.next_multiple_of(LANES), inner.div_ceil(LANE));
        let mut panels = Self {
            numbers: vec![0; padded * steps * LANE],
            scales: vec![0.0; padded],
            excess: vec![0; padded],
            outputs,
            steps,
        };
        let mut row = vec![0; inner];
        for output in 0..outputs {
            panels.scales[output] = quantize(&weight.row_values(output), &mut row);
            let numbers = row.iter().map(|byte| (byte ^ 0x80) as i8);
            panels.excess[output] = numbers.clone().map(|number| 128 * i32::from(number)).sum();
            let (start, stride) = panels.place(output / WIDTH * WIDTH);
            for (index, number) in numbers.enumerate() {
                let (step, within) = (index / LANE, index % LANE);
                panels.numbers[start + (step * stride + output % WIDTH) * LANE + within] = number;
            }
        }
        panels
    }

    /// Where the panel of the outputs from `output` on begins, a multiple of `WIDTH`, and how many lanes a step of it has.
    fn place(&self, output: usize) -> (usize, usize) {
        (output * self.steps * LANE, WIDTH.min(self.scales.len() - output))
    }

    /// How many outputs there are.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Lanes of an output.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The lanes of the panel of the outputs from `output` on, a multiple of `WIDTH`.
    pub fn lanes(&self, output: usize) -> &[[i8; LANE]] {
        let (start, stride) = self.place(output);
        self.numbers[start..start + self.steps * stride * LANE].as_chunks().0
    }

    /// The scales of that panel.
    pub fn scales(&self, output: usize) -> &[f32] {
        let (_, stride) = self.place(output);
        &self.scales[output..output + stride]
    }

    /// By how much its sums are too large.
    pub fn excess(&self, output: usize) -> &[i32] {
        let (_, stride) = self.place(output);
        &self.excess[output..output + stride]
    }
}
