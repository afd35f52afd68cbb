//! `automoe rank`: architectures are trained alone, and their order is compared with that of SuperNets and of sizes.

use super::constraints::counted_costs;
use super::rank_log::{Evaluated, Evaluations, Model, fingerprint_of_translation, name_of_training};
use super::rank_sample::drawn;
use super::search::check_supernet;
use super::test::{tested_weights, translator_of, validation_bleu, validation_loss, validation_of};
use super::training::{Alone, train_alone};
use super::weights_hash::hash_file;
use super::workspace::Workspace;
use crate::checksum;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::model::Transformer;
use crate::rank::{Comparison, Measure, Sample, compare};
use crate::run::atomic;
use crate::run::checkpoints::resolve;
use crate::seed;
use crate::space::Architecture;
use crate::train::{Validation, Weights, load_weights};
use rand::Rng;
use serde::Serialize;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The band of architectures that count as equal in FLOPs, where none is asked for.
const BAND: f64 = 0.05;

/// What [`rank()`] found.
#[derive(Debug, Clone, Serialize)]
pub struct Ranking {
    /// The measures compared.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// The SuperNets, in the order of [`Ranked::supernets`].
    pub checkpoints: Vec<String>,
    /// The fraction that FLOPs of one band are within.
    pub band: f64,
    /// What was trained alone.
    pub architectures: Vec<Ranked>,
}

/// An architecture, trained alone and with the weights of SuperNets.
#[derive(Debug, Clone, Serialize)]
pub struct Ranked {
    /// Its shape.
    pub architecture: Architecture,
    /// FLOPs of a sentence pair without the output projection, in 10⁹.
    pub gflops: f64,
    /// Parameters in millions, all experts, embeddings left out.
    pub parameters: f64,
    /// Trained alone, with each seed.
    pub alone: Vec<Evaluated>,
    /// With each SuperNet's weights.
    pub supernets: Vec<Evaluated>,
}

/// Trains `given`, or as many architectures of the space as the config's `[rank]` asks for, alone, and compares the order of their
/// validation losses with the orders that the SuperNets at `checkpoints`, FLOPs and parameters give them. What an earlier call
/// has trained and evaluated is not done again. The run keeps the comparison.
///
/// # Errors
/// Too few architectures; a checkpoint that is no SuperNet of this data, or that an architecture does not fit into; those of
/// [`train`](crate::train::train), [`Error::Interrupted`] among them.
pub fn rank(workspace: &Workspace, given: Option<Vec<Architecture>>, checkpoints: &[PathBuf]) -> Result<Ranking> {
    let settings = &workspace.config.rank;
    let architectures = match given {
        Some(given) => different(given)?,
        None => drawn(&workspace.config, &workspace.space)?,
    };
    let checkpoints = checkpoints.iter().map(|path| Supernet::check(workspace, path, &architectures));
    let checkpoints = checkpoints.collect::<Result<Vec<_>>>()?;
    let mut judge = Judge::new(workspace)?;
    let mut alone: Vec<Vec<Evaluated>> = vec![Vec::new(); architectures.len()];
    for seed in 0..settings.seeds {
        let trained = if seed == 0 { architectures.len() } else { settings.repeated };
        for (index, (architecture, scores)) in architectures.iter().zip(&mut alone).enumerate().take(trained) {
            let of_seed = if settings.seeds > 1 { format!(" (seed {})", seed + 1) } else { String::new() };
            let name = format!("architecture {} of {}{of_seed}", index + 1, architectures.len());
            scores.push(judge.alone(architecture, seed, &name)?);
        }
    }
    let with_supernets: Vec<Vec<Evaluated>> =
        checkpoints.iter().map(|supernet| judge.supernet(supernet, &architectures)).collect::<Result<_>>()?;
    let costs = counted_costs(&workspace.config)?;
    let cost = |name| costs.get(name).expect("a cost that is counted").clone();
    let [gflops, parameters] = ["gflops", "parameters"].map(cost);
    let rows = architectures.into_iter().zip(alone).enumerate().map(|(place, (architecture, alone))| Ranked {
        gflops: gflops.of(&architecture),
        parameters: parameters.of(&architecture),
        architecture,
        alone,
        supernets: with_supernets.iter().map(|scores| scores[place]).collect(),
    });
    let rows: Vec<Ranked> = rows.collect();
    let names: Vec<String> = checkpoints.into_iter().map(|supernet| supernet.name).collect();
    let band = if settings.band > 0.0 { settings.band } else { BAND };
    let comparison = comparison(&rows, &names, band, workspace.config.seed);
    atomic::write(&workspace.run.ranking(), checksum::to_text(&comparison)?.as_bytes())?;
    Ok(Ranking { comparison, checkpoints: names, band, architectures: rows })
}

/// Compares the measures of `rows`, those of the SuperNets called `names` first.
fn comparison(rows: &[Ranked], names: &[String], band: f64, seed: u64) -> Comparison {
    let sample = |row: &Ranked| {
        let decoder_layers = row.architecture.decoder.layers.len();
        Sample { gflops: row.gflops, decoder_layers, loss: row.alone[0].loss, bleu: row.alone[0].bleu }
    };
    let mut measures: Vec<Measure> = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let scores = rows.iter().map(|row| row.supernets[place]);
        let (losses, bleu) = scores.map(|scores| (scores.loss, scores.bleu)).unzip();
        measures.push(Measure::of_weights(name, losses, bleu));
    }
    measures.push(Measure::of_size("GFLOPs", rows.iter().map(|row| row.gflops)));
    measures.push(Measure::of_size("parameters", rows.iter().map(|row| row.parameters)));
    let seeds = rows.iter().map(|row| row.alone.len()).max().unwrap_or(0);
    let losses_of = |seed: usize| rows.iter().map_while(|row| Some(row.alone.get(seed)?.loss)).collect();
    let repeated: Vec<Vec<f64>> = (1..seeds).map(losses_of).collect();
    compare(&rows.iter().map(sample).collect::<Vec<_>>(), &measures, &repeated, band, seed)
}

