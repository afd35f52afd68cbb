//! Searches whose candidates race.

use super::*;
use crate::error::{Error, Result};
use crate::search::Evaluation;
use crate::space::Architecture;
use std::ops::Range;

/// Settings of searches whose candidates race.
fn races() -> impl Iterator<Item = SearchConfig> {
    every_algorithm().map(|settings| SearchConfig { racing: true, ..settings })
}

#[test]
fn a_race_is_the_same_however_often_it_is_interrupted_and_with_any_number_of_threads() {
    let space = space();
    for settings in races() {
        let (winner, log) = search(&settings, &space, 5, &evaluator(), "");
        let winner = winner.unwrap();
        let trials = trials(&log);
        assert_eq!(trials.len(), 38);
        for trial in &trials {
            let tokens = match trial.state {
                TrialState::Complete => 96..97,
                TrialState::Dropped => 12..96,
                _ => 0..1,
            };
            assert!(tokens.contains(&trial.tokens), "{trial:?}");
            assert_eq!(trial.loss.is_some(), trial.tokens > 0);
        }
        let lines: Vec<&str> = log.split_inclusive('\n').collect();
        for cut in (0..=lines.len()).step_by(5) {
            let (resumed, resumed_log) = search(&settings, &space, 5, &evaluator(), &lines[..cut].concat());
            assert_eq!(resumed.unwrap().id, winner.id);
            assert_eq!(without_seconds(&resumed_log), without_seconds(&log));
        }
        for parallel in [1, 4] {
            let (_, other) = search(&SearchConfig { parallel, ..settings.clone() }, &space, 5, &evaluator(), "");
            assert_eq!(without_seconds(&other), without_seconds(&log));
        }
    }
}

/// The best by its true loss of all that a race has tried is among the complete ones, and much is saved.
#[test]
fn a_race_keeps_the_best() {
    let space = space();
    let (mut lost, mut tokens, mut all) = (0, 0, 0);
    for seed in 0..50 {
        let settings = SearchConfig { population: 30, parents: 5, generations: 2, racing: true, ..settings() };
        let (_, log) = search(&settings, &space, seed, &MadeUp::new(), "");
        let trials = trials(&log);
        let full = |trial: &Trial| MadeUp::new().evaluate_parts(&trial.architecture, 0..PARTS).unwrap();
        let mean = |trial: &&Trial| full(trial).iter().map(|part| part.loss).sum::<f64>();
        let best = trials.iter().min_by(|a, b| mean(a).total_cmp(&mean(b))).unwrap();
        lost += u32::from(best.state != TrialState::Complete);
        tokens += trials.iter().map(|trial| trial.tokens).sum::<u64>();
        all += 96 * trials.len() as u64;
    }
    assert_eq!(lost, 0, "of 50");
    assert!(tokens * 2 < all, "{tokens} of {all}");
}

/// What is expected of those that were dropped is about their loss on the whole set, though parts differ.
#[test]
fn a_race_tells_what_to_expect_of_the_dropped() {
    let settings = SearchConfig { population: 30, parents: 5, generations: 2, racing: true, ..settings() };
    let (_, log) = search(&settings, &space(), 1, &MadeUp::new(), "");
    let mut largest_correction: f64 = 0.0;
    for trial in trials(&log) {
        assert_eq!(trial.loss_expected.is_some(), trial.state == TrialState::Dropped);
        let Some(expected) = trial.loss_expected else { continue };
        let parts = MadeUp::new().evaluate_parts(&trial.architecture, 0..PARTS).unwrap();
        let whole = parts.iter().map(|part| part.loss).sum::<f64>() / PARTS as f64;
        assert!((expected - whole).abs() < 3.0, "{expected} for {whole}");
        largest_correction = largest_correction.max((expected - trial.loss.unwrap()).abs());
    }
    assert!(largest_correction > 5.0, "{largest_correction}");
}

/// Fails on some architectures, but not before the second round of a race.
struct FailsLater(MadeUp);

impl Evaluator for FailsLater {
    fn evaluate(&self, architecture: &Architecture) -> Result<Evaluation> {
        self.0.evaluate(architecture)
    }

