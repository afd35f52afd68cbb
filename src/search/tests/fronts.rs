//! Searches of several objectives, and by a surrogate.

use super::*;

#[test]
fn a_surrogate_finds_more_with_fewer_trials() {
    let space = space();
    let mean_loss = |surrogate, generations| {
        let settings =
            SearchConfig { population: 30, mutations: 8, crossovers: 7, surrogate, generations, ..settings() };
        let losses = (0..6).map(|seed| search(&settings, &space, seed, &MadeUp::new(), "").0.unwrap().loss.unwrap());
        losses.sum::<f64>() / 6.0
    };
    // 120 trials and 150.
    let (with, without) = (mean_loss(true, 6), mean_loss(false, 8));
    assert!(with < without, "with {with}, without {without}");
}

#[test]
fn nsga2_finds_a_larger_front_than_random_search_of_the_same_budget() {
    let space = space();
    let volume = |algorithm| {
        let two = of_several(algorithm).objectives[..2].to_vec();
        let settings = SearchConfig {
            objectives: two.clone(),
            population: 30,
            mutations: 15,
            crossovers: 10,
            generations: 6,
            ..of_several(algorithm)
        };
        let volumes = (0..6).map(|seed| {
            let (_, log) = search(&settings, &space, seed, &MadeUp::new(), "");
            let front = front(&trials(&log), &two);
            let points: Vec<_> = front.iter().filter_map(|trial| trial.point(&two)).collect();
            hypervolume(&points, &[10.0, 6.0])
        });
        volumes.sum::<f64>()
    };
    let (nsga2, random) = (volume("nsga2"), volume("random"));
    assert!(nsga2 > 1.05 * random, "nsga2 {nsga2}, random {random}");
}

#[test]
fn trials_tell_the_objectives_that_nothing_limits() {
    let (_, log) = search(&of_several("random"), &space(), 1, &MadeUp::new(), "");
    for trial in trials(&log) {
        let width = trial.architecture.encoder.embed_dim + trial.architecture.decoder.embed_dim;
        assert_eq!(trial.figure("memory_mb"), Some(width as f64));
        assert_eq!(trial.figure("parameters"), None);
    }
}
