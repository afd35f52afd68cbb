//! The architectures that are measured, drawn by [`spread`] over FLOPs: `space` itself counts none.

use crate::config::Config;
use crate::cost::{Dimensions, flops};
use crate::space::{Architecture, Space, spread};
use std::collections::HashSet;

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
