//! The training loop of one run: which architectures and which batches each update takes, and what is written when.

use super::alike::check_alike;
use super::changes::Changes;
use super::checkpoint::{self, Content, Name, Origin, checkpoint_of};
use super::deal::dealt;
use super::estimate::announce;
use super::job::{Job, Outcome, Sampler};
use super::metrics::Metrics;
use super::reduce::Together;
use super::share::share;
use super::state::Position;
use super::update::{Trainer, UpdateReport};
use super::validation::Validation;
use super::weights::load_weights;
use crate::error::{Error, Result};
use crate::interrupt::Interruptible;
use crate::model::{Supernet, TransformerConfig};
use crate::pool::in_pool;
use crate::progress::Progress;
use crate::run::checkpoints::{BEST, LAST};
use crate::run::memory::{forget_peak, peak_memory_bytes};
use crate::run::{Checkpoint, Checkpoints};
use crate::text::{Batch, collate, epoch_batches};
use crate::world::{any, known_to_all};
use burn::tensor::Device;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Batches that the estimate of a run's time is measured on.
const ESTIMATE_SAMPLES: usize = 4;

/// Trains until `max_updates`, going on from `last` where there is one; otherwise `initial` gives the weights to start
/// from. `shape` is theirs.
///
/// # Errors
/// The folder cannot be written, or holds a run of other data or another space; [`Error::Interrupted`] after a signal.
pub fn train(
    job: &Job,
    shape: &TransformerConfig,
    device: &Device,
    initial: impl FnOnce() -> Result<Supernet>,
) -> Result<Outcome> {
    forget_peak();
    let last = match checkpoint::load_last(job.folder) {
        Ok(last) => last,
        Err(fault) => {
            let Some(outcome) = checkpoint::finished(job, shape) else {
                return Err(checkpoint::cannot_go_on(fault, job.folder));
            };
            tracing::warn!("{}: trained already ({} updates), but no further: {fault}", job.name, outcome.updates);
            return Ok(outcome);
        }
    };
    let mut session = Session::open(job, shape, device, last, initial)?;
    session.announce()?;
    if session.position.update < job.config.max_updates {
        (job.begins)(job, shape)?;
        session.share()?;
        session.run()?;
    }
    Ok(Outcome { updates: session.position.update, best: session.position.best })
}

/// Refuses to compare losses of one validation set with those of another.
fn check_validation_pairs(job: &Job, position: &Position) -> Result<()> {
    let (now, folder) = (job.valid.len(), job.folder.display());
    match position.validation_pairs {
        Some(then) if then != now && position.best.is_some() => {
            let message = format!(
                "its best loss is one of {then} validation pairs, and now there are {now} (data.skip_long leaves out what is \
                 longer than the max_tokens of any section): set that back, or remove {folder} to train anew"
            );
            Err(Error::input(message).at(folder))
        }
        _ => Ok(()),
    }
}

/// A run under way.
pub(super) struct Session<'a> {
    job: &'a Job<'a>,
    trainer: Trainer,
    position: Position,
    /// The batches of the epoch in `position`.
    batches: Vec<Vec<u32>>,
    validation: Validation,
    /// Where results go; none but rank 0 has any.
    outputs: Option<Outputs>,
    /// When the last line of metrics was written.
    since: Instant,
    /// Spent on making batches since then.
    waited: Duration,
    /// What processes have spent on each other since then.
    together: Together,
    /// The update that `last` was saved after; 0 where there is none.
    saved: usize,
}

/// What a run writes.
pub(super) struct Outputs {
    checkpoints: Checkpoints,
    metrics: Metrics,
}

impl<'a> Session<'a> {
    fn open(
        job: &'a Job<'a>,
        shape: &TransformerConfig,
        device: &Device,
        last: Option<Checkpoint>,
        initial: impl FnOnce() -> Result<Supernet>,
    ) -> Result<Self> {
        let checkpoints = Checkpoints::new(job.folder);
        let mut begun_with = BTreeMap::new();
        let (trainer, mut position) = if let Some(last) = last {
            let path = checkpoints.path(LAST);
            let restored = checkpoint::restore(last, &path, shape, &job.sharing, device, job.data)?;
            begun_with = restored.settings;
            let mut trainer = Trainer::resumed(restored.supernet, restored.adam, job.config, job.seed);
            // A checkpoint of training in another precision has none.
            trainer.loss_scale = trainer.loss_scale.map(|start| restored.loss_scale.unwrap_or(start));
            (trainer, restored.position)
        } else if load_weights(&checkpoints.path(BEST), device).is_ok_and(|best| !best.is_trained()) {
            let message = "this model was imported, and training would overwrite it; give another --name or --run-dir";
            return Err(Error::input(message).at(job.folder.display()));
        } else {
            (Trainer::new(initial()?, job.config, job.seed), Position::start())
        };
        let changes = Changes::new(begun_with, job.config.settings()?);
        if position.update < job.config.max_updates {
            changes.check(job)?;
            check_validation_pairs(job, &position)?;
            checkpoint::forget_later(&checkpoints, &mut position)?;
        }
        position.validation_pairs = Some(job.valid.len());
        let metrics = Metrics::open(job, &changes, position.update)?;
        Self::new(job, trainer, position, Some(Outputs { checkpoints, metrics }))
    }

