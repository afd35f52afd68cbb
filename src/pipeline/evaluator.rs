//! The search's evaluator: validation loss with the supernet's shared weights, and latency.

use super::latency::{MeasuredLatency, Quiet};
use super::losses::{Asked, Losses};
use super::orders::{Order, give};
use super::seats::Seats;
use super::workspace::Workspace;
use crate::error::{Error, Result};
use crate::model::Supernet;
use crate::search::{Evaluation, Evaluator};
use crate::space::Architecture;
use crate::train::share_supernet;
use std::ops::Range;
use std::sync::Arc;

/// The evaluator of a search: losses, found by all processes of a job, and latency, which rank 0 measures.
pub(super) struct SupernetEvaluator<'a> {
    losses: Losses,
    seats: Seats<'a>,
    /// What losses follow from besides the architecture.
    conditions: String,
    /// Latency, where that is limited and measured.
    pub latency: MeasuredLatency,
    /// Keeps evaluations out of measurements of latency.
    quiet: Quiet,
}

impl<'a> SupernetEvaluator<'a> {
    /// Of the workspace's search, with subnets of `supernet` and a latency that evaluations keep quiet for; the other processes of
    /// the job take part until it is dropped.
    ///
    /// # Errors
    /// Validation pairs that are longer than the search's batches.
    pub fn new(
        workspace: &'a Workspace,
        supernet: &Arc<Supernet>,
        (latency, quiet): (MeasuredLatency, Quiet),
        conditions: String,
    ) -> Result<Self> {
        let Workspace { config, prepared, device, world, .. } = workspace;
        let losses = Losses::new(config, &prepared.valid, supernet, device)?;
        give(*world, &Order::Search(config.run_dir.clone()))?;
        share_supernet(*world, supernet)?;
        Ok(Self { losses, seats: Seats::new(*world, config.search.workers()), conditions, latency, quiet })
    }
}

impl Evaluator for SupernetEvaluator<'_> {
    fn evaluate(&self, architecture: &Architecture) -> Result<Evaluation> {
        let _busy = self.quiet.busy();
        let asked = Asked { architecture: architecture.clone(), parts: None };
        let found = self.seats.evaluate(&self.losses, &asked)?;
        found.into_iter().next().ok_or_else(|| Error::failure("an evaluation without a result"))
    }

    fn evaluate_parts(&self, architecture: &Architecture, parts: Range<usize>) -> Result<Vec<Evaluation>> {
        let _busy = self.quiet.busy();
        self.seats.evaluate(&self.losses, &Asked { architecture: architecture.clone(), parts: Some(parts) })
    }

    fn at_a_time(&self, _: usize) -> usize {
        self.seats.count()
    }

    fn conditions(&self) -> String {
        self.conditions.clone()
    }

    fn measure(&self, architecture: &Architecture) -> Result<f64> {
        self.latency.of(architecture)
    }
}
