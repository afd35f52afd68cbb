//! `automoe run`: all phases, and the table of what was found.

use super::beforehand::check_all;
use super::beside::Beside;
use super::comparison::{compare, readings};
use super::earlier::Earlier;
use super::hypotheses::{keep, kept};
use super::ladder::Ladder;
use super::model::{Model, trained};
use super::search::{EarlierTrials, check_measured, search};
use super::test::{test, tested_weights, translator_of, validation_bleu, validation_loss, validation_of};
use super::training::train_supernet;
use super::weights_hash::hash_tested;
use super::workspace::Workspace;
use crate::config::{ByHand, CompareKind, Config};
use crate::cost::{Basis, CostSummary};
use crate::error::{Error, Result};
use crate::interrupt::Interruptible;
use crate::latency::{Effort, measure};
use crate::model::TransformerConfig;
use crate::report::{Results, TestedModel, WINNER};
use crate::run::{Made, Request};
use crate::search::Pick;
use crate::train::{Validation, spent};
use std::path::Path;
use std::time::Duration;

/// The measurement of each model's latency.
const LATENCY: Effort = Effort { passes: 50, precision: 0.0, time: Duration::from_secs(5) };

/// What `automoe run` is asked for beside its config.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Of what the search finds, so many are trained; fewer where it finds fewer.
    pub top: usize,
    /// Limits that all searches are done under as well.
    pub ladder: Option<Ladder>,
    /// Seeds that all is done with.
    pub seeds: u64,
}

impl Asked {
    /// Notes it down in the run of `workspace`.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn note(&self, workspace: &Workspace, done: bool) -> Result<()> {
        let request = Request {
            device: workspace.device_name.clone(),
            top: self.top,
            seeds: self.seeds,
            ladder: self.ladder.as_ref().map(ToString::to_string),
            done,
        };
        request.write(&workspace.run.request())
    }
}

/// Runs every phase that is not finished, with the config's seed, and returns the results: the winner of the search, and what it is
/// compared with.
///
/// # Errors
/// Those of the phases.
pub fn run(workspace: &Workspace, asked: &Asked) -> Result<Results> {
    let is_given = !workspace.config.data.test_reference.as_os_str().is_empty();
    let given_references = if is_given { workspace.prepared.test_references.as_slice() } else { &[] };
    let settings = fingerprint(&workspace.config, &workspace.device_name, given_references)?;
    let beside = Beside::all(&workspace.config, asked.ladder.as_ref());
    let further = fingerprint_of_further(&workspace.config, asked.ladder.as_ref())?;
    let wanted = names(&workspace.config, asked.top, &beside);
    let mut earlier = Earlier::read(workspace, &settings)?;
    let has = |results: &Results, name: &String| results.rows.iter().any(|row| row.name == *name);
    if let Some(results) = earlier.whole(|results| {
        let is_done = !results.unfinished && results.asked == further;
        is_done
            && results.rows.iter().all(|row| is_measured(row, further.as_deref()))
            && wanted.iter().all(|name| has(results, name))
    }) {
        asked.note(workspace, asked.seeds == 1)?;
        return Ok(results);
    }
    if workspace.prepared.test.is_empty() {
        let message = "names no text, and automoe run tests its models: set it (what is trained stays)";
        return Err(Error::input(message).at("data.test"));
    }
    check_all(workspace)?;
    check_measured(workspace)?;
    beside.iter().try_for_each(|search| search.check(workspace))?;
    let asked_before = Request::read(&workspace.run.request())?;
    asked.note(workspace, false)?;
    let data = Some(workspace.prepared.fingerprints.whole.clone());
    let joined_references = workspace.prepared.has_joined_references;
    let (rows, readings) = Default::default();
    let results = Results { settings, data, joined_references, asked: further, unfinished: true, rows, readings };
    let results =
        models(workspace, asked.top, &beside).and_then(|models| tested(workspace, &models, &earlier, results));
    if let (Err(Error::Input(_)), Some(before)) = (&results, asked_before) {
        // What was refused is not what the run was asked for.
        before.write(&workspace.run.request())?;
    }
    let results = results?;
    asked.note(workspace, asked.seeds == 1)?;
    Ok(results)
}

