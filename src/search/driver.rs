//! Runs a search: asks the algorithm, evaluates in parallel, logs, tells.

use super::algorithm::{Algorithm, Candidate};
use super::attempt::Attempts;
use super::budget::Budget;
use super::course::Course;
use super::evaluator::Evaluator;
use super::feasible::Feasible;
use super::infeasible::round_up;
use super::log::TrialLog;
use super::parts::Parts;
use super::race::Race;
use super::trial::{Trial, TrialState};
use super::workers::in_order;
use crate::config::SearchConfig;
use crate::cost::Cost;
use crate::error::{Error, Result};
use crate::interrupt::Interruptible;

/// A search, ready to run.
pub struct Search<'a> {
    /// Its settings.
    pub settings: &'a SearchConfig,
    /// Where it looks.
    pub feasible: &'a Feasible<'a>,
    /// FLOPs in units of 10⁹ without the output projection, for the log: limited or not, each trial has them.
    pub gflops: &'a dyn Cost,
    /// How the settings differ from those that the log was begun with; empty where they do not, or that is not known.
    pub changes: &'a str,
}

/// How far a search is, after each trial.
#[derive(Debug, Clone, Copy)]
pub struct SearchProgress<'a> {
    /// The trial that just ended.
    pub trial: &'a Trial,
    /// Whether it was in the log already when the search was started.
    pub resumed: bool,
    /// The best feasible trial so far.
    pub best: Option<&'a Trial>,
    /// Trials so far.
    pub done: u64,
    /// Trials that there will be, those in place of pruned ones as far as they are known; fewer when the space has not so
    /// many feasible architectures.
    pub total: u64,
}

