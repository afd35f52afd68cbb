//! What rank 0 has the other processes of a job do.

use crate::config::TrainConfig;
use crate::error::{Error, Result};
use crate::model::TransformerConfig;
use crate::model::weights::Rule;
use crate::space::Architecture;
use crate::train::{Job, Sampler};
use crate::world::World;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The channel of orders.
const ORDERS: u16 = 0;

/// One of them. Runs are told apart by their directories, which rank 0 alone has.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// Prepare the data of a run with these settings, as TOML.
    Open(String),
    /// Take part in a training.
    Train(Box<Training>),
    /// Evaluate the candidates of the search of this run.
    Search(PathBuf),
    /// There is no more to do.
    End,
}

/// A training, as the others need to know it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Training {
    pub run: PathBuf,
    pub name: String,
    pub section: String,
    pub config: TrainConfig,
    pub seed: u64,
    /// What alone is trained; none where subnets of the run's space are.
    pub alone: Option<Architecture>,
    pub rule: Rule,
    pub shape: TransformerConfig,
    pub validated: Vec<(String, Architecture)>,
    pub data: String,
}

impl Training {
    /// `job`, in the run at `run`, of weights of `shape`.
    pub fn of(run: &Path, job: &Job, shape: &TransformerConfig) -> Self {
        Self {
            run: run.to_owned(),
            name: job.name.to_owned(),
            section: job.section.to_owned(),
            config: job.config.clone(),
            seed: job.seed,
            alone: match &job.sampler {
                Sampler::Fixed(architecture) => Some(architecture.clone()),
                Sampler::Uniform(_) | Sampler::Sandwich(..) => None,
            },
            rule: job.sharing.rule(),
            shape: shape.clone(),
            validated: job.validated.clone(),
            data: job.data.to_owned(),
        }
    }
}

/// Gives `order` to all others of `world`.
///
/// # Errors
/// None: every order has a form in JSON.
pub(super) fn give(world: &dyn World, order: &Order) -> Result<()> {
    let order = serde_json::to_vec(order).map_err(Error::failure)?;
    (1..world.size()).for_each(|to| world.send(to, ORDERS, &order));
    Ok(())
}

/// The next order of rank 0.
///
/// # Errors
/// None between processes of one version.
pub(super) fn next(world: &dyn World) -> Result<Order> {
    serde_json::from_slice(&world.receive(0, ORDERS)).map_err(|error| Error::failure(error).at("an order of rank 0"))
}

/// Sends all others of `world` home.
///
/// # Errors
/// None between processes of one version.
pub fn dismiss(world: &dyn World) -> Result<()> {
    give(world, &Order::End)
}