/// The rows that there are in the end, but that of the SuperNet.
fn names(config: &Config, top: usize, beside: &[Beside]) -> Vec<String> {
    let by_hand = config.by_hand().into_iter().map(|model| model.name);
    (0..top).map(winner).chain(by_hand).chain(beside.iter().flat_map(Beside::names)).collect()
}

/// The model of the architecture that the search put in this place, the first being 0.
fn winner(place: usize) -> String {
    if place == 0 { WINNER.to_owned() } else { format!("{WINNER}-{}", place + 1) }
}

/// Trains what is not trained yet.
fn models(workspace: &Workspace, top: usize, beside: &[Beside]) -> Result<Vec<Model>> {
    train_supernet(workspace)?;
    let supernet = workspace.run.supernet();
    let found = search(workspace, &supernet, EarlierTrials::PutAsideIfStale, &[], Pick::Knee)?;
    let largest = workspace.space.largest();
    let mut models = vec![Model {
        group: "supernet".into(),
        rung: None,
        kind: None,
        architecture: largest.clone(),
        folder: supernet,
    }];
    let mut train = |group: String, kind: Option<CompareKind>, shape: TransformerConfig| {
        let folder = trained(workspace, &group, &shape)?;
        models.push(Model { group, rung: None, kind, architecture: shape.architecture, folder });
        Ok::<(), Error>(())
    };
    if found.len() < top {
        tracing::info!("--top {top}: the search found {}; all of them are trained", found.len());
    }
    for (place, trial) in found.into_iter().take(top).enumerate() {
        train(winner(place), None, workspace.transformer_config(trial.architecture, &largest))?;
    }
    for ByHand { name, kind, architecture, qkv_dim } in workspace.config.by_hand() {
        let shape = workspace.transformer_config(architecture.clone(), &architecture);
        train(name, Some(kind), TransformerConfig { qkv_dim, ..shape })?;
    }
    for search in beside {
        models.extend(search.models(workspace)?);
    }
    Ok(models)
}

/// Tests `models` where `earlier` has no rows of them, and puts the rows into `results`, which are written after each.
fn tested(workspace: &Workspace, models: &[Model], earlier: &Earlier, mut results: Results) -> Result<Results> {
    let validation = validation_of(workspace)?;
    let interruptible = Interruptible::begin();
    for (done, model) in models.iter().enumerate() {
        if interruptible.was_interrupted() {
            return Err(Error::Interrupted(format!(
                "testing: interrupted; {done} of {} models are tested, and the same command goes on from there",
                models.len()
            )));
        }
        let name = model.name();
        let weights = hash_tested(&model.folder, workspace.config.translate.average_checkpoints)?;
        // Rows of earlier versions lack hypotheses or BLEU on the validation set, and are tested again only where something is compared.
        let is_whole = |row: &&TestedModel| {
            let kept = row.hypotheses.as_ref().map(|hash| kept(&workspace.run, &name, hash).is_some());
            kept.unwrap_or(results.asked.is_none()) && is_measured(row, results.asked.as_deref())
        };
        if let Some(row) = earlier.row(&name, weights.as_ref()).filter(is_whole) {
            results.rows.push(row.clone());
            continue;
        }
        tracing::info!("testing {name}");
        results.rows.push(row(workspace, &validation, &name, model, weights)?);
        workspace.run.keep_settings(Made::Other)?;
        let others = earlier.rows().filter(|other| results.rows.iter().all(|row| row.name != other.name));
        let rows = results.rows.iter().chain(others).cloned().collect();
        Results { rows, ..results.clone() }.write(&workspace.run.results())?;
    }
    compare(workspace, models, &mut results.rows)?;
    results.readings = readings(models, &results.rows);
    results.unfinished = false;
    workspace.run.keep_settings(Made::Other)?;
    results.write(&workspace.run.results())?;
    Ok(results)
}

