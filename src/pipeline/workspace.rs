//! What every phase needs: settings, space, data, device, run directory.

use super::lengths::check_data;
use super::orders::{Order, give};
use super::precision;
use crate::bounded::read_with;
use crate::config::Config;
use crate::cost::Dimensions;
use crate::device;
use crate::error::{Error, Result};
use crate::model::{MAX_POSITIONS, TransformerConfig};
use crate::progress::Progress;
use crate::run::{RunDirectory, atomic};
use crate::space::{Architecture, Space};
use crate::text::{Prepared, SubwordModel, prepare, subwords_fingerprint};
use crate::train::Weights;
use crate::world::{self, World, agree};
use burn::tensor::Device;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest file of subwords that is read, bytes.
const MAX_SUBWORDS: u64 = 1 << 30;

/// Everything of a run but its models.
pub struct Workspace {
    /// The settings.
    pub config: Config,
    /// Their search space.
    pub space: Space,
    /// The prepared data.
    pub prepared: Prepared,
    /// Fingerprint of the data that the run was begun with, which its models are tied to: the test text may be another now.
    pub data: String,
    /// Where tensors live.
    pub device: Device,
    /// The device as it was named.
    pub device_name: String,
    /// Where results go; locked.
    pub run: RunDirectory,
    /// The processes that work on it.
    pub world: &'static dyn World,
}

impl Workspace {
    /// Prepares the data of `config` and opens its run directory; with `fresh` an earlier run in it is removed.
    ///
    /// # Errors
    /// Unusable settings, data or device; a run directory in use or of other settings.
    pub fn open(mut config: Config, device_name: &str, created_by: &str, fresh: bool) -> Result<Self> {
        let world = world::world();
        let device = device::parse(device_name)?;
        let begun = (!fresh).then(|| config.run_dir.clone());
        precision::settle(&mut config, begun.as_deref(), &device)?;
        check_sentence_length(&config)?;
        let space = config.space()?;
        let prepared = prepared(&config)?;
        give(world, &Order::Open(config.to_toml()?))?;
        let prepared = agree(world, "data set", Ok(prepared), |prepared| prepared.fingerprints.whole.clone())?;
        let run = RunDirectory::open(&config.run_dir, &config.to_toml()?, created_by, fresh)?;
        let data = run.check_data(&prepared.fingerprints.whole, &prepared.fingerprints.without_test)?;
        save_subwords(&run, [&prepared.source_subwords, &prepared.target_subwords])?;
        tracing::info!(
            "run directory {}, device {device_name}, {} training pairs",
            run.root().display(),
            prepared.train.len()
        );
        // Of several processes the first has the first card, and it is what is tested and measured on.
        let device_name = device_name.trim_end_matches(":rank").to_owned();
        Ok(Self { config, space, prepared, data, device, device_name, run, world })
    }

    /// Does `work`. Where that fails before anything was made, a run directory that was begun for it goes again.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn carry_out<T>(&self, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let work = || work(self).inspect_err(|_| self.run.remove_if_unused());
        device::with_kernels_of(self.run.root(), &self.device, work)
    }

    /// The largest Transformer of the space.
    pub fn supernet_config(&self) -> TransformerConfig {
        self.transformer_config(self.space.supernet(), &self.space.supernet())
    }

    /// Refuses weights, loaded from `path`, that were trained on other data, or imported with other subwords, or that
    /// subnets share by another rule.
    ///
    /// # Errors
    /// They were, or do.
    pub fn check_weights(&self, weights: &Weights, path: &Path) -> Result<()> {
        self.check_data_of(weights, path)?;
        weights.check_rule(self.config.train.weights.as_str()).map_err(|error| error.at(path.display()))
    }

    /// Refuses weights, loaded from `path`, that were trained on other data, or imported with other subwords.
    ///
    /// # Errors
    /// They were.
    pub fn check_data_of(&self, weights: &Weights, path: &Path) -> Result<()> {
        let prepared = &self.prepared;
        let own = [&self.data, &prepared.fingerprints.whole, &prepared.fingerprints.without_test];
        if !own.contains(&&weights.data) && weights.data != prepared.subwords_fingerprint()? {
            let message = "trained on other data than this config's; give the config it was trained with";
            return Err(Error::input(message).at(path.display()));
        }
        Ok(())
    }

    /// Validation pairs that are left where some were too long and left out (`data.skip_long`).
    pub(super) fn validation_pairs_left(&self) -> Option<usize> {
        let left = self.prepared.valid.len();
        (left < self.prepared.statistics.valid.pairs_kept).then_some(left)
    }

    /// A Transformer of `architecture` with the positions and the dropout of one cut from `supernet`.
    pub fn transformer_config(&self, architecture: Architecture, supernet: &Architecture) -> TransformerConfig {
        let (source_vocab, target_vocab) = (self.prepared.source_vocab(), self.prepared.target_vocab());
        transformer_config(&self.config, source_vocab, target_vocab, architecture, supernet)
    }
}