    /// A run at `position`.
    pub fn new(job: &'a Job<'a>, trainer: Trainer, position: Position, outputs: Option<Outputs>) -> Result<Self> {
        Ok(Self {
            job,
            trainer,
            batches: epoch_batches(job.train, job.config.max_tokens, job.seed, position.epoch)?,
            validation: Validation::new(job.valid, job.config.max_tokens)?,
            outputs,
            saved: position.update,
            position,
            since: Instant::now(),
            waited: Duration::ZERO,
            together: Together::default(),
        })
    }

    /// Gives all that the other processes need to take part.
    fn share(&self) -> Result<()> {
        if self.job.world.size() == 1 {
            return Ok(());
        }
        let (position, all) = (&self.position, Content::Everything);
        share(self.job.world, Some(checkpoint_of(&self.trainer, position, self.origin(), all)?)).map(|_| ())
    }

    /// Trains to the end.
    pub fn run(&mut self) -> Result<()> {
        let (total, name) = (self.job.config.max_updates, self.job.name);
        let progress =
            Progress::bar(total as u64, "updates", format!("training {name}")).resumed_at(self.position.update as u64);
        let interruptible = Interruptible::begin();
        while self.position.update < total {
            self.step(&progress)?;
            progress.inc(1);
            if any(self.job.world, interruptible.was_interrupted()) {
                self.save(Name::Fixed(LAST), Content::Everything)?;
                return Err(known_to_all(Error::Interrupted(format!(
                    "training {name}: interrupted, and saved after update {}; the same command goes on from there",
                    self.position.update
                ))));
            }
        }
        Ok(())
    }

    fn step(&mut self, progress: &Progress) -> Result<()> {
        let done = self.position.update;
        let architectures = self.job.sampler.architectures(self.job.seed, done);
        let start = Instant::now();
        let world = self.job.world;
        let mut ahead: Vec<Vec<u32>> = Vec::new();
        for _ in 0..self.job.config.update_freq {
            self.enter_epoch()?;
            ahead.push(self.batches[self.position.batch].clone());
            self.position.batch += 1;
        }
        let micro_batches: Vec<Batch> = dealt(world, &ahead).map(|pairs| collate(self.job.train, pairs)).collect();
        self.waited += start.elapsed();
        let report = in_pool(|| self.trainer.update_with(world, &architectures, &micro_batches, done));
        // What goes wrong in the midst of it goes wrong everywhere.
        let report = report.map_err(known_to_all)?;
        self.together.add(report.together);
        if report.skipped {
            tracing::warn!(
                "training {}: update {} left out, its gradients overflowed; the loss scale is {} now",
                self.job.name,
                done + 1,
                self.trainer.loss_scale.map_or(1.0, |loss_scale| loss_scale.scale)
            );
        } else if !report.sums.loss.is_finite() {
            return Err(known_to_all(self.diverged(&format!("the loss is not finite at update {}", done + 1))));
        }
        if report.sums.loss.is_finite() {
            self.position.recent.add(&report.sums);
        }
        self.position.trained_flops = self.position.trained_flops.map(|flops| flops + report.flops);
        self.position.slots.add(&report.routed);
        self.position.update = done + 1;
        self.write_outputs(&report, progress)
    }

    /// Tells what the rest of the run will cost, measured on the next few updates' batches.
    fn announce(&self) -> Result<()> {
        let done = self.position.update;
        let ahead = self.batches.iter().skip(self.position.batch).take(ESTIMATE_SAMPLES);
        let samples: Vec<_> = (done..)
            .zip(ahead)
            .map(|(update, indices)| {
                (self.job.sampler.architectures(self.job.seed, update), collate(self.job.train, indices))
            })
            .collect();
        announce(self.job, &self.trainer, self.job.config.max_updates.saturating_sub(done), &samples)
    }

    /// Makes sure that there is a next batch.
    fn enter_epoch(&mut self) -> Result<()> {
        if self.position.batch >= self.batches.len() {
            self.position.epoch += 1;
            self.position.batch = 0;
            let Job { train, config, seed, .. } = self.job;
            self.batches = epoch_batches(train, config.max_tokens, *seed, self.position.epoch)?;
        }
        Ok(())
    }

    /// What is due after an update: a line of metrics, a validation, checkpoints. `last` comes after everything else, so
    /// that a run killed in between does it again.
    fn write_outputs(&mut self, report: &UpdateReport, progress: &Progress) -> Result<()> {
        let config = self.job.config;
        let update = self.position.update;
        let finished = update == config.max_updates;
        let due = |every: usize| every > 0 && (finished || update.is_multiple_of(every));
        if due(config.log_every) {
            self.log(report, progress)?;
        }
        if due(config.validate_every) {
            self.validate()?;
        }
        if config.checkpoint_every > 0 && update.is_multiple_of(config.checkpoint_every) {
            self.save(Name::Step(config.keep_checkpoints.max(1)), Content::Weights)?;
        }
        if due(config.save_every) || finished {
            self.save(Name::Fixed(LAST), Content::Everything)?;
        }
        Ok(())
    }

