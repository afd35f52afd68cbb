//! Every setting of a run, typed. A doc comment here is the key's documentation; `Default` is the paper's value.
//! Parsing, validation and the suggestions for unknown keys are in the sibling files.

use crate::space::SpaceConfig;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// All settings of a run: one TOML file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The one seed that everything random flows from.
    pub seed: u64,
    /// The run directory; default `runs/<config name>`.
    pub run_dir: PathBuf,
    /// Where the text is and how it becomes ids.
    pub data: DataConfig,
    /// The choices of every gene.
    pub space: SpaceConfig,
    /// What every architecture shares: attention features, embeddings, dropout.
    pub model: ModelConfig,
    /// Training of the SuperNet.
    pub train: TrainConfig,
    /// Training of one architecture (the winner, the dense baseline): `[train]` with the keys that are given here replaced.
    pub train_architecture: TrainOverrides,
    /// The evolutionary search.
    pub search: SearchConfig,
    /// Beam search.
    pub translate: TranslateConfig,
    /// How FLOPs and latency are counted.
    pub cost: CostConfig,
    /// The hand-made dense Transformer that `automoe run` trains beside the winner.
    pub baseline: BaselineConfig,
}

/// `[data]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// `"files"`: parallel text named below; `"toy"`: a small invented language pair that the program makes itself.
    pub corpus: Corpus,
    /// Language suffix of the source files: `de` reads `<prefix>.de` or `<prefix>.de.gz`.
    pub source_lang: String,
    /// Language suffix of the target files.
    pub target_lang: String,
    /// Folder that the prefixes below are relative to (itself relative to the working directory where it exists there, else to the
    /// config file's folder).
    pub dir: PathBuf,
    /// Prefixes of the training files, read in order: `["train"]` reads `train.de`, `train.en` (plain or `.gz`).
    pub train: Vec<String>,
    /// Prefixes of the validation files.
    pub valid: Vec<String>,
    /// Prefixes of the test files; only `automoe run` needs any.
    pub test: Vec<String>,
    /// `"bpe"`: byte-pair merges over words (unknown characters become `<unk>`); `"byte-bpe"`: over bytes, with no unknowns.
    pub subwords: Subwords,
    /// A fairseq `dict.txt` of the source language: the subwords of a published model instead of learned ones. The text is
    /// then split at spaces alone, so it must be tokenised as that model's was. Empty: subwords are learned.
    pub source_dict: PathBuf,
    /// The same of the target language; empty: one dictionary for both.
    pub target_dict: PathBuf,
    /// The subword-nmt codes that belong to `source_dict`; empty: the text is segmented (`@@ `) already.
    pub bpe_codes: PathBuf,
    /// Subwords in the vocabulary, special symbols included (each vocabulary's, where they are separate).
    pub vocab_size: usize,
    /// One vocabulary for both languages.
    pub joined_vocabulary: bool,
    /// Lower-case both sides before anything else.
    pub lowercase: bool,
    /// Training pairs with more subwords than this on either side are left out; 0: no limit.
    pub max_length: usize,
    /// Training pairs with one side this many times longer than the other are left out; 0: no limit.
    pub max_length_ratio: f64,
    /// Where prepared data is cached, by content.
    pub cache_dir: PathBuf,
    /// Pairs of the toy corpus: training, validation, test.
    pub toy_pairs: [usize; 3],
}

/// Where the sentence pairs come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Corpus {
    /// Files of parallel text.
    Files,
    /// An invented language pair, made by the program.
    Toy,
}

/// How words become subwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subwords {
    /// Byte-pair encoding over the characters of words.
    Bpe,
    /// Byte-pair encoding over bytes.
    ByteBpe,
}

/// `[model]`: what all architectures of a run share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// Features of queries, keys and values, whatever the width of the residual stream.
    pub qkv_dim: usize,
    /// One embedding table for source, target and output projection (needs a joined vocabulary).
    pub share_all_embeddings: bool,
    /// The output projection is the decoder's embedding table.
    pub share_decoder_input_output_embed: bool,
    /// Dropout at the largest width; narrower stacks scale it by their width.
    pub dropout: f64,
    /// Dropout of attention weights; not scaled.
    pub attention_dropout: f64,
    /// Dropout after the feed-forward activation.
    pub activation_dropout: f64,
    /// Multiplies the dropout rates inside experts (capped at 1).
    pub expert_dropout_ratio: f64,
    /// Experts have a capacity; tokens over it pass through unchanged.
    pub drop_tokens: bool,
    /// With `drop_tokens`: capacity = factor · tokens / experts.
    pub capacity_factor: f64,
}

