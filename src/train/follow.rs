//! A training as the other processes of a job take part in it: what rank 0 has begun goes on here, without any files.

use super::checkpoint::restore;
use super::job::Job;
use super::session::Session;
use super::share::share;
use super::update::Trainer;
use crate::error::Result;
use crate::model::TransformerConfig;
use burn::tensor::Device;
use std::path::Path;

/// Takes part in the training `job` of weights of `shape`, which [`train`](super::train) has begun at rank 0.
///
/// # Errors
/// As [`train`](super::train); weights that differ from another process's.
pub fn follow(job: &Job, shape: &TransformerConfig, device: &Device) -> Result<()> {
    let checkpoint = share(job.world, None)?;
    let restored = restore(checkpoint, Path::new("rank 0"), shape, &job.sharing, device, job.data)?;
    let mut trainer = Trainer::resumed(restored.supernet, restored.adam, job.config, job.seed);
    trainer.loss_scale = restored.loss_scale;
    Session::new(job, trainer, restored.position, None)?.run()
}
