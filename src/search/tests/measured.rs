//! Searches under a limit on measured latency.

use super::*;

/// Limits that most architectures break, latency measured.
fn measured(algorithm: AlgorithmName) -> SearchConfig {
    SearchConfig { algorithm, limits: measured_limits(14.0), latency: LatencySource::Measured, ..settings() }
}

fn measured_limits(latency_ms: f64) -> Limits {
    Limits::from([("gflops", 2.5), ("latency_ms", latency_ms)])
}

#[test]
fn a_measured_limit_prunes_and_replaces_and_resumes_like_any_other() {
    let space = space();
    for algorithm in AlgorithmName::all() {
        let settings = measured(algorithm);
        let run = |log: &str| {
            let evaluator = evaluator();
            let (winner, log) = search(&settings, &space, 3, &evaluator, log);
            (winner.unwrap(), log, evaluator.timed.into_inner().unwrap().len())
        };
        let (winner, log, count) = run("");
        let lines: Vec<&str> = log.split_inclusive('\n').collect();
        let all = trials(&log);
        assert_eq!(count, lines.len(), "each candidate is measured once");
        let pruned = all.iter().filter(|trial| trial.state == TrialState::Pruned).count();
        assert!(pruned > 10, "{pruned}");
        assert_eq!(all.len() - pruned, 38, "each pruned trial is replaced");
        for trial in &all {
            let latency = latency(&trial.architecture);
            assert_eq!(trial.costs["latency_ms"], latency);
            assert_eq!(trial.state == TrialState::Pruned, latency > 14.0);
            assert!(trial.state != TrialState::Pruned || trial.loss.is_none());
        }
        assert_eq!(winner, *best(&all, 1)[0]);
        for cut in (0..=lines.len()).step_by(3) {
            let (resumed, resumed_log, count) = run(&lines[..cut].concat());
            assert_eq!(resumed, winner);
            assert_eq!(without_seconds(&resumed_log), without_seconds(&log));
            assert_eq!(count, lines.len() - cut);
        }
    }
}

#[test]
fn a_measured_limit_that_random_draws_never_keep_is_found_by_going_nearer() {
    let space = space();
    for algorithm in AlgorithmName::all() {
        // Of six encoder and one to six decoder layers with four or eight heads: one decoder layer, all with four.
        let settings = SearchConfig { limits: measured_limits(6.5), ..measured(algorithm) };
        let (winner, log) = search(&settings, &space, 4, &MadeUp::new(), "");
        let first = trials(&log).into_iter().take(30).filter(|trial| trial.state == TrialState::Complete);
        assert!(first.count() < 3);
        assert!(latency(&winner.unwrap().architecture) <= 6.5);
    }
}

#[test]
fn nothing_within_the_measured_limit_is_told_with_the_least() {
    let settings = SearchConfig { limits: measured_limits(0.5), ..measured(named("evolution")) };
    let (winner, log) = search(&settings, &space(), 4, &MadeUp::new(), "");
    let error = winner.unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().starts_with("no candidate had latency_ms ≤ 0.5: the smallest measured has "), "{error}");
    assert!(trials(&log).iter().all(|trial| trial.state == TrialState::Pruned && trial.generation == 0));
}

#[test]
fn a_log_under_another_limit_is_refused_though_it_holds_the_same_candidates() {
    let space = space();
    let settings = measured(named("random"));
    let (_, log) = search(&settings, &space, 3, &evaluator(), "");
    let mut and_memory = settings.limits;
    and_memory["memory_mb"] = 10_000.0;
    let others = [
        SearchConfig { limits: measured_limits(20.0), ..settings.clone() },
        SearchConfig { limits: measured_limits(0.0), ..settings.clone() },
        SearchConfig { latency: LatencySource::Predictor, ..settings.clone() },
        SearchConfig { limits: and_memory, ..settings.clone() },
    ];
    for other in others {
        let evaluator = evaluator();
        let (winner, after) = search(&other, &space, 3, &evaluator, &log);
        let error = winner.unwrap_err().to_string();
        assert!(error.contains("is not what this search proposes"), "{error}");
        assert_eq!(after, log);
        assert!(evaluator.measured.into_inner().unwrap().is_empty());
    }
}
