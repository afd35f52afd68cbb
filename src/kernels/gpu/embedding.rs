//! The look-up of tokens and positions on graphics devices, and its gradient, a launch each.

use super::tensor::{buffer, cubes, empty, ints, own, primitive};
use crate::text::PAD;
use burn::backend::{Cube, TensorMetadata};
use burn::tensor::Tensor;
use cubecl::prelude::*;
use std::collections::BTreeMap;

const UNITS: usize = 64;

/// See [`embed`](crate::kernels::operators::embed).
pub fn look_up(table: Tensor<2>, sinusoids: Tensor<2>, tokens: &[u32], positions: &[u32]) -> Tensor<2> {
    let device = sinusoids.device();
    let (table, sinusoids) = (primitive(table), primitive(sinusoids));
    let width = table.shape()[1];
    let output = empty(&table, [tokens.len(), width]);
    let rows = tokens.iter().chain(positions).map(|&row| row as i32);
    // Safety: units past the last element end at once; tokens and positions are rows of their tables.
    unsafe {
        look_up_kernel::launch_unchecked(
            &table.client,
            cubes(tokens.len() * width, UNITS),
            CubeDim::new_1d(UNITS as u32),
            buffer(&table),
            buffer(&sinusoids),
            buffer(&ints(&rows.collect::<Vec<_>>(), &device)),
            buffer(&output),
            tokens.len(),
            width,
            (width as f32).sqrt(),
        );
    }
    Tensor::from_primitive::<Cube>(output)
}

/// See [`add_embedding_gradient`](crate::kernels::operators::add_embedding_gradient). The entries of a token are added up by one
/// cube, in their order.
pub fn add_rows(table: Tensor<2>, gradient: Tensor<2>, tokens: &[u32]) -> Tensor<2> {
    let device = table.device();
    let mut entries: BTreeMap<u32, Vec<i32>> = BTreeMap::new();
    for (entry, &token) in (0..).zip(tokens).filter(|(_, token)| **token != PAD) {
        entries.entry(token).or_default().push(entry);
    }
    let table = own(table);
    if entries.is_empty() {
        return Tensor::from_primitive::<Cube>(table);
    }
    let gradient = primitive(gradient);
    let starts = entries.values().scan(0, |end, entries| {
        *end += entries.len() as i32;
        Some(*end)
    });
    let names = entries.keys().map(|&token| token as i32);
    let numbers = names.chain([0]).chain(starts).chain(entries.values().flatten().copied());
    let width = gradient.shape()[1];
    // Safety: units past the last column do nothing; tokens are rows of the table, which is as wide as the gradient or wider.
    unsafe {
        add_kernel::launch_unchecked(
            &table.client,
            cubes(entries.len() * width.div_ceil(UNITS), 1),
            CubeDim::new_1d(UNITS as u32),
            buffer(&gradient),
            buffer(&ints(&numbers.collect::<Vec<_>>(), &device)),
            buffer(&table),
            entries.len(),
            width,
            table.shape()[1],
            (width as f32).sqrt(),
        );
    }
    Tensor::from_primitive::<Cube>(table)
}

#[cube(launch_unchecked)]
fn look_up_kernel(
    table: &[f32],
    sinusoids: &[f32],
    rows: &[i32],
    output: &mut [f32],
    tokens: usize,
    width: usize,
    scale: f32,
) {
    let place = ABSOLUTE_POS;
    if place >= tokens * width {
        terminate!();
    }
    let token = rows[place / width] as usize;
    let position = rows[tokens + place / width] as usize;
    let column = place % width;
    output[place] = table[token * width + column] * scale + sinusoids[position * width + column];
}

/// `numbers` holds the tokens, where the entries of each start and those of the last end, and the entries.
#[cube(launch_unchecked)]
fn add_kernel(
    gradient: &[f32],
    numbers: &[i32],
    table: &mut [f32],
    tokens: usize,
    width: usize,
    table_width: usize,
    scale: f32,
) {
    let blocks = width.div_ceil(UNITS);
    let index = CUBE_POS / blocks;
    let column = CUBE_POS % blocks * UNITS + UNIT_POS as usize;
    if index >= tokens || column >= width {
        terminate!();
    }
    let first = numbers[tokens + index] as usize;
    let last = numbers[tokens + index + 1] as usize;
    let mut sum = 0.0f32;
    for place in first..last {
        let entry = numbers[2 * tokens + 1 + place] as usize;
        sum += gradient[entry * width + column];
    }
    table[numbers[index] as usize * table_width + column] += sum * scale;
}