/// `[train]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Updates in all.
    pub max_updates: usize,
    /// Tokens in a micro-batch: sentences × the longest side, padding included.
    pub max_tokens: usize,
    /// Micro-batches whose gradients are summed before one update.
    pub update_freq: usize,
    /// `"cosine"`, or `"inverse-sqrt"`.
    pub lr_schedule: LrSchedule,
    /// Learning rate at the end of the warm-up.
    pub lr: f64,
    /// Learning rate of the first update.
    pub warmup_init_lr: f64,
    /// Updates of linear warm-up.
    pub warmup_updates: usize,
    /// Learning rate at the end (cosine only).
    pub min_lr: f64,
    /// Adam's decay of the first and second moments.
    pub adam_betas: [f64; 2],
    /// Added to the square root of the second moment.
    pub adam_eps: f64,
    /// Decoupled weight decay: each update takes `weight_decay · lr` of the weight away.
    pub weight_decay: f64,
    /// Largest norm of the gradient; 0: no clipping.
    pub clip_norm: f64,
    /// Label smoothing.
    pub label_smoothing: f64,
    /// Coefficient of the encoder's load-balance loss; 0: off (0.01 when on).
    pub encoder_load_balance: f64,
    /// Coefficient of the decoder's load-balance loss; 0: off (0.01 when on).
    pub decoder_load_balance: f64,
    /// Of the products in training: `"float32"`, `"bfloat16"` or `"float16"`.
    pub precision: Precision,
    /// Updates between validations.
    pub validate_every: usize,
    /// Random architectures validated beside the largest and the smallest (SuperNet only).
    pub validate_random: usize,
    /// Updates between checkpoints that are kept as `step-N`; 0: only `last` and `best`.
    pub checkpoint_every: usize,
    /// Kept `step-N` checkpoints, the newest ones.
    pub keep_checkpoints: usize,
    /// Updates between writes of `last`.
    pub save_every: usize,
    /// Updates between lines of `metrics.jsonl`.
    pub log_every: usize,
}

/// What products are computed in. Weights and the optimizer's moments are kept in single precision in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision.
    Float32,
    /// Half of the bits, single precision's range.
    Bfloat16,
    /// Half of the bits; gradients are scaled into its range.
    Float16,
}

/// `[train_architecture]`: keys of [`TrainConfig`] that differ when one architecture is trained; the others are `[train]`'s.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainOverrides {
    /// See [`TrainConfig::max_updates`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_updates: Option<usize>,
    /// See [`TrainConfig::max_tokens`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<usize>,
    /// See [`TrainConfig::update_freq`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_freq: Option<usize>,
    /// See [`TrainConfig::lr_schedule`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr_schedule: Option<LrSchedule>,
    /// See [`TrainConfig::lr`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr: Option<f64>,
    /// See [`TrainConfig::warmup_init_lr`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_init_lr: Option<f64>,
    /// See [`TrainConfig::warmup_updates`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_updates: Option<usize>,
    /// See [`TrainConfig::min_lr`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_lr: Option<f64>,
    /// See [`TrainConfig::adam_betas`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adam_betas: Option<[f64; 2]>,
    /// See [`TrainConfig::adam_eps`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adam_eps: Option<f64>,
    /// See [`TrainConfig::weight_decay`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// See [`TrainConfig::clip_norm`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// See [`TrainConfig::label_smoothing`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_smoothing: Option<f64>,
    /// See [`TrainConfig::encoder_load_balance`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder_load_balance: Option<f64>,
    /// See [`TrainConfig::decoder_load_balance`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder_load_balance: Option<f64>,
    /// See [`TrainConfig::precision`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// See [`TrainConfig::validate_every`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_every: Option<usize>,
    /// See [`TrainConfig::validate_random`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_random: Option<usize>,
    /// See [`TrainConfig::checkpoint_every`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_every: Option<usize>,
    /// See [`TrainConfig::keep_checkpoints`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_checkpoints: Option<usize>,
    /// See [`TrainConfig::save_every`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save_every: Option<usize>,
    /// See [`TrainConfig::log_every`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_every: Option<usize>,
}

