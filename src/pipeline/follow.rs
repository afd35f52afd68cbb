//! What the other processes of a job do: what rank 0 orders. They have the data and a device of their own, and no files of a run.

use super::losses::Losses;
use super::orders::{Order, Training, next};
use super::seats::serve;
use super::workspace::prepared;
use crate::config::Config;
use crate::device;
use crate::error::{Error, Result};
use crate::model::weights::rules::made;
use crate::space::Space;
use crate::text::Prepared;
use crate::train::{Job, Sampler, follow as follow_training, shared_supernet};
use crate::world::{World, agree};
use burn::tensor::Device;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A run that rank 0 has opened.
struct Opened {
    config: Config,
    space: Space,
    prepared: Prepared,
}

/// Does what rank 0 of `world` orders, on the device of that name, until there is no more to do.
///
/// # Errors
/// Unusable data or device, or other data than rank 0's; those of trainings.
pub fn follow(world: &dyn World, device_name: &str) -> Result<()> {
    let device = device::parse(device_name);
    let mut opened: Vec<Opened> = Vec::new();
    loop {
        match next(world)? {
            Order::Open(settings) => {
                let run = device.clone().and_then(|_| Opened::new(&settings));
                let run = agree(world, "data set", run, |run| run.prepared.fingerprints.whole.clone())?;
                // Runs beside others lie below them.
                opened.retain(|outer| run.config.run_dir.starts_with(&outer.config.run_dir));
                opened.push(run);
            }
            Order::Train(training) => train(world, of(&opened, &training.run)?, &training, device.as_ref())?,
            Order::Search(run) => evaluate(world, of(&opened, &run)?, device.as_ref())?,
            Order::End => return Ok(()),
        }
    }
}

/// The run at `run`.
fn of<'a>(opened: &'a [Opened], run: &PathBuf) -> Result<&'a Opened> {
    let found = opened.iter().find(|opened| opened.config.run_dir == *run);
    found.ok_or_else(|| Error::failure("rank 0 has not opened this run").at(run.display()))
}

impl Opened {
    fn new(settings: &str) -> Result<Self> {
        let config = Config::from_toml(settings)?;
        Ok(Self { space: config.space()?, prepared: prepared(&config)?, config })
    }
}

/// Takes part in `training`.
fn train(world: &dyn World, run: &Opened, training: &Training, device: Result<&Device, &Error>) -> Result<()> {
    let job = Job {
        name: &training.name,
        section: &training.section,
        folder: Path::new(""),
        config: &training.config,
        seed: training.seed,
        sampler: match &training.alone {
            Some(architecture) => Sampler::Fixed(architecture.clone()),
            None => Sampler::of(&training.config, &run.space),
        },
        sharing: made(&training.rule)?,
        validated: training.validated.clone(),
        train: &run.prepared.train,
        valid: &run.prepared.valid,
        data: &training.data,
        tensorboard: false,
        begins: Box::new(|_, _| Ok(())),
        world,
    };
    follow_training(&job, &training.shape, device.map_err(Error::clone)?)
}

/// Evaluates candidates of the search of `run` for rank 0.
fn evaluate(world: &dyn World, run: &Opened, device: Result<&Device, &Error>) -> Result<()> {
    let device = device.map_err(Error::clone)?;
    let supernet = Arc::new(shared_supernet(world, device)?);
    let losses = Losses::new(&run.config, &run.prepared.valid, &supernet, device)?;
    serve(world, &losses, run.config.search.workers());
    Ok(())
}
