//! Latency of architectures on this machine, for a search under a measured limit.

use super::workspace::Workspace;
use crate::config::Precision;
use crate::error::Result;
use crate::latency::{Effort, Latency, measure};
use crate::model::Supernet;
use crate::model::precision::Products;
use crate::space::Architecture;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// Passes before the first measurement of a process, which finds caches cold and threads asleep.
const WARM_UP: Effort = Effort { passes: 60, precision: 0.0, time: Duration::from_secs(5) };
/// A candidate's measurement.
const PARTIAL: Effort = Effort { passes: 20, precision: 0.0, time: Duration::from_secs(5) };
/// A measurement at length: as many passes as the reference's final figure has, where it takes so many.
const FULL: Effort = Effort { passes: 300, precision: 0.01, time: Duration::from_secs(60) };

/// Measurements at length of one model, where they are noisy.
const ATTEMPTS: usize = 3;

/// Keeps measurements apart from everything else that this process computes: what runs beside a measurement is in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Quiet(Arc<RwLock<()>>);

impl Quiet {
    /// Held by whoever computes without being timed.
    pub fn busy(&self) -> RwLockReadGuard<'_, ()> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held while timing: nobody is busy, and nobody else times.
    fn alone(&self) -> RwLockWriteGuard<'_, ()> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Milliseconds of one dummy sentence, measured with the subnet of a supernet; an architecture is measured once.
pub(super) struct MeasuredLatency {
    supernet: Arc<Supernet>,
    products: Products,
    quiet: Quiet,
    sentence_length: usize,
    beam: usize,
    effort: Effort,
    warm_up: Once,
    known: Mutex<HashMap<Architecture, f64>>,
}

impl MeasuredLatency {
    /// Latency of subnets of `supernet`, the space's largest, by few passes.
    pub fn new(workspace: &Workspace, supernet: Arc<Supernet>, quiet: Quiet) -> Self {
        Self {
            supernet,
            products: Products::new(workspace.config.translate.precision, &workspace.device),
            quiet,
            sentence_length: workspace.config.cost.sentence_length,
            beam: workspace.config.translate.beam,
            effort: PARTIAL,
            warm_up: Once::new(),
            known: Mutex::default(),
        }
    }

    /// The same by many passes: the upper end of the interval in which other runs' means are expected, so that another
    /// measurement is not beyond it.
    pub fn at_length(self) -> Self {
        Self { effort: FULL, ..self }
    }

    /// The latency of `architecture`.
    ///
    /// # Errors
    /// The supernet does not hold it.
    pub fn of(&self, architecture: &Architecture) -> Result<f64> {
        let known = self.known().get(architecture).copied();
        if let Some(latency) = known {
            return Ok(latency);
        }
        let alone = self.quiet.alone();
        let model = self.supernet.cut(architecture, false)?.with_products(self.products);
        let measure = |effort: Effort| measure(&model, self.sentence_length, self.beam, effort, &|| {}).latency();
        self.warm_up.call_once(|| {
            measure(WARM_UP);
        });
        let latency = match self.effort {
            FULL => upper_end(&quietest(&|| measure(FULL))),
            effort => measure(effort).total_ms(),
        };
        drop(alone);
        self.known().insert(architecture.clone(), latency);
        Ok(latency)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Architecture, f64>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What measured figures depend on besides architecture and weights: they do not compare where any of it differs.
pub(super) fn conditions(workspace: &Workspace) -> String {
    let precision = match workspace.config.translate.precision {
        Precision::Float32 => String::new(),
        other => format!(" in {other}"),
    };
    format!(
        "{}{precision} with {} threads, {} tokens, beam {}, {} passes",
        workspace.device_name,
        rayon::current_num_threads(),
        workspace.config.cost.sentence_length,
        workspace.config.translate.beam,
        PARTIAL.passes
    )
}

/// What other runs should not exceed, milliseconds; tells where the figure is not to be trusted.
fn upper_end(measured: &Latency) -> f64 {
    let upper = measured.interval_ms.map_or_else(|| measured.total_ms(), |[_, upper]| upper);
    if let Some(noise) = measured.noise(FULL.precision) {
        tracing::warn!("the latency of up to {upper:.3} ms is too noisy to trust: {noise}");
    }
    upper
}

/// The first of up to [`ATTEMPTS`] measurements at length that is not noisy, or the most precise of them: noise is no reason
/// to refuse a model.
fn quietest(measure: &dyn Fn() -> Latency) -> Latency {
    let precision = |latency: &Latency| latency.relative_precision().unwrap_or(f64::INFINITY);
    let mut best = measure();
    for _ in 1..ATTEMPTS {
        if best.noise(FULL.precision).is_none() {
            break;
        }
        let again = measure();
        if again.noise(FULL.precision).is_none() || precision(&again) < precision(&best) {
            best = again;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::Timing;
    use std::cell::RefCell;

    #[test]
    fn a_quiet_measurement_ends_the_attempts() {
        // Of each attempt, how far the interval reaches and how much passes differ.
        let run = |attempts: &[(f64, f64)]| {
            let left = RefCell::new(attempts.iter());
            let measure = || {
                let (reach, spread) = left.borrow_mut().next().unwrap();
                let timing = Timing { mean_ms: 50.0, median_ms: 50.0, deviation_ms: 50.0 * spread, interval_ms: None };
                let interval_ms = Some([100.0 * (1.0 - reach), 100.0 * (1.0 + reach)]);
                Latency { encoder: timing, decoder: timing, interval_ms, passes: 300 }
            };
            let upper = upper_end(&quietest(&measure)).round();
            (upper, left.borrow().len())
        };
        assert_eq!(run(&[(0.02, 0.0), (0.01, 0.0), (0.01, 0.0)]), (102.0, 2));
        assert_eq!(run(&[(0.01, 0.3), (0.03, 0.0), (0.01, 0.0)]), (103.0, 1), "restless, then quiet");
        assert_eq!(run(&[(0.2, 0.0), (0.1, 0.0), (0.3, 0.0)]), (110.0, 0));
    }
}
