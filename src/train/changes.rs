//! Settings that a training goes on with other values of.

use super::job::Job;
use super::schedule::learning_rate;
use crate::config::{LrSchedule, is_adjustable, may_change};
use crate::error::{Error, Result};
use crate::run::JsonLines;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The key of the lines of metrics that have them: `{"update": 300, "changed": {"lr": [0.003, 0.001]}}`.
const CHANGED: &str = "changed";

/// The values before and now of those settings that differ and change what is trained, by key.
pub(super) struct Changes(BTreeMap<String, [Value; 2]>);

/// Says how `job` goes on after `done` updates with settings that differ from those before by `changes`, and notes these down in
/// `metrics`. What was logged later goes.
///
/// # Errors
/// The log cannot be read or written.
pub(super) fn go_on(job: &Job, changes: &Changes, done: usize, metrics: &mut JsonLines) -> Result<()> {
    let is_finished = done >= job.config.max_updates;
    metrics.truncate_after(|line| {
        let is_told_anew = !is_finished && line.get(CHANGED).is_some();
        line["update"].as_u64().is_some_and(|update| update > done as u64 || (is_told_anew && update == done as u64))
    })?;
    if is_finished {
        changes.tell_finished(job, done);
        return Ok(());
    }
    if done > 0 {
        tracing::info!("{}: going on after update {done}", job.name);
    }
    if !changes.0.is_empty() {
        changes.tell(job, done);
        metrics.append(&json!({"update": done, CHANGED: changes.0}))?;
    }
    Ok(())
}

impl Changes {
    /// Between the settings `then`, without those that are not known, and `now`, see [`TrainConfig::settings`].
    ///
    /// [`TrainConfig::settings`]: crate::config::TrainConfig::settings
    pub fn new(mut then: BTreeMap<String, Value>, now: BTreeMap<String, Value>) -> Self {
        let both = now.into_iter().filter_map(|(key, now)| Some((then.remove(&key)?, key, now)));
        let counts = |key: &str| is_adjustable(&in_train(key)) || !may_change(&in_train(key));
        let differing = both.filter(|(then, key, now)| then != now && counts(key));
        Self(differing.map(|(then, key, now)| (key, [then, now])).collect())
    }

    /// Refuses to go on with another value of what weights are trained with from the first update to the last.
    ///
    /// # Errors
    /// There is one.
    pub fn check(&self, job: &Job) -> Result<()> {
        let fixed = listed(self.0.iter().filter(|(key, _)| !is_adjustable(&in_train(key))));
        match fixed.is_empty() {
            true => Ok(()),
            false => {
                let (section, folder) = (job.section, job.folder.display());
                let message = format!(
                    "its training was begun with other settings, and goes on with the same: now {fixed}; set [{section}] back, \
                     or remove {folder} to train anew"
                );
                Err(Error::input(message).at(folder))
            }
        }
    }

    /// Says what `job` goes on with after `done` updates.
    fn tell(&self, job: &Job, done: usize) {
        let (name, end) = (job.name, job.config.max_updates);
        tracing::info!("training {name}: from update {} on with {}", done + 1, listed(&self.0));
        if job.config.lr_schedule == LrSchedule::Cosine
            && let Some([before, _]) = self.0.get("max_updates")
        {
            tracing::info!(
                "training {name}: the cosine of the learning rate ends with update {end} now: that of update {} is {:.3e}, as \
                 in a training of that length; the updates before had those of one of {before}",
                done + 1,
                learning_rate(job.config, done)
            );
        }
    }

    /// Says that `job` is over with `done` updates, whatever has changed.
    fn tell_finished(&self, job: &Job, done: usize) {
        let (name, end) = (job.name, job.config.max_updates);
        tracing::info!("{name}: trained already ({done} updates)");
        if end < done {
            tracing::warn!("{name}: it was trained for {done} updates; max_updates = {end} takes none of them back");
        }
        let others = self.0.iter().filter(|(key, _)| *key != "max_updates");
        let others = listed(others);
        if !others.is_empty() {
            tracing::warn!(
                "{name}: it is trained, and these change nothing in it: {others}; a larger max_updates trains on with them"
            );
        }
    }
}

/// The key of `[train]`, whose rules hold in the other sections, too.
fn in_train(key: &str) -> String {
    format!("train.{key}")
}

fn listed<'a>(changes: impl IntoIterator<Item = (&'a String, &'a [Value; 2])>) -> String {
    let listed = changes.into_iter().map(|(key, [then, now])| format!("{key} = {now} (before: {then})"));
    listed.collect::<Vec<_>>().join(", ")
}
