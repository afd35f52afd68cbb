//! Latency on this machine as a cost of architectures, for a search under a measured limit.

use super::workspace::Workspace;
use crate::cost::Cost;
use crate::cost::latency::measure;
use crate::model::Supernet;
use crate::space::Architecture;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Passes before the first measurement of a process, which finds caches cold and threads asleep.
const WARM_UP: usize = 60;
/// Timed passes of a candidate.
const PASSES: usize = 20;
/// Timed passes at length, as the reference does for its final figure.
const FULL_PASSES: usize = 300;

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
    passes: usize,
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
            passes: PASSES,
            warm_up: Once::new(),
            known: Mutex::default(),
        }
    }

    /// The same by many passes.
    pub fn at_length(self) -> Self {
        Self { passes: FULL_PASSES, ..self }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Architecture, f64>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What measured figures depend on besides architecture and weights: they do not compare where any of it differs.
pub(super) fn conditions(workspace: &Workspace) -> String {
    format!(
        "{} with {} threads, {} tokens, beam {}, {PASSES} passes",
        workspace.device_name,
        rayon::current_num_threads(),
        workspace.config.cost.sentence_length,
        workspace.config.translate.beam
    )
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
            let time = |passes: usize| measure(&model, self.sentence_length, self.beam, passes).total_ms();
            self.warm_up.call_once(|| {
                time(WARM_UP);
            });
            let latency = time(self.passes);
            drop(alone);
            self.known().insert(architecture.clone(), latency);
            latency
        })
    }
}
