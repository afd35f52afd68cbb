//! What config and the lengths of sentences tell of a phase before it is begun: whatever it cannot be done with is found out
//! before hours were spent on it, or on the phases before it.

use super::lengths::{Limit, test_fault, training_fault, validation_fault};
use super::workspace::Workspace;
use crate::error::{Result, refuse};

/// Refuses what the SuperNet cannot be trained with.
///
/// # Errors
/// Pairs that fit into no batch.
pub(super) fn check_supernet(workspace: &Workspace) -> Result<()> {
    refuse(&supernet_faults(workspace))
}

/// Refuses what no architecture can be trained with, from scratch or, where it `inherits`, from a SuperNet's weights.
///
/// # Errors
/// As [`check_supernet`].
pub(super) fn check_architecture(workspace: &Workspace, inherits: bool) -> Result<()> {
    match inherits {
        true => refuse(&training_faults(workspace, &Limit::of_finetuning(&workspace.config)?)),
        false => refuse(&architecture_faults(workspace)?),
    }
}

/// Refuses what the search cannot be done with.
///
/// # Errors
/// Pairs that fit into no batch.
pub(super) fn check_search(workspace: &Workspace) -> Result<()> {
    refuse(&search_faults(workspace))
}

/// Refuses what one of all phases cannot be done with.
///
/// # Errors
/// All faults, each once.
pub(super) fn check_all(workspace: &Workspace) -> Result<()> {
    let mut faults = supernet_faults(workspace);
    let others = [architecture_faults(workspace)?, search_faults(workspace)].concat();
    let others = others.into_iter().chain(test_fault(&workspace.config, &workspace.prepared));
    for fault in others {
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    refuse(&faults)
}

fn supernet_faults(workspace: &Workspace) -> Vec<String> {
    training_faults(workspace, &Limit::of_supernet(&workspace.config))
}

fn architecture_faults(workspace: &Workspace) -> Result<Vec<String>> {
    Ok(training_faults(workspace, &Limit::of_architecture(&workspace.config)?))
}

/// What is wrong with a training with batches of `limit`.
fn training_faults(workspace: &Workspace, limit: &Limit) -> Vec<String> {
    let Workspace { config, prepared, .. } = workspace;
    let faults = [training_fault(prepared, limit), validation_fault(config, prepared, limit)];
    faults.into_iter().flatten().collect()
}

fn search_faults(workspace: &Workspace) -> Vec<String> {
    let config = &workspace.config;
    validation_fault(config, &workspace.prepared, &Limit::of_search(config)).into_iter().collect()
}
