//! Latency on this machine as a cost of architectures, for a search under a measured limit.

use super::workspace::Workspace;
use crate::cost::Cost;
use crate::cost::latency::{Effort, Latency, measure};
use crate::model::Supernet;
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

    fn known(&self) -> MutexGuard<'_, HashMap<Architecture, f64>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What measured figures depend on besides architecture and weights: they do not compare where any of it differs.
pub(super) fn conditions(workspace: &Workspace) -> String {
    format!(
        "{} with {} threads, {} tokens, beam {}, {} passes",
        workspace.device_name,
        rayon::current_num_threads(),
        workspace.config.cost.sentence_length,
        workspace.config.translate.beam,
        PARTIAL.passes
    )
}

/// The quietest of up to [`ATTEMPTS`] measurements at length: noise is no reason to refuse a model.
fn quietest(measure: &dyn Fn(Effort) -> Latency) -> Latency {
    let precision = |latency: &Latency| latency.relative_precision().unwrap_or(f64::INFINITY);
    let mut best = measure(FULL);
    for _ in 1..ATTEMPTS {
        if best.noise().is_none() {
            break;
        }
        let again = measure(FULL);
        if precision(&again) < precision(&best) {
            best = again;
        }
    }
    best
}

impl Cost for MeasuredLatency {
    fn name(&self) -> &str {
        "latency_ms"
    }

    fn unit(&self) -> &str {
        "ms"
    }

    fn of(&self, architecture: &Architecture) -> f64 {
        let known = self.known().get(architecture).copied();
        known.unwrap_or_else(|| {
            let alone = self.quiet.alone();
            let model = self.supernet.cut(architecture, false).expect("the supernet holds its space's architectures");
            let measure = |effort: Effort| measure(&model, self.sentence_length, self.beam, effort, &|| {}).latency();
            self.warm_up.call_once(|| {
                measure(WARM_UP);
            });
            let measured = match self.effort {
                FULL => quietest(&measure),
                effort => measure(effort),
            };
            drop(alone);
            let latency = match measured.interval_ms {
                Some([_, upper]) if self.effort == FULL => upper,
                _ => measured.total_ms(),
            };
            if self.effort == FULL
                && let Some(noise) = measured.noise()
            {
                tracing::warn!("the latency of up to {latency:.3} ms is too noisy to trust: {noise}");
            }
            self.known().insert(architecture.clone(), latency);
            latency
        })
    }
}
