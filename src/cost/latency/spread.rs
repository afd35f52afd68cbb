//! Random architectures spread evenly over a figure such as FLOPs. Drawn gene by gene, nearly all would lie near the mean,
//! and a predictor would hardly see the small and the large ones that a search is after.

use crate::seed;
use crate::space::{Architecture, Space};
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::cost::{Dimensions, flops};

    fn flops_of(config: &str) -> (Space, impl Fn(&Architecture) -> f64) {
        let config = Config::load(config).unwrap();
        let dimensions = Dimensions::of(&config).unwrap();
        (config.space().unwrap(), move |architecture: &Architecture| flops(architecture, &dimensions).mean)
    }

    #[test]
    fn every_part_of_the_range_is_as_likely_in_every_part_of_the_file() {
        let (space, figure) = flops_of("wmt14-en-de");
        let architectures = spread(&space, &figure, 1, 200);
        let (least, most) = (figure(&space.smallest()), figure(&space.largest()));
        for part in architectures.chunks(50) {
            let mut counts = [0; 5];
            for architecture in part {
                let place = (figure(architecture) - least) / (most - least);
                counts[((place * 5.0) as usize).min(4)] += 1;
            }
            assert!(counts.iter().all(|count| (7..=13).contains(count)), "{counts:?}");
        }
    }

    #[test]
    fn architectures_differ_and_the_first_do_not_depend_on_how_many() {
        let (space, figure) = flops_of("toy");
        let many = spread(&space, &figure, 3, 120);
        assert_eq!(spread(&space, &figure, 3, 40), many[..40]);
        assert_eq!(many.iter().collect::<HashSet<_>>().len(), many.len());
        assert!(many.iter().all(|architecture| space.contains(architecture).is_ok()));
    }
}
