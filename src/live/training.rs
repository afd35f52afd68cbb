//! A training as far as it has come, by its log.

use super::text::{fit, time, wrapped};
use crate::report::digits;
use crate::train::{Line, Training};
use indicatif::HumanCount;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The last lines of a log that its pace is the mean of.
const RECENT: usize = 5;
/// Columns of the bar at most, and of what stands behind it.
const BAR: usize = 20;
const BEHIND: usize = 24;

/// A training as far as it has come.
pub struct TrainingSoFar {
    /// What its log says.
    pub(super) log: Training,
    /// Updates that there will be.
    pub(super) updates: u64,
    /// How it goes on.
    pub(super) state: State,
}

/// How a training goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is under way, or over.
    Own,
    /// Its log has not come to its end, and something else is under way, or nothing.
    Left,
    /// Another model has its name now.
    PutAside,
}

impl TrainingSoFar {
    /// The training whose log says this, of so many updates.
    pub fn new(log: Training, updates: u64) -> Self {
        Self { log, updates, state: State::Own }
    }

    /// Updates so far.
    pub fn update(&self) -> u64 {
        self.log.lines.last().map_or(0, |line| line.update)
    }

    /// Whether all updates are done.
    pub fn is_over(&self) -> bool {
        self.update() >= self.updates
    }

    /// The last validation: after which update, and its losses by what was validated.
    fn validation(&self) -> Option<(u64, &BTreeMap<String, Option<f64>>)> {
        self.log.lines.iter().rev().find(|line| !line.valid.is_empty()).map(|line| (line.update, &line.valid))
    }

    /// Updates and tokens a second of late; none before two lines of the log.
    fn pace(&self) -> Option<(f64, f64)> {
        let timed: Vec<&Line> = self.log.lines.iter().filter(|line| line.seconds.is_some()).collect();
        let [before, recent @ ..] = &timed[timed.len().saturating_sub(RECENT + 1)..] else { return None };
        let seconds: f64 = recent.iter().filter_map(|line| line.seconds).sum();
        let tokens: f64 = recent.iter().filter_map(|line| line.tokens).map(|tokens| tokens as f64).sum();
        let updates = recent.last()?.update.saturating_sub(before.update) as f64;
        (seconds > 0.0).then(|| (updates / seconds, tokens / seconds))
    }

    fn seconds_left(&self) -> Option<f64> {
        let (updates, _) = self.pace().filter(|pace| pace.0 > 0.0 && self.state == State::Own)?;
        Some(self.updates.saturating_sub(self.update()) as f64 / updates)
    }

    /// In lines of at most `width` columns: one when it is over, else a bar and what it comes to. Names take `indent` columns.
    pub(super) fn lines(&self, indent: usize, width: usize) -> Vec<String> {
        let name = format!("{:indent$}", fit(&self.log.name, indent.saturating_sub(2)));
        let nll = self.log.last(|line| line.nll);
        let loss = nll.map(|nll| format!("loss {}", digits(nll, 4)));
        let (update, updates) = (HumanCount(self.update()), HumanCount(self.updates));
        if self.is_over() || self.state != State::Own {
            let done = if self.is_over() { updates.to_string() } else { format!("{update} of {updates}") };
            let took = format!("{name}{done} updates in {}", time(self.log.seconds()));
            let aside = (self.state == State::PutAside).then(|| "put aside".to_owned());
            let validated = self.validation().map_or(0, |(_, losses)| losses.len());
            let of = if validated > 1 { format!(", mean of {validated}") } else { String::new() };
            let valid = self.log.validations().last().map(|(_, mean)| format!("validation {}{of}", digits(*mean, 4)));
            return wrapped([Some(took), aside, loss, valid], indent, width).into_iter().take(1).collect();
        }
        let bar = self.bar(width.saturating_sub(indent + BEHIND).min(BAR));
        let perplexity = nll.map(|nll| format!("perplexity {}", digits(nll.exp2(), 4)));
        let pace = self.pace().map(|(_, tokens)| format!("{} tokens/s", HumanCount(tokens as u64)));
        let left = self.seconds_left().map(|seconds| format!("{} left", time(seconds)));
        let first = format!("{name}{bar} update {update} of {updates}");
        let mut lines = wrapped([Some(first), loss, perplexity, pace, left], indent, width);
        if let Some((update, losses)) = self.validation() {
            let loss = |loss: &Option<f64>| loss.map_or_else(|| "NaN".to_owned(), |loss| digits(loss, 4));
            let losses = losses.iter().map(|(name, of_it)| Some(format!("{name} {}", loss(of_it))));
            let first = format!("{:indent$}validation after {}", "", HumanCount(update));
            lines.extend(wrapped([Some(first)].into_iter().chain(losses), indent, width));
        }
        lines
    }

    /// The share of updates that are done, of so many columns.
    fn bar(&self, columns: usize) -> String {
        let share = self.update() as f64 / self.updates.max(1) as f64;
        let done = (share * columns as f64) as usize;
        format!("{}{}", "█".repeat(done.min(columns)), "░".repeat(columns.saturating_sub(done)))
    }

    /// The figures for other programs.
    pub(super) fn to_json(&self) -> Value {
        let (validated, valid) = self.validation().unzip();
        json!({
            "name": self.log.name,
            "update": self.update(),
            "updates": self.updates,
            "put_aside": self.state == State::PutAside,
            "nll": self.log.last(|line| line.nll),
            "tokens_per_second": self.pace().map(|pace| pace.1),
            "seconds": self.log.seconds(),
            "seconds_left": self.seconds_left(),
            "validated_after": validated,
            "valid": valid,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn training(log: &str, updates: u64) -> TrainingSoFar {
        let lines = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        TrainingSoFar::new(Training { name: "supernet".into(), lines }, updates)
    }

    const LOG: &str = r#"{"update":100,"nll":6.0,"tokens":1000,"seconds":9.0}
{"update":200,"nll":5.0,"tokens":4000,"seconds":2.0}
{"update":200,"valid":{"largest":4.5,"smallest":null}}
{"update":200,"changed":{"lr":[1,2]}}
{"update":300,"nll":4.0,"tokens":4000,"seconds":2.0}"#;

    #[test]
    fn one_under_way_tells_its_pace_and_losses() {
        let lines = training(LOG, 1200).lines(10, 100);
        assert_eq!(
            lines,
            [
                "supernet  █████░░░░░░░░░░░░░░░ update 300 of 1,200 · loss 4.000 · perplexity 16.00 · 2,000 tokens/s",
                "          18s left",
                "          validation after 200 · largest 4.500 · smallest NaN",
            ]
        );
        for width in 0..100 {
            let lines = training(LOG, 1200).lines(10, width);
            assert!(lines.iter().all(|line| console::measure_text_width(line) <= width), "{width}: {lines:#?}");
        }
    }

    #[test]
    fn one_that_is_over_or_has_not_begun_is_told_shortly() {
        let whole = LOG.replace(",\"smallest\":null", "");
        assert_eq!(
            training(&whole, 300).lines(10, 80),
            ["supernet  300 updates in 13s · loss 4.000 · validation 4.500"]
        );
        assert_eq!(training("", 0).lines(10, 80), ["supernet  0 updates in 0s"]);
        assert_eq!(training("", 20).lines(10, 80), [format!("supernet  {} update 0 of 20", "░".repeat(20))]);
    }
}