/// Entries of the source's and the target's vocabulary: `cost.vocab_size` where `config` gives it, else those that were
/// learned for the run in its run directory, else as many as `data.vocab_size` asks for.
pub fn vocabularies(config: &Config) -> [usize; 2] {
    let learned = || {
        let run = Config::load(&config.run_dir.join("config.toml").to_string_lossy()).ok()?;
        // Other settings than the run's give other subwords.
        let [source, target] = (run.data == config.data).then(|| load_subwords(&config.run_dir).ok())??;
        Some([source.vocab_size(), target.vocab_size()])
    };
    match config.cost.vocab_size {
        0 => learned().unwrap_or([config.data.vocab_size; 2]),
        given => [given; 2],
    }
}

/// What the costs of `config`'s models depend on besides the architecture, with the target's of `vocabularies`.
///
/// # Errors
/// Sizes that no model can have.
pub fn dimensions(config: &Config, [_, vocab_size]: [usize; 2]) -> Result<Dimensions> {
    Ok(Dimensions { vocab_size, ..Dimensions::of(config)? })
}

/// That a model has positions for the sentence that latency is measured with.
pub fn check_sentence_length(config: &Config) -> Result<()> {
    if config.cost.sentence_length > MAX_POSITIONS {
        let message = format!("expected at most {MAX_POSITIONS}, the positions that models have");
        return Err(Error::input(message).at("cost.sentence_length"));
    }
    Ok(())
}

/// See [`Workspace::transformer_config`].
pub(super) fn transformer_config(
    config: &Config,
    source_vocab: usize,
    target_vocab: usize,
    architecture: Architecture,
    supernet: &Architecture,
) -> TransformerConfig {
    let model = &config.model;
    TransformerConfig {
        qkv_dim: model.qkv_dim,
        source_vocab,
        target_vocab,
        tables: model.tables(),
        // An architecture from elsewhere may be wider than the space.
        encoder_supernet_dim: supernet.encoder.embed_dim.max(architecture.encoder.embed_dim),
        decoder_supernet_dim: supernet.decoder.embed_dim.max(architecture.decoder.embed_dim),
        architecture,
        dropout: model.dropout,
        attention_dropout: model.attention_dropout,
        activation_dropout: model.activation_dropout,
        expert_dropout_ratio: model.expert_dropout_ratio,
        capacity_factor: if model.drop_tokens { model.capacity_factor } else { 0.0 },
    }
}

/// The data that `config`'s trainings and searches take, see [`prepare_data`].
///
/// # Errors
/// See [`prepare()`]; sentences that are too long.
pub(super) fn prepared(config: &Config) -> Result<Prepared> {
    let mut prepared = prepare_data(config)?;
    check_data(config, &mut prepared)?;
    Ok(prepared)
}

/// Prepares the data, or finds it in the cache, behind a progress bar.
///
/// # Errors
/// See [`prepare()`].
pub fn prepare_data(config: &Config) -> Result<Prepared> {
    let bar = Progress::bar(1, "steps", "preparing data");
    prepare(&config.data, config.seed, &|stage, _, _| bar.set_message(format!("preparing data: {stage}")))
}

/// Keeps the subwords with the run: translating needs nothing else of the data.
pub(super) fn save_subwords(run: &RunDirectory, subwords: [&SubwordModel; 2]) -> Result<()> {
    for (path, subwords) in subword_files(run.root()).iter().zip(subwords) {
        atomic::write(path, subwords.to_json()?.as_bytes())?;
    }
    run.note_subwords(&subwords_fingerprint(subwords)?)
}

fn subword_files(root: &Path) -> [PathBuf; 2] {
    ["source", "target"].map(|side| root.join(format!("subwords-{side}.json")))
}

/// The subwords of the run at `root`, source and target.
///
/// # Errors
/// A file that is missing or damaged, or was changed since it was written.
pub(super) fn load_subwords(root: &Path) -> Result<[Arc<SubwordModel>; 2]> {
    let load = |path: &PathBuf| read_with(path, MAX_SUBWORDS, SubwordModel::from_json).map(Arc::new);
    let [source, target] = subword_files(root);
    let [source, target] = [load(&source)?, load(&target)?];
    RunDirectory::read_only(root)?.check_subwords(&subwords_fingerprint([&source, &target])?)?;
    Ok([source, target])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Vocabulary;

    /// Which of the files is another's is not to be seen in it.
    #[test]
    fn subwords_that_were_changed_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("run");
        let run = RunDirectory::open(&root, "", "train", false).unwrap();
        let vocabulary = Vocabulary::from_tokens(["aaa", "bbb"].map(String::from)).unwrap();
        let subwords = SubwordModel::published(vocabulary, None);
        save_subwords(&run, [&subwords, &subwords]).unwrap();
        load_subwords(&root).unwrap();
        for path in subword_files(&root) {
            let intact = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, intact.replace("bbb", "bbc")).unwrap();
            let error = load_subwords(&root).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains("is damaged, or was changed"), "{error}");
            std::fs::write(&path, intact).unwrap();
        }
        load_subwords(&root).unwrap();
    }
}
