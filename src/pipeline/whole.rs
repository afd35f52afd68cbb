//! `automoe run`: all phases, and the table of what was found.

use super::beforehand::check_all;
use super::earlier::Earlier;
use super::search::{EarlierTrials, check_measured, search};
use super::test::{load_translator, test};
use super::training::{train_architecture, train_supernet};
use super::weights_hash::hash_tested;
use super::workspace::Workspace;
use crate::config::Config;
use crate::cost::{Basis, CostSummary};
use crate::error::{Error, Result};
use crate::latency::{Effort, measure};
use crate::report::{Results, TestedModel};
use crate::run::atomic::put_aside;
use crate::search::{Pick, Trial};
use crate::space::Architecture;
use crate::train::trained_architecture;
use std::path::Path;
use std::time::Duration;

/// The measurement of each model's latency.
const LATENCY: Effort = Effort { passes: 50, precision: 0.0, time: Duration::from_secs(5) };

/// Runs every phase that is not finished and returns the results. Of what the search finds, the first `top` are trained, see
/// [`search`]; fewer where it finds fewer.
///
/// # Errors
/// Those of the phases.
pub fn run(workspace: &Workspace, top: usize) -> Result<Results> {
    let is_given = !workspace.config.data.test_reference.as_os_str().is_empty();
    let given_references = if is_given { workspace.prepared.test_references.as_slice() } else { &[] };
    let settings = fingerprint(&workspace.config, &workspace.device_name, given_references)?;
    let mut earlier = Earlier::read(workspace, &settings)?;
    let last = name_of(top - 1);
    if let Some(results) = earlier.whole(|results| results.rows.iter().any(|row| row.name == last)) {
        return Ok(results);
    }
    if workspace.prepared.test.is_empty() {
        let message = "names no text, and automoe run tests its models: set it (what is trained stays)";
        return Err(Error::input(message).at("data.test"));
    }
    check_all(workspace)?;
    check_measured(workspace)?;
    train_supernet(workspace)?;
    let supernet = workspace.run.supernet();
    let found = search(workspace, &supernet, EarlierTrials::PutAsideIfStale, &[], Pick::Knee)?;
    let largest = workspace.space.supernet();
    let mut models = vec![("supernet".to_owned(), workspace.space.largest(), supernet)];
    for (place, Trial { architecture, .. }) in found.into_iter().take(top).enumerate() {
        let name = name_of(place);
        let folder = workspace.run.model(&name)?;
        set_aside_other(&folder, &architecture)?;
        train_architecture(workspace, &name, &architecture, &largest, None)?;
        models.push((name, architecture, folder));
    }
    if let Some(baseline) = workspace.config.baseline.architecture() {
        set_aside_other(&workspace.run.model("baseline")?, &baseline)?;
        train_architecture(workspace, "baseline", &baseline, &baseline, None)?;
        models.push(("baseline".to_owned(), baseline, workspace.run.model("baseline")?));
    }
    let rows = models.into_iter().map(|(name, architecture, folder)| {
        let name = name.as_str();
        let weights = hash_tested(&folder, workspace.config.translate.average_checkpoints)?;
        match earlier.row(name, weights.as_ref()) {
            Some(row) => Ok(row.clone()),
            None => row(workspace, name, architecture, &folder, weights),
        }
    });
    let joined_references = workspace.prepared.has_joined_references;
    let data = Some(workspace.prepared.fingerprints.whole.clone());
    let results = Results { settings, data, joined_references, rows: rows.collect::<Result<_>>()? };
    workspace.run.keep_settings(false)?;
    results.write(&workspace.run.results())?;
    Ok(results)
}

/// The model of the architecture that the search put in this place, the first being 0.
fn name_of(place: usize) -> String {
    if place == 0 { "winner".to_owned() } else { format!("winner-{}", place + 1) }
}

/// Of all that the results depend on; `given_references` are those of `data.test_reference`, which is no part of the data.
fn fingerprint(config: &Config, device_name: &str, given_references: &[String]) -> Result<String> {
    // What ranks, adapts and finetunes is none of its phases.
    let (rank, adapt, finetune) = Default::default();
    let config = Config { rank, adapt, finetune, ..config.clone() };
    let settings = format!("{}\ndevice = {device_name}", config.fingerprinted()?);
    let mut hasher = blake3::Hasher::new();
    hasher.update(settings.as_bytes());
    if config.search.predicts_latency() {
        let path = &config.search.latency_profile;
        hasher.update(&std::fs::read(path).map_err(|error| Error::input(error).at(path.display()))?);
    }
    for reference in given_references {
        hasher.update(blake3::hash(reference.as_bytes()).as_bytes());
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Gives the model in `folder` another name, NAME.1 or the next that is free, where it has another architecture: that of an
/// earlier search, or one of the user's.
fn set_aside_other(folder: &Path, architecture: &Architecture) -> Result<()> {
    match trained_architecture(folder) {
        Some(other) if other != *architecture => {
            let aside = put_aside(folder)?;
            tracing::info!("{}: a model of another architecture, now {}", folder.display(), aside.display());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Tests the model `name` with the checkpoint in `folder`, whose hash is `weights`.
fn row(
    workspace: &Workspace,
    name: &str,
    architecture: Architecture,
    folder: &Path,
    weights: Option<String>,
) -> Result<TestedModel> {
    let config = &workspace.config;
    let translator = load_translator(folder, Some(&architecture), config, &workspace.device)?;
    let scores = test(workspace, name, &translator)?;
    let prepared = &workspace.prepared;
    let basis = Basis::of(config, [prepared.source_vocab(), prepared.target_vocab()])?;
    let cost = CostSummary::new(&architecture, &basis);
    let checkpoint = folder.strip_prefix(workspace.run.root()).unwrap_or(Path::new(name));
    let latency =
        measure(&translator.model, config.cost.sentence_length, config.translate.beam, LATENCY, &|| {}).latency();
    Ok(TestedModel {
        name: name.to_owned(),
        checkpoint: Some(checkpoint.display().to_string()),
        weights,
        architecture: Some(architecture),
        bleu: Some(scores.bleu),
        chrf: Some(scores.chrf),
        gflops: Some(cost.gflops),
        parameters: Some(cost.parameters.total.into()),
        active_parameters: Some(cost.parameters.active.into()),
        sparsity: Some(cost.sparsity),
        latency: Some(latency),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Settings;

    /// What version 0.1.0 noted down for the toy config: its results are taken for these, and its run goes on.
    #[test]
    fn a_config_of_version_0_1_has_the_fingerprints_that_it_noted_down() {
        let mut config = Config::load("toy").unwrap();
        let noted = "1a23b546ec59da539239ca3e80f09d87411d34b285d063f1058cd3ca2b6411d0";
        assert_eq!(fingerprint(&config, "cpu", &[]).unwrap(), noted);
        let settings = Settings::parse(&config.to_toml().unwrap()).unwrap();
        assert_eq!(settings.fingerprint(), "07d8ee82f22b8fa880a54405fe77e9c2a6bac1930bbbda46d57557382f2589ef");
        config.rank.samples += 1;
        config.adapt.rank += 1;
        config.finetune = toml::from_str("lr = 0.5").unwrap();
        assert_eq!(fingerprint(&config, "cpu", &[]).unwrap(), noted);
        config.search.limits["kv_cache_mb"] = 2.0;
        assert_ne!(fingerprint(&config, "cpu", &[]).unwrap(), noted);
    }
}
