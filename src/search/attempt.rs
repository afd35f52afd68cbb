//! From a candidate to its trial.

use super::algorithm::Candidate;
use super::evaluator::Evaluator;
use super::feasible::Feasible;
use super::trial::{Trial, TrialState};
use crate::cost::{Cost, Limit};
use crate::error::{Error, Result};
use crate::panics::message;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// What makes trials.
#[derive(Clone, Copy)]
pub(super) struct Attempts<'a> {
    pub feasible: &'a Feasible<'a>,
    pub gflops: &'a dyn Cost,
    pub evaluator: &'a dyn Evaluator,
}

impl Attempts<'_> {
    /// The trial of `candidate`; whatever goes wrong is in it.
    pub fn whole(&self, candidate: &Candidate) -> Trial {
        let mut trial = self.start(candidate);
        let start = Instant::now();
        self.guarded(&mut trial, |trial| match self.measure(trial)? {
            true => self.evaluate(trial),
            false => Ok(()),
        });
        if trial.state != TrialState::Complete {
            trial.seconds = start.elapsed().as_secs_f64();
        }
        trial
    }

    /// The trial of `candidate` with what is counted, and nothing measured yet.
    pub fn start(&self, candidate: &Candidate) -> Trial {
        let architecture = &candidate.architecture;
        let costs = self.feasible.constraints().costs();
        let counted = costs.filter(|cost| cost.name() != self.gflops.name());
        Trial {
            id: candidate.id,
            generation: candidate.generation,
            parents: candidate.parents.clone(),
            architecture: architecture.clone(),
            state: TrialState::Failed,
            loss: None,
            loss_expected: None,
            tokens: 0,
            gflops: self.gflops.of(architecture),
            seconds: 0.0,
            costs: counted.map(|cost| (cost.name().to_owned(), cost.of(architecture))).collect(),
            error: None,
        }
    }

    /// Runs `attempt` on `trial`; an error or a panic goes into the trial.
    pub fn guarded(&self, trial: &mut Trial, attempt: impl FnOnce(&mut Trial) -> Result<()>) {
        if let Err(error) = guarded(|| attempt(trial)) {
            trial.state = TrialState::Failed;
            trial.error = Some(error.to_string());
        }
    }

    /// Measures what is limited and has to be measured; false where the trial is beyond the limit, and pruned.
    pub fn measure(&self, trial: &mut Trial) -> Result<bool> {
        let Some(Limit { name, most, .. }) = self.feasible.constraints().measured else { return Ok(true) };
        let figure = self.evaluator.measure(&trial.architecture)?;
        if !figure.is_finite() {
            return Err(Error::failure(format!("{name} is {figure}")));
        }
        trial.costs.insert(name.to_owned(), figure);
        if figure > most {
            trial.state = TrialState::Pruned;
        }
        Ok(figure <= most)
    }

    /// Whether `trial` has what is measured besides the loss.
    pub fn was_measured(&self, trial: &Trial) -> bool {
        self.feasible.constraints().measured.is_none_or(|limit| trial.figure(limit.name).is_some())
    }

    /// Measures the loss, and puts it into `trial`.
    fn evaluate(&self, trial: &mut Trial) -> Result<()> {
        let measured = self.evaluator.evaluate(&trial.architecture)?;
        if !measured.loss.is_finite() {
            return Err(Error::failure(format!("the loss is {}", measured.loss)));
        }
        trial.state = TrialState::Complete;
        trial.loss = Some(measured.loss);
        trial.tokens = measured.tokens;
        trial.seconds = measured.seconds;
        trial.costs.extend(measured.gflops_expected.map(|gflops| ("gflops_expected".to_owned(), gflops)));
        Ok(())
    }
}

/// What `evaluate` gives; a panic is an error.
///
/// # Errors
/// That of `evaluate`.
pub fn guarded<T>(evaluate: impl FnOnce() -> Result<T>) -> Result<T> {
    let result = catch_unwind(AssertUnwindSafe(evaluate));
    result.unwrap_or_else(|panic| Err(Error::failure(format!("the evaluation panicked: {}", message(&*panic)))))
}
