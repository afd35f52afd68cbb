//! What the passes of all processes found, summed.

use super::gradients::Gradients;
use super::slots::RoutedTokens;
use crate::device::to_host;
use crate::kernels::LossSums;
use crate::model::{Value, Values};
use crate::world::{World, sum};
use burn::tensor::{Device, Tensor, TensorData};
use std::time::{Duration, Instant};

/// Time that processes spend on each other.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Together {
    /// Waiting for the slowest of them.
    pub waiting: Duration,
    /// Sending, receiving and summing gradients.
    pub reducing: Duration,
}

impl Together {
    /// Adds that of another update.
    pub fn add(&mut self, other: Self) {
        self.waiting += other.waiting;
        self.reducing += other.reducing;
    }
}

/// Makes of what each process `found` for its micro-batches the sums over all; together. Gradients are of `weights`; not every
/// process has the same ones, for an expert without tokens has none.
pub(super) fn reduce(world: &dyn World, found: &mut Gradients, weights: &Values, device: &Device) -> Together {
    if world.size() == 1 {
        return Together::default();
    }
    let start = Instant::now();
    let counts = world.all_gather(&Counts::of(found, weights).to_bytes());
    let waiting = start.elapsed();
    let counts: Vec<Counts> = counts.iter().map(|bytes| Counts::from_bytes(bytes, weights.len())).collect();
    let start = Instant::now();
    Counts::put(&counts, found);
    for (place, name) in weights.keys().enumerate() {
        let largest = |dim: usize| counts.iter().map(|counts| counts.shapes[place][dim]).max().unwrap_or(0) as usize;
        let shape: Vec<usize> = (0..DIMS).map(largest).filter(|&length| length > 0).collect();
        if !shape.is_empty() {
            let own = found.values.remove(name).unwrap_or_else(|| Value::zeros(&shape, device));
            found.values.insert(name.clone(), own.grown(&shape));
        }
    }
    if !found.values.is_empty() {
        found.values = sums(world, &found.values, device);
    }
    Together { waiting, reducing: start.elapsed() }
}

/// The sums of everybody's `values`, as one buffer.
fn sums(world: &dyn World, values: &Values, device: &Device) -> Values {
    let flat = values.values().map(|value| value.tensor.clone().reshape([-1]));
    let summed = sum(world, to_host(Tensor::<1>::cat(flat.collect(), 0)));
    let length = summed.len();
    let whole = Tensor::<1>::from_data(TensorData::new(summed, [length]), device);
    let mut start = 0;
    let part = |(name, value): (&String, &Value)| {
        let dims = value.tensor.dims();
        let end = start + dims[0] * dims[1];
        let part = whole.clone().narrow(0, start, end - start).reshape(dims);
        start = end;
        (name.clone(), value.kind().of(part))
    };
    values.iter().map(part).collect()
}

/// Dimensions of a parameter at most.
const DIMS: usize = 3;

/// All but the gradients.
struct Counts {
    sums: LossSums,
    flops: f64,
    /// Of each weight's gradient; zeros where there is none.
    shapes: Vec<[u64; DIMS]>,
    routed: Vec<u64>,
}

impl Counts {
    fn of(found: &Gradients, weights: &Values) -> Self {
        let shape = |name: &String| {
            let mut dims = found.values.get(name).map(Value::shape).into_iter().flatten();
            std::array::from_fn(|_| dims.next().unwrap_or(0) as u64)
        };
        let shapes = weights.keys().map(shape).collect();
        Self { sums: found.sums, flops: found.flops, shapes, routed: found.routed.counts() }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let numbers = self.shapes.as_flattened().iter().chain(&self.routed);
        let numbers = [self.flops.to_bits()].into_iter().chain(numbers.copied());
        self.sums.to_bytes().into_iter().chain(numbers.flat_map(u64::to_le_bytes)).collect()
    }

    /// The inverse of [`Self::to_bytes`] for so many weights.
    fn from_bytes(bytes: &[u8], weights: usize) -> Self {
        let (sums, numbers) = bytes.split_first_chunk().expect("processes of one version send alike");
        let mut numbers = numbers.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
        let mut next = || numbers.next().unwrap_or(0);
        let flops = f64::from_bits(next());
        let shapes = (0..weights).map(|_| [(); DIMS].map(|()| next())).collect();
        Self { sums: LossSums::from_bytes(sums), flops, shapes, routed: numbers.collect() }
    }

    /// Puts the sums of `all` into `found`.
    fn put(all: &[Self], found: &mut Gradients) {
        let mut routed = vec![0; all[0].routed.len()];
        (found.sums, found.flops) = (LossSums::default(), 0.0);
        for counts in all {
            found.sums.add(&counts.sums);
            found.flops += counts.flops;
            routed.iter_mut().zip(&counts.routed).for_each(|(sum, count)| *sum += count);
        }
        found.routed = RoutedTokens::with_counts(&found.routed, &routed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::threads::threads;

    /// An expert may have tokens in one process alone, and then only those of a smaller architecture.
    #[test]
    fn gradients_that_not_all_have_add_up_in_the_largest_shape() {
        let device = Device::flex();
        let value =
            |shape: &[usize]| Value::from_vec((1..=shape.iter().product()).map(|i| i as f32).collect(), shape, &device);
        let named = |values: &[(&str, &[usize])]| -> Values {
            values.iter().map(|(name, shape)| (name.to_string(), value(shape))).collect()
        };
        let weights = named(&[("a", &[3]), ("b", &[2, 3]), ("c", &[2, 2, 2]), ("d", &[4])]);
        let own: [Values; 3] =
            [named(&[("a", &[2]), ("b", &[1, 2])]), named(&[("b", &[2, 1]), ("c", &[1, 2, 1])]), named(&[("a", &[2])])];
        let of = |rank: usize| Gradients {
            sums: LossSums { loss: 1.5, nll: f64::NAN, objective: rank as f64, tokens: rank + 1 },
            values: own[rank].clone(),
            flops: 2.0,
            routed: RoutedTokens::default(),
        };
        let reduced = threads(3, |world| {
            let mut found = of(world.rank());
            reduce(world, &mut found, &weights, &device);
            found
        });
        for Gradients { sums, values, flops, .. } in reduced {
            assert_eq!((sums.loss, sums.objective, sums.tokens, flops), (4.5, 3.0, 6, 6.0));
            assert!(sums.nll.is_nan());
            assert_eq!(values.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
            assert_eq!(values["a"].to_vec(), [2.0, 4.0]);
            assert_eq!((values["b"].shape(), values["b"].to_vec()), (vec![2, 2], vec![2.0, 2.0, 2.0, 0.0]));
            assert_eq!((values["c"].shape(), values["c"].to_vec()), (vec![1, 2, 1], vec![1.0, 2.0]));
        }
    }
}