    fn evaluate_parts(&self, architecture: &Architecture, parts: Range<usize>) -> Result<Vec<Evaluation>> {
        match parts.start > 0 && architecture.decoder.layers.len() > 3 {
            true => Err(Error::failure("out of memory")),
            false => self.0.evaluate_parts(architecture, parts),
        }
    }
}

#[test]
fn one_that_failed_was_in_the_race_until_then_also_after_an_interruption() {
    let space = space();
    let settings = SearchConfig { racing: true, parents: 2, ..settings() };
    let run = |log: &str| search(&settings, &space, 5, &FailsLater(MadeUp::new()), log).1;
    let log = run("");
    let count = |state| trials(&log).iter().filter(|trial| trial.state == state).count();
    assert!(count(TrialState::Failed) > 1 && count(TrialState::Dropped) > 3, "{log}");
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    for cut in 0..lines.len() {
        assert_eq!(without_seconds(&run(&lines[..cut].concat())), without_seconds(&log), "after {cut}");
    }
}

/// With NSGA-II as many have children as the population has, more than `parents`: none of them is dropped.
#[test]
fn a_race_keeps_as_many_as_have_children() {
    let space = space();
    let settings = SearchConfig { racing: true, parents: 1, population: 20, ..of_several("nsga2") };
    let settings = SearchConfig { objectives: vec![ObjectiveName::default()], ..settings };
    let (_, log) = search(&settings, &space, 5, &MadeUp::new(), "");
    let first = trials(&log).into_iter().filter(|trial| trial.generation == 0);
    let (dropped, kept): (Vec<_>, Vec<_>) = first.partition(|trial| trial.state == TrialState::Dropped);
    assert_eq!((dropped.len(), kept.len()), (0, 20));
    let evolution = SearchConfig { algorithm: named("evolution"), ..settings };
    let (_, log) = search(&evolution, &space, 5, &MadeUp::new(), "");
    assert!(trials(&log).iter().any(|trial| trial.generation == 0 && trial.state == TrialState::Dropped));
}

/// What nothing else costs as little as is never dropped, however bad its loss.
#[test]
fn a_race_by_several_objectives_keeps_the_cheapest() {
    let space = space();
    let settings = SearchConfig { racing: true, parents: 1, population: 30, generations: 0, ..of_several("random") };
    for seed in 0..5 {
        let (_, log) = search(&settings, &space, seed, &MadeUp::new(), "");
        let trials = trials(&log);
        let cheapest = trials.iter().min_by(|a, b| a.gflops.total_cmp(&b.gflops)).unwrap();
        assert_eq!(cheapest.state, TrialState::Complete, "{cheapest:?}");
        assert!(trials.iter().any(|trial| trial.state == TrialState::Dropped));
    }
}

/// As [`MadeUp`], under conditions of its own.
struct Under(MadeUp, &'static str);

impl Evaluator for Under {
    fn evaluate(&self, architecture: &Architecture) -> Result<Evaluation> {
        self.0.evaluate(architecture)
    }

    fn evaluate_parts(&self, architecture: &Architecture, parts: Range<usize>) -> Result<Vec<Evaluation>> {
        self.0.evaluate_parts(architecture, parts)
    }

    fn conditions(&self) -> String {
        self.1.to_owned()
    }
}

#[test]
fn losses_of_parts_are_not_found_twice() {
    let (space, dir) = (space(), tempfile::tempdir().unwrap());
    let path = dir.path().join("trials.jsonl");
    let settings = SearchConfig { racing: true, ..settings() };
    let constraints = constraints(&settings);
    let feasible = Feasible::check(&space, &constraints, 3).unwrap();
    let run = |conditions| {
        let evaluator = Under(MadeUp::new(), conditions);
        let search = Search { settings: &settings, feasible: &feasible, gflops: &Toy, changes: "" };
        let (mut algorithm, mut log) = (algorithm(&settings, &feasible, 3), TrialLog::open(&path, &space).unwrap());
        let ranked = search.run(&evaluator, &mut *algorithm, &mut log, &mut |_| Ok(())).unwrap();
        (ranked, evaluator.0.measured.into_inner().unwrap().len())
    };
    let (ranked, evaluated) = run("these weights");
    assert!(evaluated > 38);
    // As if it had been killed before the first trial was logged.
    std::fs::remove_file(&path).unwrap();
    assert_eq!(run("these weights"), (ranked.clone(), 0));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(run("other weights"), (ranked, evaluated));
}
