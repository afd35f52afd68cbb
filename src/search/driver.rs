//! Runs a search: asks the algorithm, evaluates in parallel, logs, tells.

use super::algorithm::{Algorithm, Candidate};
use super::budget::Budget;
use super::evaluator::Evaluator;
use super::feasible::Feasible;
use super::log::TrialLog;
use super::trial::{Trial, TrialState};
use super::workers::in_order;
use crate::config::SearchConfig;
use crate::cost::Cost;
use crate::error::{Error, Result};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// A search, ready to run.
pub struct Search<'a> {
    /// Its settings.
    pub settings: &'a SearchConfig,
    /// Where it looks.
    pub feasible: &'a Feasible<'a>,
    /// FLOPs in units of 10⁹ without the output projection, for the log.
    pub gflops: &'a dyn Cost,
    /// Further costs for the log, by their names.
    pub costs: &'a [Arc<dyn Cost>],
}

/// How far a search is, after each trial.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The trial that just ended.
    pub trial: &'a Trial,
    /// Whether it was in the log already when the search was started.
    pub resumed: bool,
    /// The best feasible trial so far.
    pub best: Option<&'a Trial>,
    /// Trials so far.
    pub done: u64,
    /// Trials that there will be, or fewer when the space has not so many feasible architectures.
    pub total: u64,
}

impl Search<'_> {
    /// Runs `algorithm`, which is at its start, to its end, and returns the winner: the complete feasible trial that is
    /// first by [`Trial::rank`].
    ///
    /// Candidates whose trial is in `log` are not evaluated again. The others are, `settings.parallel` at a time. Trials
    /// are logged and told in the order of their ids, so that the log is the same, [`Trial::seconds`] aside, with any
    /// number of threads and however often the search was interrupted. A candidate whose evaluation fails, panics or
    /// gives a loss that is no number becomes a failed trial, and the search goes on. Trials in `log` that `algorithm`
    /// does not ask for, those of a search of more generations, count for nothing. `report` is called after each trial.
    ///
    /// # Errors
    /// [`Error::Input`] when the log is another search's; [`Error::Failure`] when it cannot be written, or when all
    /// evaluations of a generation failed.
    pub fn run(
        &self,
        evaluator: &dyn Evaluator,
        algorithm: &mut dyn Algorithm,
        log: &mut TrialLog,
        report: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Trial> {
        let budget = Budget::new(self.settings);
        let mut best: Option<Trial> = None;
        let mut done = 0;
        loop {
            let batch = logged(algorithm.ask(budget.largest_generation()), log)?;
            if batch.is_empty() {
                break;
            }
            let mut failures = Vec::new();
            let trial_of = |(candidate, logged): &(Candidate, Option<Trial>)| match logged {
                Some(trial) => (trial.clone(), true),
                None => (self.evaluate(candidate, evaluator), false),
            };
            in_order(&batch, self.workers(), trial_of, |(trial, resumed)| {
                let trial = if resumed { trial } else { log.append(&trial)? };
                algorithm.tell(&trial);
                if self.beats(&trial, best.as_ref()) {
                    best = Some(trial.clone());
                }
                done += 1;
                report(Progress { trial: &trial, resumed, best: best.as_ref(), done, total: budget.total() });
                failures.extend(trial.error);
                Ok(())
            })?;
            // One unlucky candidate is no reason to lose what was found, even where a generation has no other.
            if failures.len() == batch.len() && (batch.len() > 1 || best.is_none()) {
                return Err(Error::failure(format!(
                    "all {} evaluations of generation {} failed ({}); mend the cause, remove the lines with \
                     \"state\":\"failed\" from {} and search again",
                    batch.len(),
                    batch[0].0.generation,
                    failures[0],
                    log.path().display()
                )));
            }
        }
        best.ok_or_else(|| Error::failure("the search ended without a feasible trial"))
    }

    /// Candidates that are evaluated side by side.
    fn workers(&self) -> usize {
        match self.settings.parallel {
            0 => rayon::current_num_threads(),
            parallel => parallel,
        }
    }

    fn beats(&self, trial: &Trial, best: Option<&Trial>) -> bool {
        trial.complete_loss().is_some()
            && self.feasible.allows(&trial.architecture)
            && best.is_none_or(|best| trial.rank(best).is_lt())
    }

    /// The trial of `candidate`; whatever goes wrong is in it.
    fn evaluate(&self, candidate: &Candidate, evaluator: &dyn Evaluator) -> Trial {
        let architecture = &candidate.architecture;
        let start = Instant::now();
        let measured = catch_unwind(AssertUnwindSafe(|| evaluator.evaluate(architecture, 1.0)))
            .unwrap_or_else(|panic| Err(Error::failure(panic_message(&*panic))))
            .and_then(|measured| {
                if measured.loss.is_finite() {
                    Ok(measured)
                } else {
                    Err(Error::failure(format!("the loss is {}", measured.loss)))
                }
            });
        let costs = self.costs.iter();
        let trial = Trial {
            id: candidate.id,
            generation: candidate.generation,
            parents: candidate.parents.clone(),
            architecture: architecture.clone(),
            state: TrialState::Failed,
            loss: None,
            tokens: 0,
            gflops: self.gflops.of(architecture),
            seconds: start.elapsed().as_secs_f64(),
            costs: costs.map(|cost| (cost.name().to_string(), cost.of(architecture))).collect(),
            error: None,
        };
        match measured {
            Ok(measured) => Trial {
                state: TrialState::Complete,
                loss: Some(measured.loss),
                tokens: measured.tokens,
                seconds: measured.seconds,
                ..trial
            },
            Err(error) => Trial { error: Some(error.to_string()), ..trial },
        }
    }
}

