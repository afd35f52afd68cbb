//! Default values: the paper's for WMT'14 En-De, on one worker.

use super::settings::{
    AlgorithmName, BaselineConfig, Config, Corpus, CostConfig, DataConfig, LatencySource, LrSchedule, ModelConfig,
    Precision, SearchConfig, Subwords, TrainConfig, TrainOverrides, TranslateConfig,
};
use crate::space::SpaceConfig;
use std::path::PathBuf;

impl Default for Config {
    /// The paper's WMT'14 En-De; `run_dir` is empty, which stands for `runs/<config name>` until the config is loaded.
    fn default() -> Self {
        Self {
            seed: 1,
            run_dir: PathBuf::new(),
            data: DataConfig::default(),
            space: SpaceConfig::default(),
            model: ModelConfig::default(),
            train: TrainConfig::default(),
            train_architecture: TrainOverrides::default(),
            search: SearchConfig::default(),
            translate: TranslateConfig::default(),
            cost: CostConfig::default(),
            baseline: BaselineConfig::default(),
        }
    }
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            corpus: Corpus::Files,
            source_lang: "en".into(),
            target_lang: "de".into(),
            dir: "data".into(),
            train: vec!["train".into()],
            valid: vec!["valid".into()],
            test: Vec::new(),
            subwords: Subwords::Bpe,
            source_dict: PathBuf::new(),
            target_dict: PathBuf::new(),
            bpe_codes: PathBuf::new(),
            vocab_size: 32_768,
            joined_vocabulary: true,
            lowercase: false,
            max_length: 250,
            max_length_ratio: 1.5,
            cache_dir: "cache".into(),
            toy_pairs: [4_000, 200, 200],
        }
    }
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            qkv_dim: 512,
            share_all_embeddings: true,
            share_decoder_input_output_embed: true,
            dropout: 0.3,
            attention_dropout: 0.1,
            activation_dropout: 0.0,
            expert_dropout_ratio: 1.0,
            drop_tokens: false,
            capacity_factor: 1.0,
        }
    }
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            max_updates: 40_000,
            max_tokens: 4_096,
            // 4 096 × 128: the 524K tokens that the reference's GPUs see together.
            update_freq: 128,
            lr_schedule: LrSchedule::Cosine,
            lr: 1e-3,
            warmup_init_lr: 1e-7,
            warmup_updates: 10_000,
            min_lr: 1e-7,
            adam_betas: [0.9, 0.98],
            adam_eps: 1e-8,
            weight_decay: 0.0,
            clip_norm: 0.0,
            label_smoothing: 0.1,
            encoder_load_balance: 0.0,
            decoder_load_balance: 0.0,
            precision: Precision::Float32,
            validate_every: 1_000,
            validate_random: 4,
            checkpoint_every: 1_000,
            keep_checkpoints: 10,
            save_every: 500,
            log_every: 50,
        }
    }
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            algorithm: AlgorithmName::Evolution,
            population: 125,
            parents: 25,
            mutations: 50,
            crossovers: 50,
            mutation_probability: 0.3,
            generations: 15,
            max_gflops: 0.0,
            max_latency_ms: 0.0,
            latency: LatencySource::Predictor,
            latency_profile: PathBuf::new(),
            max_parameters: 0.0,
            max_active_parameters: 0.0,
            max_memory_mb: 0.0,
            encoder_at_least_decoder: false,
            max_tokens: 4_096,
            parallel: 0,
        }
    }
}

impl Default for TranslateConfig {
    fn default() -> Self {
        Self {
            beam: 5,
            length_penalty: 0.6,
            max_len_a: 0.0,
            max_len_b: 200,
            min_len: 1,
            max_tokens: 4_096,
            average_checkpoints: 10,
        }
    }
}

impl Default for CostConfig {
    fn default() -> Self {
        Self { sentence_length: 30, vocab_size: 0 }
    }
}

impl Default for BaselineConfig {
    /// Transformer-Base.
    fn default() -> Self {
        Self { embed_dim: 512, ffn_embed_dim: 2_048, heads: 8, encoder_layers: 6, decoder_layers: 6 }
    }
}
