//! Routing on the device: each token's experts, and the entries sorted by expert. Nothing is read to the host.

use super::tensor::{CubeTensor, buffer, cubes, empty_of, ints, primitive, primitive_int};
use crate::device::ids;
use crate::kernels::routing::Assignment;
use burn::backend::Cube;
use burn::backend::TensorMetadata;
use burn::tensor::{DType, Device, Int, Tensor};
use cubecl::prelude::*;

/// Units that sort; each counts a piece of the entries.
const UNITS: usize = 64;
/// Experts whose counts fit into the 16 KiB of shared memory that every device has.
pub const MOST_EXPERTS: usize = 64;

/// How a layer's tokens are routed, which [`Assignment`] says on the host. An entry is a (rank, token) pair, numbered
/// `rank · tokens + token`.
#[derive(Debug, Clone)]
pub struct Routing {
    /// Tokens that were routed.
    pub(super) tokens: usize,
    /// Experts a token.
    pub(super) top_k: usize,
    /// The experts of each token by falling probability, `[tokens, top_k]`.
    pub(super) chosen: CubeTensor,
    /// Where each expert's entries start in the sorted order, `[experts + 1]`; those over capacity stand last.
    pub(super) starts: CubeTensor,
    /// The sorted entries, `[entries]`.
    pub(super) rows: CubeTensor,
    /// Where each entry stands in the sorted order, `[entries]`.
    pub(super) places: CubeTensor,
    /// See [`Routing::counts`].
    counts: CubeTensor,
    /// FFN width of each expert, 0 for the identity: `[experts]`.
    pub(super) sizes: CubeTensor,
}

impl Routing {
    /// By `probabilities`, `[tokens, experts]` without autodiff: each token goes to its `top_k` most probable experts, ties to
    /// the lowest index, and what is not a number goes before all. `sizes` are the experts' FFN widths, `[experts]`.
    pub fn route(probabilities: Tensor<2>, sizes: Tensor<1, Int>, top_k: usize) -> Self {
        let [tokens, experts] = probabilities.dims();
        let probabilities = primitive(probabilities);
        let ints = |shape: Vec<usize>| empty_of(&probabilities, shape, DType::I32);
        let chosen = ints(vec![tokens, top_k]);
        // Safety: units past the last token end at once; all other indices are below the buffers' lengths by construction.
        unsafe {
            choose_kernel::launch_unchecked(
                &chosen.client,
                cubes(tokens, UNITS),
                CubeDim::new_1d(UNITS as u32),
                buffer(&probabilities),
                buffer(&chosen),
                tokens,
                experts,
                top_k,
            );
        }
        let (starts, rows) = (ints(vec![experts + 1]), ints(vec![tokens * top_k]));
        let places = ints(vec![tokens * top_k]);
        let counts = empty_of(&probabilities, vec![experts], DType::F32);
        // Safety: as above.
        unsafe {
            sort_kernel::launch_unchecked(
                &chosen.client,
                CubeCount::Static(1, 1, 1),
                CubeDim::new_1d(UNITS as u32),
                buffer(&chosen),
                buffer(&starts),
                buffer(&rows),
                buffer(&places),
                buffer(&counts),
                tokens,
                top_k,
                experts,
            );
        }
        let sizes = primitive_int(sizes);
        Self { tokens, top_k, chosen, starts, rows, places, counts, sizes }
    }

    /// As the host decided, which knows capacities; `sizes` as in [`Routing::route`].
    pub fn upload(assignment: &Assignment, sizes: Tensor<1, Int>, device: &Device) -> Self {
        let of = |values: &[u32]| primitive_int(ids(values, device));
        let mut rows = vec![0; assignment.inverse_order.len()];
        assignment.inverse_order.iter().enumerate().for_each(|(entry, &place)| rows[place as usize] = entry as i32);
        let experts = assignment.counts.len();
        let counts: Vec<f32> = assignment.counts.iter().map(|&count| count as f32).collect();
        let starts = (0..=experts).map(|e| assignment.group_sizes[..e].iter().sum::<usize>() as i32);
        Self {
            tokens: assignment.tokens(),
            top_k: assignment.top_k,
            chosen: of(&assignment.experts),
            starts: ints(&starts.collect::<Vec<_>>(), device),
            rows: ints(&rows, device),
            places: of(&assignment.inverse_order),
            counts: primitive(Tensor::<1>::from_data(counts.as_slice(), device)),
            sizes: primitive_int(sizes),
        }
    }

