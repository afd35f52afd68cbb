//! The last test under a measured limit: the best trials are measured at length, best first, until one is within it.

use super::trial::Trial;
use crate::cost::Limit;
use crate::error::{Error, Result};
use crate::interrupt::Interruptible;
use crate::progress::Progress;
use crate::run::jsonl::{JsonLines, Sync};
use crate::space::Architecture;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A line of the log of these measurements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finalist {
    /// Its trial.
    pub id: u64,
    /// What was measured.
    pub architecture: Architecture,
    /// The latency at most, as far as the measurement tells.
    pub latency_ms: f64,
}

/// The first of `ranked` (best first) that is within `limit` by `measure`, a measurement at length, and its latency. Every
/// measurement is logged in the file at `path`, and what is there is not measured again.
///
/// # Errors
/// [`Error::Failure`] when none of them is within the limit, or the log cannot be written; [`Error::Input`] when it is
/// no such log; [`Error::Interrupted`] after a signal; those of `measure`.
pub fn first_within(
    ranked: &[Trial],
    limit: Limit,
    measure: &dyn Fn(&Architecture) -> Result<f64>,
    path: &Path,
) -> Result<(Trial, f64)> {
    let known: Vec<Finalist> = if path.exists() { JsonLines::read(path)? } else { Vec::new() };
    let mut log = JsonLines::open(path, Sync::Never)?;
    let Limit { name, unit, most } = limit;
    let bar = Progress::bar(ranked.len() as u64, "trials", "measuring the best trials at length");
    let interruptible = Interruptible::begin();
    let mut least = f64::INFINITY;
    for trial in ranked {
        if interruptible.was_interrupted() {
            let message =
                "measuring the best trials: interrupted; what was measured is kept, and the same command goes on";
            return Err(Error::Interrupted(message.into()));
        }
        let measured = known.iter().find(|finalist| finalist.architecture == trial.architecture);
        let figure = match measured {
            Some(finalist) => finalist.latency_ms,
            None => {
                let architecture = trial.architecture.clone();
                let latency_ms = measure(&architecture)?;
                log.append_sealed(&Finalist { id: trial.id, architecture, latency_ms })?;
                latency_ms
            }
        };
        if figure <= most {
            return Ok((trial.clone(), figure));
        }
        tracing::info!(
            "searching: trial {} has {name} up to {figure:.3} {unit} when measured at length, beyond the limit of \
             {most}: taking the next best",
            trial.id
        );
        least = least.min(figure);
        bar.inc(1);
    }
    Err(Error::failure(format!(
        "no trial has {limit} when measured at length: the best has up to {least:.3} {unit}; raise the limit, or \
         search again (--fresh) when the machine is quiet"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::testing::{space, trial};
    use std::cell::Cell;

    #[test]
    fn the_best_within_the_limit_wins_and_nothing_is_measured_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("finalists.jsonl");
        let mut ranked = vec![trial(7, Some(1.0)), trial(2, Some(2.0)), trial(5, Some(3.0))];
        ranked[0].architecture = space().largest();
        ranked[2].architecture.decoder = space().largest().decoder;
        let measured = Cell::new(0);
        let measure = |architecture: &Architecture| {
            measured.set(measured.get() + 1);
            Ok(architecture.encoder.layers[0].ffn_embed_dim as f64)
        };
        let limit = Limit { name: "latency_ms", unit: "ms", most: 1024.0 };
        for _ in 0..2 {
            let (winner, latency) = first_within(&ranked, limit, &measure, &path).unwrap();
            assert_eq!((winner.id, latency), (2, 1024.0));
            assert_eq!(measured.get(), 2, "the third was not needed, the first two are in the log");
        }
        let error = first_within(&ranked, Limit { most: 1.0, ..limit }, &measure, &path).unwrap_err();
        assert_eq!(error.exit_code(), 1);
        assert!(error.to_string().contains("the best has up to 1024.000 ms"), "{error}");
        assert_eq!(measured.get(), 3);
    }
}