/// Each candidate with its trial, where the log has it.
fn logged(candidates: Vec<Candidate>, log: &TrialLog) -> Result<Vec<(Candidate, Option<Trial>)>> {
    let with_trial = |candidate: Candidate| {
        let trial = log.get(candidate.id);
        match trial {
            Some(trial) if !is_of(trial, &candidate) => Err(Error::input(format!(
                "trial {} is not what this search proposes: the log is one of another seed, space, constraint or \
                 [search]; give another run directory, or remove its trials (the SuperNet stays) with automoe search --fresh",
                trial.id
            ))
            .at(log.path().display())),
            _ => Ok((candidate, trial.cloned())),
        }
    };
    candidates.into_iter().map(with_trial).collect()
}

fn is_of(trial: &Trial, candidate: &Candidate) -> bool {
    trial.architecture == candidate.architecture
        && trial.generation == candidate.generation
        && trial.parents == candidate.parents
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the evaluation panicked: {}", message.unwrap_or("no message"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::evaluator::Measured;
    use crate::search::testing::{MadeUp, Toy, search, settings, space};
    use crate::space::Architecture;

    fn narrow(architecture: &Architecture) -> bool {
        architecture.encoder.embed_dim == 512
    }

    #[test]
    fn a_failed_evaluation_is_logged_and_the_search_goes_on() {
        let space = space();
        let (winner, log) = search(&settings(), &space, 1, &MadeUp::failing(narrow), "");
        assert!(!narrow(&winner.unwrap().architecture));
        let (failed, complete): (Vec<Trial>, Vec<Trial>) = log
            .lines()
            .map(|line| serde_json::from_str::<Trial>(line).unwrap())
            .partition(|trial| narrow(&trial.architecture));
        assert!(failed.len() > 2 && complete.len() > 2);
        for trial in failed {
            assert_eq!(trial.state, TrialState::Failed);
            assert_eq!((trial.loss, trial.tokens), (None, 0));
            assert_eq!(trial.error.as_deref(), Some("out of memory"));
        }
        assert!(complete.iter().all(|t| t.complete_loss().is_some()));
    }

    #[test]
    fn a_generation_of_failures_ends_the_search() {
        let space = space();
        let (winner, log) = search(&settings(), &space, 1, &MadeUp::failing(|_| true), "");
        let error = winner.unwrap_err();
        assert_eq!(error.exit_code(), 1);
        let start = "all 10 evaluations of generation 0 failed (out of memory); ";
        assert!(error.to_string().starts_with(start), "{error}");
        assert_eq!(log.lines().count(), 10);
    }

    /// Panics on narrow encoders and gives no number for shallow decoders.
    struct Odd;

    impl Evaluator for Odd {
        fn evaluate(&self, architecture: &Architecture, _fidelity: f64) -> Result<Measured> {
            assert!(!narrow(architecture), "no room");
            let shallow = architecture.decoder.layers.len() < 4;
            Ok(Measured { loss: if shallow { f64::NAN } else { 1.0 }, tokens: 1, seconds: 0.0 })
        }
    }

    #[test]
    fn a_panic_and_a_loss_that_is_no_number_are_failures() {
        let space = space();
        let (_, log) = search(&settings(), &space, 1, &Odd, "");
        let has = |text: &str| log.lines().any(|line| line.contains(text));
        assert!(has(r#""state":"failed","loss":null,"#));
        assert!(has(r#""error":"the evaluation panicked: no room""#));
        assert!(has(r#""error":"the loss is NaN""#));
        assert!(has(r#""state":"complete","loss":1.0,"#));
    }

    #[test]
    fn progress_counts_every_trial_and_costs_are_logged() {
        let (space, settings) = (space(), settings());
        let feasible = Feasible::check(&space, &[], 1).unwrap();
        let costs: [Arc<dyn Cost>; 1] = [Arc::new(crate::search::DecoderExcess)];
        let search = Search { settings: &settings, feasible: &feasible, gflops: &Toy, costs: &costs };
        let dir = tempfile::tempdir().unwrap();
        let mut log = TrialLog::open(&dir.path().join("trials.jsonl"), &space).unwrap();
        let mut seen = Vec::new();
        let mut algorithm = crate::search::algorithm(&settings, &feasible, 1);
        let winner = search
            .run(&MadeUp::new(), &mut *algorithm, &mut log, &mut |progress| {
                assert_eq!((progress.total, progress.resumed), (38, false));
                let best = progress.best.and_then(|best| best.loss);
                seen.push((progress.done, best.unwrap()));
            })
            .unwrap();
        assert!(seen.iter().map(|(done, _)| *done).eq(1..=38));
        assert!(seen.windows(2).all(|pair| pair[1].1 <= pair[0].1));
        assert_eq!(seen.last().unwrap().1, winner.loss.unwrap());
        let excess = winner.costs["decoder layers - encoder layers"];
        assert_eq!(excess, costs[0].of(&winner.architecture));
        assert_eq!(winner.gflops, Toy.of(&winner.architecture));
    }
}