impl Search<'_> {
    /// Runs `algorithm`, which is at its start, to its end or to that of `settings.patience`, and returns the complete trials,
    /// which are all feasible, by [`Trial::rank`]: the first is the winner, and there is one.
    ///
    /// Candidates whose trial is in `log` are not evaluated again. The others are, as many at a time as `evaluator` takes. Trials
    /// are logged and told in the order of their ids, so that the log is the same, [`Trial::seconds`] and measured latency
    /// aside, with any number of threads and however often the search was interrupted. A candidate beyond the measured
    /// limit becomes a pruned trial; one whose evaluation fails, panics or gives a loss that is no number becomes a failed
    /// one, and the search goes on. Trials in `log` that `algorithm` does not ask for, those of a search of more
    /// generations, count for nothing. Where candidates race (`settings.racing`), those that are clearly worse become dropped trials
    /// before they have seen the whole validation set. `report` is called after each trial.
    ///
    /// # Errors
    /// [`Error::Input`] when the log is another search's, or no candidate was within the measured limit;
    /// [`Error::Failure`] when the log cannot be written, or when all evaluations of a generation failed;
    /// that of `report`, with the trial kept; [`Error::Interrupted`] after a signal.
    pub fn run(
        &self,
        evaluator: &dyn Evaluator,
        algorithm: &mut dyn Algorithm,
        log: &mut TrialLog,
        report: &mut dyn FnMut(SearchProgress<'_>) -> Result<()>,
    ) -> Result<Vec<Trial>> {
        let budget = Budget::new(self.settings);
        let (mut found, mut done) = (Found::default(), 0);
        let mut course = Course::new(&self.settings.objectives);
        let attempts = Attempts { feasible: self.feasible, gflops: self.gflops, evaluator };
        let mut parts = self.settings.racing.then(|| Parts::open(log.path(), evaluator)).transpose()?;
        let interruptible = Interruptible::begin();
        loop {
            let batch = self.logged(algorithm.ask(), log)?;
            let Some((first, _)) = batch.first() else {
                if done < budget.total().saturating_add(found.pruned.len() as u64) {
                    tracing::info!("searching: nothing new was found after {done} candidates; that ends it");
                }
                break;
            };
            course.enter(first.generation);
            if self.settings.patience > 0 && course.has_stalled(self.settings.patience) {
                tracing::info!(
                    "searching: nothing better in {} generations; that ends it (search.patience)",
                    self.settings.patience
                );
                break;
            }
            found.failures.clear();
            let race = parts.as_mut().map(|parts| self.race(attempts, algorithm.survivors(), parts));
            let stop = || if interruptible.was_interrupted() { Err(interrupted(log)) } else { Ok(()) };
            let raced = race.map_or(Ok(Vec::new()), |mut race| race.run(&batch, &found.ranked, &stop))?;
            // None after a signal: nothing more is begun, and what was begun is logged.
            let trial_of = |(candidate, logged): &(Candidate, Option<Trial>)| match logged {
                Some(trial) => Some((trial.clone(), true)),
                None => match raced.iter().find(|trial| trial.id == candidate.id) {
                    Some(trial) => Some((trial.clone(), false)),
                    None if interruptible.was_interrupted() => None,
                    None => Some((attempts.whole(candidate), false)),
                },
            };
            in_order(&batch, evaluator.at_a_time(self.settings.workers()), trial_of, |trial| {
                let (trial, resumed) = trial.ok_or_else(|| interrupted(log))?;
                if !resumed {
                    log.append(&trial)?;
                }
                algorithm.tell(&trial);
                course.tell(&trial);
                found.take(&trial);
                done += 1;
                let total = budget.total().saturating_add(found.pruned.len() as u64);
                report(SearchProgress { trial: &trial, resumed, best: found.ranked.first(), done, total })
            })?;
            // One unlucky candidate is no reason to lose what was found, even where a generation has no other.
            let generation = batch[0].0.generation;
            let Found { ranked, failures, .. } = &found;
            let none_complete = ranked.iter().all(|trial| trial.generation != generation);
            if failures.len() == batch.len() && none_complete && (batch.len() > 1 || ranked.is_empty()) {
                return Err(all_failed(generation, failures, log));
            }
        }
        match found.ranked.is_empty() {
            true => Err(self.none_complete(&found.pruned)),
            false => Ok(found.ranked),
        }
    }

    /// A race among a generation's candidates.
    fn race<'r>(&'r self, attempts: Attempts<'r>, survivors: usize, parts: &'r mut Parts) -> Race<'r> {
        let workers = attempts.evaluator.at_a_time(self.settings.workers());
        Race { attempts, settings: self.settings, workers, survivors, parts }
    }

    /// The error of a search that found nothing.
    fn none_complete(&self, pruned: &[Trial]) -> Error {
        let Some(limit) = self.feasible.constraints().measured else {
            return Error::failure("the search ended without a feasible trial");
        };
        let figures = pruned.iter().filter_map(|trial| trial.figure(limit.name));
        let least = round_up(figures.fold(f64::INFINITY, f64::min));
        let unit = limit.unit;
        Error::input(format!("no candidate had {limit}: the smallest measured has {least} {unit}; raise the limit"))
    }

    /// Each candidate with its trial, where the log has it.
    fn logged(&self, candidates: Vec<Candidate>, log: &TrialLog) -> Result<Vec<(Candidate, Option<Trial>)>> {
        let constraints = self.feasible.constraints();
        let with_trial = |candidate: Candidate| match log.get(candidate.id) {
            Some(trial) if !is_of(trial, &candidate) || !constraints.agree_with(trial) => {
                Err(self.other_search(trial.id).at(log.path().display()))
            }
            trial => Ok((candidate, trial.cloned())),
        };
        candidates.into_iter().map(with_trial).collect()
    }

    /// The error of a log whose trial `id` this search does not propose.
    fn other_search(&self, id: u64) -> Error {
        let cause = match self.changes {
            "" => "the log is one of another seed, space, limit, latency profile or [search]".to_owned(),
            changes => format!("the log was begun with other settings: {changes}"),
        };
        Error::input(format!(
            "trial {id} is not what this search proposes: {cause}; give another run directory, or remove the trials (the \
             SuperNet stays) by automoe search --fresh with the same options, after which this command goes on"
        ))
    }
}

/// What has come of the candidates so far.
#[derive(Default)]
struct Found {
    /// Complete trials, best first.
    ranked: Vec<Trial>,
    pruned: Vec<Trial>,
    /// What failures of the generation say.
    failures: Vec<String>,
}

impl Found {
    fn take(&mut self, trial: &Trial) {
        match trial.state {
            TrialState::Complete => {
                let place = self.ranked.partition_point(|other| other.rank(trial).is_lt());
                self.ranked.insert(place, trial.clone());
            }
            TrialState::Pruned => self.pruned.push(trial.clone()),
            TrialState::Dropped => {}
            TrialState::Failed => self.failures.extend(trial.error.clone()),
        }
    }
}

fn interrupted(log: &TrialLog) -> Error {
    let kept = log.trials().len();
    Error::Interrupted(format!(
        "searching: interrupted; {kept} trials are kept, and the same command goes on from there"
    ))
}