/// The architectures `given`, each once.
///
/// # Errors
/// Fewer than two.
fn different(given: Vec<Architecture>) -> Result<Vec<Architecture>> {
    let mut seen = HashSet::new();
    let count = given.len();
    let different: Vec<Architecture> =
        given.into_iter().filter(|architecture| seen.insert(architecture.clipped())).collect();
    if different.len() < count {
        tracing::warn!("{} of {count} architectures are there before; each is ranked once", count - different.len());
    }
    match different.len() {
        0 | 1 => Err(Error::input("an order needs two different architectures or more").at("--archs")),
        _ => Ok(different),
    }
}

/// A SuperNet whose weights are compared.
struct Supernet {
    /// As it was asked for.
    name: String,
    path: PathBuf,
    fingerprint: String,
}

impl Supernet {
    /// Finds out before the trainings whether the checkpoint can be compared.
    fn check(workspace: &Workspace, path: &Path, architectures: &[Architecture]) -> Result<Self> {
        let name = path.display().to_string();
        let path = resolve(path)?;
        let weights = Self::load(workspace, &path)?;
        for architecture in architectures {
            weights.subnet(architecture).map_err(|error| error.at(path.display()))?;
        }
        Ok(Self { fingerprint: hash_file(&path)?, name, path })
    }

    fn load(workspace: &Workspace, path: &Path) -> Result<Weights> {
        let weights = load_weights(path, &workspace.device)?;
        // Whatever its rule of sharing: rules are what is compared.
        workspace.check_data_of(&weights, path)?;
        check_supernet(&weights, &workspace.config).map_err(|error| error.at(path.display()))?;
        Ok(weights)
    }
}

/// Trains and evaluates, where that was not done before.
struct Judge<'a> {
    workspace: &'a Workspace,
    /// The settings with those of the trainings alone under `[train]`.
    config: Config,
    validation: Validation,
    evaluations: Evaluations,
    translation: String,
}

impl<'a> Judge<'a> {
    fn new(workspace: &'a Workspace) -> Result<Self> {
        let config = &workspace.config;
        let train = config.rank.training(config.train.with(&config.train_architecture)?);
        Ok(Self {
            workspace,
            config: Config { train, ..config.clone() },
            validation: validation_of(workspace)?,
            evaluations: Evaluations::open(&workspace.run.evaluations())?,
            translation: fingerprint_of_translation(&config.translate)?,
        })
    }

    /// `architecture` trained alone with the seed of this index; messages call it `name`. It is evaluated as `automoe run` tests
    /// its winner: with the mean of the last checkpoints where the config asks for that.
    fn alone(&mut self, architecture: &Architecture, seed: usize, name: &str) -> Result<Evaluated> {
        let Self { workspace, config, validation, evaluations, translation } = self;
        // The first is that of any training of the architecture.
        let seed = match seed {
            0 => config.seed,
            further => seed::stream(config.seed, "rank seed", further as u64).next_u64(),
        };
        let weights = name_of_training(config, architecture, seed)?;
        let folder = workspace.run.rank().join(&weights);
        let model = Model {
            weights,
            translation: translation.clone(),
            validation_pairs: workspace.validation_pairs_left(),
            architecture: architecture.clone(),
        };
        evaluations.of(model, || {
            let shape = &workspace.transformer_config(architecture.clone(), &workspace.space.supernet());
            train_alone(workspace, &Alone { name, folder: &folder, config: &config.train, seed, shape }, None)?;
            let weights = tested_weights(&folder, config, &workspace.device)?;
            evaluate(workspace, validation, name, weights.subnet(architecture)?)
        })
    }

    /// `architectures` with the weights of `supernet`.
    fn supernet(&mut self, supernet: &Supernet, architectures: &[Architecture]) -> Result<Vec<Evaluated>> {
        let Self { workspace, validation, evaluations, translation, .. } = self;
        let weights = Supernet::load(workspace, &supernet.path)?;
        let of = |architecture: &Architecture| {
            let model = Model {
                weights: supernet.fingerprint.clone(),
                translation: translation.clone(),
                validation_pairs: workspace.validation_pairs_left(),
                architecture: architecture.clone(),
            };
            evaluations.of(model, || evaluate(workspace, validation, &supernet.name, weights.subnet(architecture)?))
        };
        architectures.iter().map(of).collect::<Result<_>>().map_err(|error| error.at(&supernet.name))
    }
}

/// Scores of `model` on the validation set: the loss in single precision, as trainings have it, translations as the config asks
/// for, whatever weights it has.
fn evaluate(workspace: &Workspace, validation: &Validation, name: &str, model: Transformer) -> Result<Evaluated> {
    let not_finite = || Error::failure("the validation loss is not a finite number");
    let loss = validation_loss(validation, &model).ok_or_else(not_finite)?;
    let translator = translator_of(workspace, model)?;
    Ok(Evaluated { loss, bleu: validation_bleu(workspace, name, &translator)? })
}
