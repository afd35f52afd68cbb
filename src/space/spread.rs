//! Random architectures spread evenly over a figure such as FLOPs. Drawn gene by gene, nearly all would lie near the mean,
//! and a predictor would hardly see the small and the large ones that a search is after.

use super::architecture::Architecture;
use super::space::Space;
use crate::seed;
use rand::RngExt;
use std::collections::HashSet;

/// Draws for each architecture; the one nearest to its target is kept.
const POOL: usize = 32;
/// Pools without an architecture that is new before a space counts as used up.
const ATTEMPTS: usize = 50;
/// Steps of the targets along the range (0 to 1), the golden ratio's fraction: any number of targets in a row lie
/// evenly, and in no order that a split by rows would notice.
const STEP: f64 = 0.618_033_988_749_894_9;

/// `count` different architectures of `space`, spread evenly over `figure`; fewer where the space has no more. The first ones do
/// not depend on `count`.
pub fn spread(space: &Space, figure: &dyn Fn(&Architecture) -> f64, seed: u64, count: usize) -> Vec<Architecture> {
    let ends = [space.smallest(), space.largest()];
    let [least, most] = [figure(&ends[0]), figure(&ends[1])];
    let mut used = HashSet::new();
    let mut chosen = Vec::with_capacity(count);
    for index in 0..count {
        let target = least + (most - least) * ((index as f64 + 0.5) * STEP).fract();
        let mut random = seed::stream(seed, "latency architectures", index as u64);
        let mut draw = || {
            let end = &ends[random.random_range(0..ends.len())];
            let probability = random.random();
            space.mutate(end, probability, &mut random)
        };
        let nearest = (0..ATTEMPTS).find_map(|_| {
            let pool = (0..POOL).map(|_| draw()).filter(|architecture| !used.contains(architecture));
            let distances = pool.map(|architecture| ((figure(&architecture) - target).abs(), architecture));
            distances.min_by(|a, b| a.0.total_cmp(&b.0))
        });
        let Some((_, architecture)) = nearest else { break };
        used.insert(architecture.clone());
        chosen.push(architecture);
    }
    chosen
}