/// The error of a generation of which no trial is complete; the first of its `failures` is told.
fn all_failed(generation: u64, failures: &[String], log: &TrialLog) -> Error {
    Error::failure(format!(
        "all {} evaluations of generation {generation} failed ({}); mend the cause, remove the lines with \
         \"state\":\"failed\" from {} and search again",
        failures.len(),
        failures[0],
        log.path().display()
    ))
}

fn is_of(trial: &Trial, candidate: &Candidate) -> bool {
    trial.architecture == candidate.architecture
        && trial.generation == candidate.generation
        && trial.parents == candidate.parents
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LatencySource, Limits};
    use crate::search::evaluator::Evaluation;
    use crate::search::testing::{MadeUp, Toy, constraints, search, settings, space};
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
        fn evaluate(&self, architecture: &Architecture) -> Result<Evaluation> {
            assert!(!narrow(architecture), "no room");
            let shallow = architecture.decoder.layers.len() < 4;
            let loss = if shallow { f64::NAN } else { 1.0 };
            Ok(Evaluation { loss, tokens: 1, gflops_expected: None, seconds: 0.0 })
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
    fn a_figure_that_cannot_be_measured_is_a_failure() {
        let space = space();
        let settings = SearchConfig {
            limits: Limits::from([("latency_ms", 100.0)]),
            latency: LatencySource::Measured,
            ..settings()
        };
        let (winner, log) = search(&settings, &space, 1, &Odd, "");
        let error = winner.unwrap_err().to_string();
        assert!(error.contains("generation 0 failed (this evaluator measures nothing but losses); "), "{error}");
        assert!(log.lines().all(|line| line.contains(r#""state":"failed","loss":null,"#)));
    }

    #[test]
    fn a_report_that_fails_ends_the_search_and_the_trial_is_kept() {
        let space = space();
        let (settings, dir) = (settings(), tempfile::tempdir().unwrap());
        let constraints = constraints(&settings);
        let feasible = Feasible::check(&space, &constraints, 1).unwrap();
        let search = Search { settings: &settings, feasible: &feasible, gflops: &Toy, changes: "" };
        let mut log = TrialLog::open(&dir.path().join("trials.jsonl"), &space).unwrap();
        let mut algorithm = crate::search::algorithm(&settings, &feasible, 1);
        let full = &mut |progress: SearchProgress<'_>| match progress.done {
            3 => Err(Error::failure("the disk is full")),
            _ => Ok(()),
        };
        let error = search.run(&MadeUp::new(), &mut *algorithm, &mut log, full).unwrap_err();
        assert_eq!((error.to_string().as_str(), log.trials().len()), ("the disk is full", 3));
    }

    #[test]
    fn progress_counts_every_trial_and_costs_are_logged() {
        let space = space();
        let settings = SearchConfig { limits: Limits::from([("gflops", 3.0), ("parameters", 50.0)]), ..settings() };
        let constraints = constraints(&settings);
        let feasible = Feasible::check(&space, &constraints, 1).unwrap();
        let search = Search { settings: &settings, feasible: &feasible, gflops: &Toy, changes: "" };
        let dir = tempfile::tempdir().unwrap();
        let mut log = TrialLog::open(&dir.path().join("trials.jsonl"), &space).unwrap();
        let mut seen = Vec::new();
        let mut algorithm = crate::search::algorithm(&settings, &feasible, 1);
        let ranked = search
            .run(&MadeUp::new(), &mut *algorithm, &mut log, &mut |progress| {
                assert_eq!((progress.total, progress.resumed), (38, false));
                let best = progress.best.and_then(|best| best.loss);
                seen.push((progress.done, best.unwrap()));
                Ok(())
            })
            .unwrap();
        assert!(seen.iter().map(|(done, _)| *done).eq(1..=38));
        assert!(seen.windows(2).all(|pair| pair[1].1 <= pair[0].1));
        assert_eq!(ranked.len(), 38);
        assert!(ranked.windows(2).all(|pair| pair[0].rank(&pair[1]).is_lt()));
        let winner = &ranked[0];
        assert_eq!(seen.last().unwrap().1, winner.loss.unwrap());
        assert_eq!(winner.gflops, Toy.of(&winner.architecture));
        let parameters = constraints.counted[1].cost.of(&winner.architecture);
        let logged: Vec<(&str, f64)> = winner.costs.iter().map(|(name, figure)| (name.as_str(), *figure)).collect();
        assert_eq!(logged, [("gflops_expected", 1.5), ("parameters", parameters)]);
    }
}
