//! What holds for every algorithm, and which of them is the better one.

mod fronts;
mod measured;
mod races;

use super::testing::{MadeUp, Toy, constraints, latency, loss, search, settings, space, tiny_space};
use super::{
    Candidate, Evaluator, Feasible, LeftOut, PARTS, Search, Trial, TrialLog, TrialState, algorithm, best, front,
    hypervolume,
};
use crate::config::{AlgorithmName, LatencySource, Limits, ObjectiveName, SearchConfig};
use crate::cost::{Constraint, Cost};
use crate::space::Space;
use proptest::prelude::*;
use std::collections::HashSet;

fn named(algorithm: &str) -> AlgorithmName {
    AlgorithmName::new(algorithm).unwrap()
}

/// Small settings for every algorithm, with a constraint that most architectures break.
fn every_algorithm() -> impl Iterator<Item = SearchConfig> {
    let of_one = AlgorithmName::all().map(|algorithm| SearchConfig {
        algorithm,
        limits: Limits::from([("gflops", 1.6)]),
        encoder_at_least_decoder: true,
        ..settings()
    });
    let of_several = SearchConfig { surrogate: true, ..of_several("nsga2") };
    of_one.chain([SearchConfig {
        limits: Limits::from([("gflops", 1.6)]),
        encoder_at_least_decoder: true,
        ..of_several
    }])
}

/// Settings of a search for the front of loss, FLOPs and memory.
fn of_several(algorithm: &str) -> SearchConfig {
    let objectives = ["loss", "gflops", "memory_mb"].map(|name| ObjectiveName::new(name).unwrap());
    SearchConfig { algorithm: named(algorithm), objectives: objectives.into(), ..settings() }
}

/// Some architectures fail: resuming has to cope with them too.
fn evaluator() -> MadeUp {
    MadeUp::failing(|architecture| architecture.decoder.layers.len() == 2)
}

fn trials(log: &str) -> Vec<Trial> {
    let trial = |line: &str| serde_json::from_str(line).unwrap();
    log.lines().map(trial).collect()
}

/// The log without the one figure that may differ.
fn without_seconds(log: &str) -> Vec<Trial> {
    let mut trials = trials(log);
    for trial in &mut trials {
        trial.seconds = 0.0;
    }
    trials
}

#[test]
fn an_interrupted_search_goes_on_as_if_nothing_had_been() {
    let space = space();
    for settings in every_algorithm() {
        let (winner, log) = search(&settings, &space, 5, &evaluator(), "");
        let winner = winner.unwrap();
        let lines: Vec<&str> = log.split_inclusive('\n').collect();
        assert_eq!(lines.len(), 38);
        for cut in 0..=lines.len() {
            let mut left = lines[..cut].concat();
            // A crash in the midst of a line.
            left += lines.get(cut).map_or("", |line| &line[..line.len() / 2]);
            let evaluator = evaluator();
            let (resumed, resumed_log) = search(&settings, &space, 5, &evaluator, &left);
            assert_eq!(resumed.unwrap(), winner);
            assert_eq!(without_seconds(&resumed_log), without_seconds(&log));
            let measured = evaluator.measured.into_inner().unwrap();
            assert_eq!(measured.len(), lines.len() - cut);
        }
    }
}

