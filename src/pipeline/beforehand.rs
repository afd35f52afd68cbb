//! What config and the lengths of sentences tell of a phase before it is begun: whatever it cannot be done with is found out
//! before hours were spent on it, or on the phases before it.

use super::lengths::{Limit, test_fault, training_fault, validation_fault};
use super::workspace::Workspace;
use crate::config::{Config, TrainConfig};
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
    refuse(&architecture_faults(workspace, inherits)?)
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
    let others = [architecture_faults(workspace, false)?, search_faults(workspace)].concat();
    let others = others.into_iter().chain(test_fault(&workspace.config, &workspace.prepared));
    for fault in others {
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    refuse(&faults)
}

fn supernet_faults(workspace: &Workspace) -> Vec<String> {
    let config = &workspace.config;
    let dealt = dealing_fault(["train"; 2], &config.train, workspace.world.size());
    training_faults(workspace, &Limit::of_supernet(config)).into_iter().chain(dealt).collect()
}

fn architecture_faults(workspace: &Workspace, inherits: bool) -> Result<Vec<String>> {
    let Config { train, train_architecture, finetune, .. } = &workspace.config;
    let (mut settings, mut limit) = (train.with(train_architecture)?, Limit::of_architecture(&workspace.config)?);
    if inherits {
        (settings, limit) = (settings.with(finetune)?, Limit::of_finetuning(&workspace.config)?);
    }
    let sections = ["update_freq", "max_tokens"].map(|key| match () {
        () if inherits && finetune.has(key) => "finetune",
        () if train_architecture.has(key) => "train_architecture",
        () => "train",
    });
    let dealt = dealing_fault(sections, &settings, workspace.world.size());
    Ok(training_faults(workspace, &limit).into_iter().chain(dealt).collect())
}

/// What is wrong where the micro-batches of an update by `config` cannot be dealt to `ranks`. `update_freq` and `max_tokens` are from
/// these sections.
pub(super) fn dealing_fault([freq, tokens_of]: [&str; 2], config: &TrainConfig, ranks: usize) -> Option<String> {
    let &TrainConfig { update_freq, max_tokens, .. } = config;
    (!update_freq.is_multiple_of(ranks)).then(|| {
        let more = update_freq.next_multiple_of(ranks);
        let tokens = max_tokens.saturating_mul(update_freq).div_ceil(more);
        format!(
            "{freq}.update_freq = {update_freq} micro-batches cannot be dealt to {ranks} ranks: --set {freq}.update_freq={more} --set \
             {tokens_of}.max_tokens={tokens} keeps an update's size"
        )
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn micro_batches_that_ranks_cannot_share_are_refused_with_what_they_can() {
        let of = |update_freq, ranks| {
            dealing_fault(["train"; 2], &TrainConfig { update_freq, max_tokens: 1000, ..TrainConfig::default() }, ranks)
        };
        assert_eq!([of(1, 1), of(4, 2), of(4, 4), of(6, 3)], [None, None, None, None]);
        let told = "train.update_freq = 3 micro-batches cannot be dealt to 2 ranks: --set train.update_freq=4 --set \
                    train.max_tokens=750 keeps an update's size";
        assert_eq!(of(3, 2).as_deref(), Some(told));
        assert!(
            of(4, 8).unwrap().ends_with("--set train.update_freq=8 --set train.max_tokens=500 keeps an update's size")
        );
    }
}