    /// Saves a checkpoint, unless the training has diverged: what is saved is sound.
    fn save(&mut self, name: Name, content: Content) -> Result<()> {
        let Some(Outputs { checkpoints, .. }) = &self.outputs else { return Ok(()) };
        let (position, origin) = (&self.position, self.origin());
        if let Some(broken) = checkpoint::save(checkpoints, name, &self.trainer, position, origin, content)? {
            // The loss would show it at the next update.
            return Err(self.diverged(&format!("{broken} is not finite after update {}", position.update)));
        }
        if matches!(name, Name::Fixed(LAST)) {
            self.saved = position.update;
        }
        Ok(())
    }

    fn origin(&self) -> Origin<'a> {
        Origin { data: self.job.data, alone: matches!(self.job.sampler, Sampler::Fixed(_)) }
    }

    /// What is to be done where numbers are no longer finite.
    fn diverged(&self, what: &str) -> Error {
        let Job { name, section, folder, .. } = self.job;
        let folder = folder.display();
        // There is none of [adapt].
        let clips = if *section == "adapt" { "train" } else { section };
        let then = match self.saved {
            0 => "begins anew".to_owned(),
            update => {
                format!("goes on after update {update} (where it was too late by then, remove {folder} to begin anew)")
            }
        };
        Error::failure(format!(
            "training {name}: {what}; lower {section}.lr, set {clips}.clip_norm or lengthen {section}.warmup_updates, and the \
             same command {then}"
        ))
    }

    fn log(&mut self, report: &UpdateReport, progress: &Progress) -> Result<()> {
        let together = std::mem::take(&mut self.together);
        let sums = std::mem::take(&mut self.position.recent);
        let nll = sums.nll_bits();
        let spent = self.trained_gflops().map_or(String::new(), |gflops| format!(", {gflops:.0} GFLOPs"));
        progress.set_message(format!("training {}: perplexity {:.2}{spent}", self.job.name, nll.exp2()));
        let mut line = json!({
            "update": self.position.update,
            "loss": sums.loss_bits(),
            "nll": nll,
            "perplexity": nll.exp2(),
            "lr": report.lr,
            "tokens": sums.tokens,
            "trained_gflops": self.trained_gflops(),
            "seconds": self.since.elapsed().as_secs_f64(),
            "wait_seconds": std::mem::take(&mut self.waited).as_secs_f64(),
            "peak_memory_bytes": peak_memory_bytes(),
        });
        if self.job.world.size() > 1 {
            line["ranks"] = json!({
                "size": self.job.world.size(),
                "wait_seconds": together.waiting.as_secs_f64(),
                "reduce_seconds": together.reducing.as_secs_f64(),
            });
        }
        self.since = Instant::now();
        self.append(&line)
    }

    fn append(&mut self, line: &Value) -> Result<()> {
        self.outputs.as_mut().map_or(Ok(()), |outputs| outputs.metrics.append(line))
    }

    /// FLOPs of all updates, in units of 10⁹.
    fn trained_gflops(&self) -> Option<f64> {
        self.position.trained_flops.map(|flops| flops / 1e9)
    }

    /// Validates; the mean over the architectures decides which checkpoint is best.
    fn validate(&mut self) -> Result<()> {
        check_alike(self.job.world, &self.trainer.supernet.values, self.position.update)?;
        let mut losses = serde_json::Map::new();
        let mut mean = 0.0;
        for (name, architecture) in &self.job.validated {
            let model = self.trainer.supernet.cut(architecture, false)?;
            let nll = in_pool(|| self.validation.evaluate(self.job.world, &model)).nll_bits();
            mean += nll / self.job.validated.len() as f64;
            losses.insert(name.clone(), json!(nll));
        }
        let listed: Vec<String> =
            losses.iter().map(|(name, nll)| format!("{name} {:.3}", nll.as_f64().unwrap_or(f64::NAN))).collect();
        let spent = self.trained_gflops().map_or(String::new(), |gflops| format!(" and {gflops:.0} GFLOPs"));
        tracing::info!(
            "{} after update {}{spent}: validation loss in bits: {}",
            self.job.name,
            self.position.update,
            listed.join(", ")
        );
        self.append(&json!({
            "update": self.position.update,
            "valid": Value::Object(losses),
            "valid_mean": mean,
            "trained_gflops": self.trained_gflops(),
            "slots": self.position.slots.shares(),
        }))?;
        if mean.is_finite() && self.position.best.is_none_or(|best| mean < best) {
            self.position.best = Some(mean);
            self.save(Name::Fixed(BEST), Content::Weights)?;
        }
        Ok(())
    }
}
