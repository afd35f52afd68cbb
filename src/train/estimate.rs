//! What a training run will cost, told before it starts.

use super::job::Job;
use super::update::Trainer;
use crate::error::Result;
use crate::model::weights::elements;
use crate::pool::in_pool;
use crate::run::memory::peak_memory_bytes;
use crate::space::Architecture;
use crate::text::Batch;
use std::time::{Duration, Instant};

/// Runs shorter than this are not worth an estimate.
const FEW_UPDATES: usize = 20;

/// Logs one line: updates, tokens, estimated time, memory, disk. The time is measured on `samples`, the architectures and
/// a batch of an update each, the first of which only warms up.
pub(super) fn announce(
    job: &Job,
    trainer: &Trainer,
    remaining: usize,
    samples: &[(Vec<Architecture>, Batch)],
) -> Result<()> {
    if remaining < FEW_UPDATES || samples.len() < 2 {
        return Ok(());
    }
    let (mut spent, mut tokens, mut timed) = (Duration::ZERO, 0, 0);
    for (index, (architectures, batch)) in samples.iter().enumerate() {
        let start = Instant::now();
        in_pool(|| trainer.gradients(architectures, std::slice::from_ref(batch), 0))?;
        if index > 0 {
            spent += start.elapsed();
            tokens += batch.target_tokens;
            timed += 1;
        }
    }
    let updates = (remaining * job.config.update_freq) as f64 / f64::from(timed.max(1));
    let seconds = spent.as_secs_f64() * updates / job.world.size() as f64;
    let parameters = elements(&trainer.supernet.parameters());
    // Frozen parameters have no moments.
    let trained = elements(&trainer.supernet.parts(&trainer.supernet.config.architecture));
    let kept = if job.config.checkpoint_every > 0 { job.config.keep_checkpoints } else { 0 };
    let disk = (4 * (parameters * (1 + 1 + kept) + 2 * trained)) as f64;
    // Moments come with the first updates.
    let memory = peak_memory_bytes().map(|bytes| bytes as f64 + (8 * trained) as f64);
    tracing::info!(
        "training {}: {remaining} updates, about {:.1} M target tokens, {}; {:.1} M parameters, {} of memory, {:.0} MB of disk",
        job.name,
        tokens as f64 * updates / 1e6,
        minutes(seconds),
        parameters as f64 / 1e6,
        memory.map_or("unknown".to_owned(), |bytes| format!("{:.1} GB", bytes / 1e9)),
        disk / 1e6,
    );
    Ok(())
}

fn minutes(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("about {s:.0} s"),
        s if s < 5400.0 => format!("about {:.0} min", s / 60.0),
        s => format!("about {:.1} h", s / 3600.0),
    }
}