    /// Experts of the layer.
    pub(super) fn experts(&self) -> usize {
        self.sizes.shape()[0]
    }

    /// Entries: tokens times ranks.
    pub(super) fn entries(&self) -> usize {
        self.tokens * self.top_k
    }

    /// The experts of each token by falling probability, `[tokens · top_k]`.
    pub fn experts_of_tokens(&self) -> Tensor<1, Int> {
        Tensor::<1, Int>::from_primitive::<Cube>(self.chosen.clone()).reshape([self.entries()])
    }

    /// Tokens sent to each expert, over all ranks, as numbers: `[experts]`.
    pub fn counts(&self) -> Tensor<1> {
        Tensor::from_primitive::<Cube>(self.counts.clone())
    }
}

#[cube(launch_unchecked)]
fn choose_kernel(probabilities: &[f32], chosen: &mut [i32], tokens: usize, experts: usize, top_k: usize) {
    let token = ABSOLUTE_POS;
    if token >= tokens {
        terminate!();
    }
    for rank in 0..top_k {
        let mut best = experts;
        let mut best_probability = 0.0f32;
        for expert in 0..experts {
            let mut taken = 0u32;
            for earlier in 0..rank {
                if chosen[token * top_k + earlier] as usize == expert {
                    taken = 1u32;
                }
            }
            let probability = probabilities[token * experts + expert];
            let above = !best_probability.is_nan() && (probability.is_nan() || probability > best_probability);
            if taken == 0u32 && (best == experts || above) {
                best = expert;
                best_probability = probability;
            }
        }
        chosen[token * top_k + rank] = best as i32;
    }
}

/// A stable counting sort in one cube: each unit counts its piece, one unit turns the counts into places, and each unit
/// hands out the places of its piece.
#[cube(launch_unchecked)]
fn sort_kernel(
    chosen: &[i32],
    starts: &mut [i32],
    rows: &mut [i32],
    places: &mut [i32],
    counts: &mut [f32],
    tokens: usize,
    top_k: usize,
    #[comptime] experts: usize,
) {
    let mut tallies = Shared::<[u32]>::new_slice(experts * UNITS); // [expert, unit]
    let unit = UNIT_POS as usize;
    let entries = tokens * top_k;
    let piece = entries.div_ceil(UNITS);
    let first = unit * piece;
    let last = min(first + piece, entries);
    for expert in 0..experts {
        tallies[expert * UNITS + unit] = 0u32;
    }
    for entry in first..last {
        let expert = chosen[(entry % tokens) * top_k + entry / tokens] as usize;
        tallies[expert * UNITS + unit] += 1u32;
    }
    sync_cube();
    if unit == 0 {
        let mut sum = 0u32;
        for expert in 0..experts {
            starts[expert] = sum as i32;
            let before = sum;
            for piece in 0..UNITS {
                let count = tallies[expert * UNITS + piece];
                tallies[expert * UNITS + piece] = sum;
                sum += count;
            }
            counts[expert] = f32::cast_from(sum - before);
        }
        starts[experts] = sum as i32;
    }
    sync_cube();
    for entry in first..last {
        let expert = chosen[(entry % tokens) * top_k + entry / tokens] as usize;
        let place = tallies[expert * UNITS + unit];
        tallies[expert * UNITS + unit] = place + 1u32;
        rows[place as usize] = entry as i32;
        places[entry] = place as i32;
    }
}