#[test]
fn a_trial_taken_out_of_the_log_is_evaluated_again() {
    let space = space();
    for settings in every_algorithm() {
        let (winner, log) = search(&settings, &space, 5, &evaluator(), "");
        let without_failures: String =
            log.split_inclusive('\n').filter(|line| !line.contains(r#""state":"failed""#)).collect();
        assert_ne!(without_failures, log);
        let (again, again_log) = search(&settings, &space, 5, &evaluator(), &without_failures);
        assert_eq!(again, winner);
        let mut sorted = without_seconds(&again_log);
        sorted.sort_by_key(|trial| trial.id);
        assert_eq!(sorted, without_seconds(&log));
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let space = space();
    for settings in every_algorithm() {
        let with = |parallel| {
            let settings = SearchConfig { parallel, ..settings.clone() };
            let (winner, log) = search(&settings, &space, 6, &evaluator(), "");
            let loss = winner.unwrap().loss;
            (loss, without_seconds(&log))
        };
        let one = with(1);
        for threads in [2, 4, 0] {
            assert_eq!(with(threads), one);
        }
    }
}

/// All candidates of a search, after `told` have been told.
fn asked(settings: &SearchConfig, space: &Space, told: &[Trial]) -> Vec<Candidate> {
    let constraints = constraints(settings);
    let feasible = Feasible::check(space, &constraints, 5).unwrap();
    let mut algorithm = algorithm(settings, &feasible, 5);
    for trial in told {
        algorithm.tell(trial);
    }
    let mut candidates = Vec::new();
    loop {
        let pending = algorithm.ask();
        if pending.is_empty() {
            return candidates;
        }
        // Results come in any order.
        for candidate in pending.iter().rev() {
            algorithm.tell(&result(candidate));
        }
        candidates.extend(pending);
    }
}

fn result(candidate: &Candidate) -> Trial {
    let Candidate { id, generation, parents, architecture } = candidate.clone();
    let width = architecture.encoder.embed_dim + architecture.decoder.embed_dim;
    Trial {
        id,
        generation,
        parents,
        state: TrialState::Complete,
        loss: Some(loss(&architecture)),
        loss_expected: None,
        tokens: 100,
        gflops: Toy.of(&architecture),
        seconds: 0.5,
        costs: [("memory_mb".to_owned(), width as f64)].into(),
        error: None,
        architecture,
    }
}

#[test]
fn an_algorithm_is_rebuilt_from_its_trials() {
    let space = space();
    for settings in every_algorithm() {
        let all = asked(&settings, &space, &[]);
        assert_eq!(all.len(), 38);
        let trials: Vec<Trial> = all.iter().map(result).collect();
        for told in 0..=all.len() {
            assert_eq!(asked(&settings, &space, &trials[..told]), all[told..]);
        }
    }
}

#[test]
fn nothing_is_evaluated_twice_and_nothing_infeasible_at_all() {
    let space = space();
    for settings in every_algorithm() {
        let evaluator = evaluator();
        let (winner, log) = search(&settings, &space, 7, &evaluator, "");
        let measured = evaluator.measured.into_inner().unwrap();
        assert_eq!(measured.len(), 38);
        assert_eq!(measured.iter().collect::<HashSet<_>>().len(), 38);
        let constraints = constraints(&settings);
        assert!(constraints.before_evaluation().all(|c| measured.iter().all(|a| c.allows(a))));
        let trials = trials(&log);
        assert_eq!(winner.unwrap(), *best(&trials, 1)[0]);
        assert!(trials.iter().map(|trial| trial.id).eq(0..38));
    }
}

#[test]
fn a_tiny_space_is_searched_whole_and_then_the_search_ends() {
    let space = tiny_space();
    for settings in every_algorithm() {
        for generations in [1, 1_000_000] {
            let settings = SearchConfig { limits: Limits::default(), generations, ..settings.clone() };
            let evaluator = MadeUp::new();
            let (winner, _) = search(&settings, &space, 1, &evaluator, "");
            let measured = evaluator.measured.into_inner().unwrap();
            assert_eq!(measured.len(), 4);
            let losses = measured.iter().map(loss);
            assert_eq!(winner.unwrap().loss, losses.reduce(f64::min));
        }
    }
}

#[test]
fn a_log_of_another_search_is_refused() {
    let space = space();
    for settings in every_algorithm() {
        let (_, log) = search(&settings, &space, 1, &evaluator(), "");
        let evaluator = evaluator();
        let (winner, after) = search(&settings, &space, 2, &evaluator, &log);
        let error = winner.unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("trial 0 is not what this search proposes"), "{error}");
        assert_eq!(after, log);
        assert!(evaluator.measured.into_inner().unwrap().is_empty());
    }
}

#[test]
fn more_generations_go_on_from_the_same_log() {
    let space = space();
    for settings in every_algorithm() {
        let (_, short) = search(&settings, &space, 1, &MadeUp::new(), "");
        let longer = SearchConfig { generations: 6, ..settings };
        let (winner, resumed) = search(&longer, &space, 1, &MadeUp::new(), &short);
        assert!(resumed.starts_with(&short));
        assert_eq!((winner, resumed), search(&longer, &space, 1, &MadeUp::new(), ""));
    }
}

#[test]
fn children_descend_from_the_best_trials_before_them() {
    let settings = settings();
    let (_, log) = search(&settings, &space(), 3, &MadeUp::new(), "");
    let trials = trials(&log);
    for trial in &trials {
        let earlier = trials.iter().filter(|t| t.generation < trial.generation);
        let parents: Vec<u64> = best(earlier, settings.parents).iter().map(|t| t.id).collect();
        assert!(trial.parents.iter().all(|id| parents.contains(id)));
    }
    // Seven children: four mutants, then three crossovers of two different parents.
    for children in trials[10..].chunks(7) {
        assert!(children[..4].iter().all(|t| t.parents.len() == 1));
        assert!(children[4..].iter().all(|t| t.parents.len() == 2));
        assert!(children[4..].iter().all(|t| t.parents[0] != t.parents[1]));
    }
}

#[test]
fn evolution_beats_random_search_of_the_same_budget() {
    let space = space();
    let mean_loss = |algorithm| {
        let settings = SearchConfig {
            algorithm,
            population: 30,
            parents: 8,
            mutations: 15,
            crossovers: 10,
            generations: 6,
            limits: Limits::from([("gflops", 2.2)]),
            ..settings()
        };
        let seeds = 0..8;
        let count = seeds.end as f64;
        let losses = seeds.map(|seed| {
            let (winner, log) = search(&settings, &space, seed, &MadeUp::new(), "");
            assert_eq!(log.lines().count(), 180);
            winner.unwrap().loss.unwrap()
        });
        losses.sum::<f64>() / count
    };
    let (evolution, random) = (mean_loss(named("evolution")), mean_loss(named("random")));
    assert!(evolution < 0.9 * random, "evolution {evolution}, random {random}");
}

#[test]
fn a_search_without_progress_ends_and_ends_there_when_it_goes_on() {
    let space = tiny_space();
    for settings in [settings(), of_several("nsga2")] {
        let patient =
            SearchConfig { population: 1, parents: 1, mutations: 1, crossovers: 0, generations: 3, ..settings };
        let (_, whole) = search(&patient, &space, 2, &MadeUp::new(), "");
        assert_eq!(whole.lines().count(), 4);
        let settings = SearchConfig { patience: 1, ..patient };
        let (winner, log) = search(&settings, &space, 2, &MadeUp::new(), "");
        let count = log.lines().count();
        assert!((2..4).contains(&count), "{count}");
        assert!(whole.starts_with(&log));
        for cut in 0..count {
            let begun: String = log.split_inclusive('\n').take(cut).collect();
            assert_eq!(search(&settings, &space, 2, &MadeUp::new(), &begun), (winner.clone(), log.clone()));
        }
    }
}

#[test]
fn a_search_begins_with_what_it_is_given() {
    let space = space();
    let mut rng = crate::seed::stream(9, "test", 0);
    let mut given: Vec<_> = (0..4).map(|_| space.sample(&mut rng)).collect();
    given.push(given[1].clone());
    for settings in every_algorithm() {
        let constraints = constraints(&settings);
        let mut feasible = Feasible::check(&space, &constraints, 5).unwrap();
        let allowed: Vec<_> = given[..4].iter().filter(|&given| feasible.allows(given)).cloned().collect();
        let mut few = Feasible::check(&space, &constraints, 5).unwrap();
        let beyond = 4 - allowed.len();
        let repeated = usize::from(feasible.allows(&given[1]));
        let left = LeftOut { beyond: beyond + 1 - repeated, repeated, ..LeftOut::default() };
        assert_eq!(feasible.begin_with(&given, 10), left);
        let further = allowed.len() - 1;
        let repeated = usize::from(allowed[..1].contains(&given[1]));
        let further = further + usize::from(feasible.allows(&given[1])) - repeated;
        assert_eq!(few.begin_with(&given, 1), LeftOut { repeated, further, ..left });
        assert_eq!(few.given(), &allowed[..1]);
        let first = algorithm(&settings, &feasible, 5).ask();
        assert_eq!(first.len(), settings.population);
        assert!(first.iter().zip(&allowed).all(|(candidate, given)| candidate.architecture == *given));
        let plain = Feasible::check(&space, &constraints, 5).unwrap();
        let without = algorithm(&settings, &plain, 5).ask();
        assert_eq!(first[allowed.len()..], without[allowed.len()..], "the others are drawn as ever");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_complete_trial_keeps_every_limit_and_the_best_of_them_wins(
        seed: u64,
        algorithm in proptest::sample::select(AlgorithmName::all().collect::<Vec<_>>()),
        is_measured: bool,
        limits in proptest::array::uniform4(proptest::option::of(0.15..1.0f64)),
    ) {
        let space = space();
        let mut settings = SearchConfig {
            algorithm,
            latency: if is_measured { LatencySource::Measured } else { LatencySource::Predictor },
            ..settings()
        };
        // A limit between the smallest architecture's figure and the largest's.
        let everything = SearchConfig {
            limits: Limits::from(["gflops", "parameters", "active_parameters", "latency_ms"].map(|name| (name, 1.0))),
            latency: LatencySource::Predictor,
            ..settings.clone()
        };
        for (Constraint { cost, .. }, share) in constraints(&everything).counted.iter().zip(limits) {
            let [least, most] = [space.smallest(), space.largest()].map(|a| cost.of(&a));
            settings.limits[cost.name()] = share.map_or(0.0, |share| least + share * (most - least));
        }
        // What is measured here is what is predicted.
        let predicted = constraints(&SearchConfig { latency: LatencySource::Predictor, ..settings.clone() });
        let (winner, log) = search(&settings, &space, seed, &MadeUp::new(), "");
        let trials = trials(&log);
        for trial in trials.iter().filter(|trial| trial.state == TrialState::Complete) {
            for limit in &predicted.counted {
                prop_assert!(limit.allows(&trial.architecture));
                prop_assert_eq!(trial.figure(limit.cost.name()), Some(limit.cost.of(&trial.architecture)));
            }
        }
        let winner = winner.unwrap();
        let losses = trials.iter().filter_map(Trial::complete_loss);
        prop_assert_eq!(winner.loss, losses.reduce(f64::min));
        let cut: String = log.split_inclusive('\n').take(trials.len() / 2).collect();
        let (resumed, resumed_log) = search(&settings, &space, seed, &MadeUp::new(), &cut);
        prop_assert_eq!(resumed.unwrap().id, winner.id);
        prop_assert_eq!(without_seconds(&resumed_log), without_seconds(&log));
    }
}