/// How the learning rate goes after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LrSchedule {
    /// Half a cosine from `lr` to `min_lr`, over the updates that are left.
    Cosine,
    /// `lr · sqrt(warmup_updates / update)`.
    InverseSqrt,
}

/// `[search]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchConfig {
    /// `"evolution"`, or `"random"`.
    pub algorithm: AlgorithmName,
    /// Size of the population.
    pub population: usize,
    /// The best that survive and have children.
    pub parents: usize,
    /// Mutants in a generation.
    pub mutations: usize,
    /// Crossovers in a generation.
    pub crossovers: usize,
    /// Chance that a gene of a mutant is redrawn.
    pub mutation_probability: f64,
    /// Generations, the first random one not counted.
    pub generations: usize,
    /// Largest FLOPs, output projection left out, in units of 10⁹ (mean over experts); 0: no limit.
    pub max_gflops: f64,
    /// Longest latency of one sentence, encoder and decoder together, in milliseconds; 0: no limit.
    pub max_latency_ms: f64,
    /// Where latency comes from: `"predictor"`, the profile below, or `"measured"`, on the device of the search.
    pub latency: LatencySource,
    /// A device's profile (`automoe latency fit --out`), for `"predictor"`; relative to the working
    /// directory (or else to the config file's folder).
    pub latency_profile: PathBuf,
    /// Most parameters, all experts, embeddings left out, in millions; 0: no limit.
    pub max_parameters: f64,
    /// Most parameters that a token passes (mean over experts), embeddings left out, in millions; 0: no limit.
    pub max_active_parameters: f64,
    /// Most memory of all weights in single precision, embeddings included, in units of 10⁶ bytes; 0: no limit.
    pub max_memory_mb: f64,
    /// Demand at least as many encoder layers as decoder layers.
    pub encoder_at_least_decoder: bool,
    /// Tokens in a validation batch.
    pub max_tokens: usize,
    /// Candidates evaluated side by side; 0: as many as there are threads.
    pub parallel: usize,
}

/// Which algorithm proposes candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlgorithmName {
    /// The reference's evolutionary search.
    Evolution,
    /// Random search under the same constraint: the paper's baseline.
    Random,
}

/// Where the latency of a candidate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LatencySource {
    /// A device's profile predicts it
    Predictor,
    /// Each candidate is measured on the device of the search, the best once more at length
    Measured,
}

/// `[translate]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TranslateConfig {
    /// Hypotheses kept for each sentence.
    pub beam: usize,
    /// A hypothesis scores Σ log p / length^length_penalty.
    pub length_penalty: f64,
    /// The longest hypothesis is a · source length + b subwords.
    pub max_len_a: f64,
    /// See `max_len_a`.
    pub max_len_b: usize,
    /// The shortest hypothesis.
    pub min_len: usize,
    /// Source tokens in a batch.
    pub max_tokens: usize,
    /// Checkpoints that are averaged before translating (the newest `step-N` ones); 0 or 1: `best` alone.
    pub average_checkpoints: usize,
}

/// `[cost]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CostConfig {
    /// Tokens of the dummy source and target sentences, eos included (30 for WMT, 23 for IWSLT).
    pub sentence_length: usize,
    /// Entries of each vocabulary in FLOPs, parameters and memory; 0: those that were learned, before that `data.vocab_size`.
    pub vocab_size: usize,
}

/// `[baseline]`: one dense Transformer, all layers alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BaselineConfig {
    /// Width of both stacks; 0: no baseline is trained.
    pub embed_dim: usize,
    /// Feed-forward size.
    pub ffn_embed_dim: usize,
    /// Heads of all attentions.
    pub heads: usize,
    /// Encoder layers.
    pub encoder_layers: usize,
    /// Decoder layers.
    pub decoder_layers: usize,
}
