//! Weights that rank 0 has, given to all processes of a job.

use super::checkpoint::{supernet, tensor, values};
use crate::error::{Error, Result};
use crate::model::weights::Rule;
use crate::model::weights::rules::made;
use crate::model::{Supernet, TransformerConfig};
use crate::run::{Checkpoint, NamedTensor};
use crate::world::{World, first};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a checkpoint is but its numbers.
#[derive(Serialize, Deserialize)]
struct Head {
    state: Value,
    tensors: Vec<(String, Vec<usize>)>,
}

/// What a SuperNet is but its weights.
#[derive(Serialize, Deserialize)]
struct Shape {
    config: TransformerConfig,
    rule: Rule,
}

/// Rank 0's checkpoint, everywhere; together. The others give none.
///
/// # Errors
/// None between processes of one version.
pub(super) fn share(world: &dyn World, own: Option<Checkpoint>) -> Result<Checkpoint> {
    let head = own.as_ref().map(|Checkpoint { tensors, state }| Head {
        state: state.clone(),
        tensors: tensors.iter().map(|tensor| (tensor.name.clone(), tensor.shape.clone())).collect(),
    });
    let head = serde_json::to_vec(&head).map_err(Error::failure)?;
    let head: Option<Head> = serde_json::from_slice(&first(world, &head)).map_err(Error::failure)?;
    let Head { state, tensors } = head.ok_or_else(|| Error::failure("rank 0 gives no weights"))?;
    let mut own = own.map(|checkpoint| checkpoint.tensors.into_iter());
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let own = own.as_mut().and_then(Iterator::next);
        let mut data = own.map_or_else(|| vec![0.0; shape.iter().product()], |tensor| tensor.data);
        world.broadcast(&mut data);
        NamedTensor { name, shape, data }
    };
    Ok(Checkpoint { tensors: tensors.into_iter().map(tensor).collect(), state })
}

/// Gives `supernet` to the other processes, which call [`shared_supernet`]; together.
///
/// # Errors
/// None between processes of one version.
pub fn share_supernet(world: &dyn World, supernet: &Supernet) -> Result<()> {
    if world.size() == 1 {
        return Ok(());
    }
    let shape = Shape { config: supernet.config.clone(), rule: supernet.sharing.rule() };
    let tensors = supernet.named().into_iter().map(|(name, value)| tensor(name, &value)).collect();
    share(world, Some(Checkpoint { tensors, state: serde_json::to_value(&shape).map_err(Error::failure)? })).map(|_| ())
}

/// The SuperNet that rank 0 gives, on `device`; together.
///
/// # Errors
/// None between processes of one version.
pub fn shared_supernet(world: &dyn World, device: &Device) -> Result<Supernet> {
    let Checkpoint { tensors, state } = share(world, None)?;
    let Shape { config, rule } = serde_json::from_value(state).map_err(Error::failure)?;
    supernet(config, &made(&rule)?, &values(tensors, device), device)
}