/// Whether `row` has what is asked for: what is compared is so by BLEU on the validation set, too, which earlier versions did not
/// measure.
fn is_measured(row: &TestedModel, asked: Option<&str>) -> bool {
    asked.is_none() || row.validation_bleu.is_some()
}

/// Of the rows of `[[compare]]` and the limits that are asked for; none where there are none. What a row says depends on its model
/// alone, so that rows stay where others come in.
fn fingerprint_of_further(config: &Config, ladder: Option<&Ladder>) -> Result<Option<String>> {
    if config.compare.is_empty() && ladder.is_none() {
        return Ok(None);
    }
    let rows = serde_json::to_string(&config.compare).map_err(Error::failure)?;
    let rungs: Vec<String> = ladder.iter().flat_map(|ladder| ladder.rungs()).map(|rung| rung.to_string()).collect();
    Ok(Some(blake3::hash(format!("{rows} {}", rungs.join(",")).as_bytes()).to_hex().to_string()))
}

/// Of all that the results depend on; `given_references` are those of `data.test_reference`, which is no part of the data.
fn fingerprint(config: &Config, device_name: &str, given_references: &[String]) -> Result<String> {
    // What ranks, adapts and finetunes is none of its phases, a report changes none, and what is compared no matter of the other
    // rows.
    let (rank, adapt, finetune, compare, report) = Default::default();
    let config = Config { rank, adapt, finetune, compare, report, ..config.clone() };
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

/// Tests `model`, whose weights have the hash `weights`, for the row `name`.
fn row(
    workspace: &Workspace,
    validation: &Validation,
    name: &str,
    model: &Model,
    weights: Option<String>,
) -> Result<TestedModel> {
    let Model { architecture, folder, .. } = model;
    let config = &workspace.config;
    let tested = tested_weights(folder, config, &workspace.device)?.subnet(architecture);
    let tested = tested.map_err(|error| error.at(folder.display()))?;
    let validation_loss = validation_loss(validation, &tested);
    let translator = translator_of(workspace, tested)?;
    let validation_bleu = validation_bleu(workspace, name, &translator)?;
    let scores = test(workspace, name, &translator)?;
    let prepared = &workspace.prepared;
    let mut basis = Basis::of(config, [prepared.source_vocab(), prepared.target_vocab()])?;
    let qkv_dim = translator.model.config().qkv_dim;
    basis.dimensions.qkv_dim = qkv_dim;
    let cost = CostSummary::new(architecture, &basis);
    let checkpoint = folder.strip_prefix(workspace.run.root()).unwrap_or(Path::new(name));
    let latency =
        measure(&translator.model, config.cost.sentence_length, config.translate.beam, LATENCY, &|| {}).latency();
    Ok(TestedModel {
        name: name.to_owned(),
        checkpoint: Some(checkpoint.display().to_string()),
        weights,
        architecture: Some(architecture.clone()),
        qkv_dim: Some(qkv_dim),
        bleu: Some(scores.bleu),
        chrf: Some(scores.chrf),
        gflops: Some(cost.gflops),
        parameters: Some(cost.parameters.total.into()),
        active_parameters: Some(cost.parameters.active.into()),
        sparsity: Some(cost.sparsity),
        latency: Some(latency),
        validation_loss,
        validation_bleu: Some(validation_bleu),
        training: spent(folder),
        hypotheses: Some(keep(&workspace.run, name, &scores.hypotheses)?),
        compared: Vec::new(),
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
        config.compare = vec![toml::from_str("kind = \"dense-search\"").unwrap()];
        assert_eq!(fingerprint(&config, "cpu", &[]).unwrap(), noted);
        config.search.limits["kv_cache_mb"] = 2.0;
        assert_ne!(fingerprint(&config, "cpu", &[]).unwrap(), noted);
    }
}
