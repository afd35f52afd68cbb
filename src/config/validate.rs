//! Whether settings of the right types make sense, alone and together.

use super::settings::{
    BaselineConfig, Config, Corpus, DataConfig, LatencySource, LrSchedule, ModelConfig, SearchConfig, TrainConfig,
    TranslateConfig,
};
use crate::error::{Result, refuse};
use crate::space::architecture::{MAX_LAYERS, MAX_WIDTH};
use std::fmt::Display;

/// The most of whatever is counted in thousands at best: pairs, subwords, candidates.
const MANY: usize = 10_000_000;

impl Config {
    /// That all values are in range and fit together.
    ///
    /// # Errors
    /// The [`Self::faults`].
    pub fn validate(&self) -> Result<()> {
        refuse(&self.faults())
    }

    /// Everything that is wrong, one line for each fault, each beginning with its key.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Faults::default();
        let seed_fits = i64::try_from(self.seed).is_ok();
        faults.need(seed_fits, "seed", format!("{} is more than 63 bits", self.seed));
        self.data.check(&mut faults);
        faults.lines.extend(self.space.faults(self.model.qkv_dim));
        self.model.check(&mut faults);
        self.check_embeddings(&mut faults);
        self.check_training(&mut faults);
        self.search.check(&mut faults);
        self.translate.check(&mut faults);
        faults.range("cost.sentence_length", self.cost.sentence_length, 1, 65_536);
        faults.range("cost.vocab_size", self.cost.vocab_size, 0, MANY);
        self.baseline.check(self.model.qkv_dim, &mut faults);
        faults.lines
    }

    fn check_embeddings(&self, faults: &mut Faults) {
        if !self.model.share_all_embeddings {
            return;
        }
        let key = "model.share_all_embeddings";
        faults.need(
            self.data.joined_vocabulary,
            key,
            "one table needs one vocabulary: set data.joined_vocabulary = true, or this to false",
        );
        let widest = |widths: &[usize]| widths.iter().max().copied();
        let (encoder, decoder) = (&self.space.encoder_embed_dim, &self.space.decoder_embed_dim);
        faults.need(
            widest(encoder) == widest(decoder),
            key,
            "one table needs one largest width: make those of space.encoder_embed_dim and space.decoder_embed_dim equal",
        );
    }

    fn check_training(&self, faults: &mut Faults) {
        let before = faults.lines.len();
        self.train.check("train", faults);
        let architecture = self.train.with(&self.train_architecture);
        if faults.lines.len() == before {
            architecture.check("train_architecture", faults);
        }
        let averaged = self.translate.average_checkpoints;
        let kept = architecture.keep_checkpoints;
        if averaged > 1 {
            let key = "translate.average_checkpoints";
            let writes = architecture.checkpoint_every > 0;
            let message = "needs kept checkpoints: set train.checkpoint_every, or this to 0";
            faults.need(writes, key, message);
            let message = format!("{averaged} are more than train.keep_checkpoints = {kept}");
            faults.need(!writes || averaged <= kept, key, message);
        }
    }
}

impl DataConfig {
    fn check(&self, faults: &mut Faults) {
        faults.range("data.vocab_size", self.vocab_size, 8, MANY);
        let ratio = self.max_length_ratio;
        faults.need(
            ratio == 0.0 || (ratio.is_finite() && ratio >= 1.0),
            "data.max_length_ratio",
            format!("{ratio} is neither 0 (no limit) nor 1 or more"),
        );
        self.check_published_subwords(faults);
        match self.corpus {
            Corpus::Toy => {
                for pairs in self.toy_pairs {
                    faults.range("data.toy_pairs", pairs, 1, MANY);
                }
            }
            Corpus::Files => self.check_files(faults),
        }
    }

    fn check_published_subwords(&self, faults: &mut Faults) {
        for (key, path) in [("data.target_dict", &self.target_dict), ("data.bpe_codes", &self.bpe_codes)] {
            let is_alone = !self.has_published_subwords() && !path.as_os_str().is_empty();
            faults.need(!is_alone, key, "needs data.source_dict beside it");
        }
        let lacks_target = !self.joined_vocabulary && self.target_dict.as_os_str().is_empty();
        let message = "needs data.target_dict beside it, or data.joined_vocabulary = true";
        faults.need(!self.has_published_subwords() || !lacks_target, "data.source_dict", message);
    }

    fn check_files(&self, faults: &mut Faults) {
        for (key, language) in [("data.source_lang", &self.source_lang), ("data.target_lang", &self.target_lang)] {
            faults.need(!language.is_empty(), key, "is empty");
        }
        faults.need(self.source_lang != self.target_lang, "data.target_lang", "is the same as data.source_lang");
        for (key, prefixes) in [("data.train", &self.train), ("data.valid", &self.valid), ("data.test", &self.test)] {
            let may_be_none = key == "data.test";
            let is_named = (may_be_none || !prefixes.is_empty()) && prefixes.iter().all(|prefix| !prefix.is_empty());
            faults.need(is_named, key, "names no files");
        }
    }
}

impl ModelConfig {
    fn check(&self, faults: &mut Faults) {
        faults.range("model.qkv_dim", self.qkv_dim, 1, MAX_WIDTH);
        faults.rate("model.dropout", self.dropout);
        faults.rate("model.attention_dropout", self.attention_dropout);
        faults.rate("model.activation_dropout", self.activation_dropout);
        faults.non_negative("model.expert_dropout_ratio", self.expert_dropout_ratio);
        faults.positive("model.capacity_factor", self.capacity_factor);
    }
}

impl TrainConfig {
    fn check(&self, section: &str, faults: &mut Faults) {
        let key = |name: &str| format!("{section}.{name}");
        for (name, count) in [
            ("max_updates", self.max_updates),
            ("max_tokens", self.max_tokens),
            ("update_freq", self.update_freq),
            ("validate_every", self.validate_every),
            ("save_every", self.save_every),
            ("log_every", self.log_every),
        ] {
            faults.need(count > 0, &key(name), "must be 1 or more");
        }
        faults.positive(&key("lr"), self.lr);
        faults.non_negative(&key("warmup_init_lr"), self.warmup_init_lr);
        faults.non_negative(&key("min_lr"), self.min_lr);
        let is_least = self.min_lr <= self.lr || self.lr_schedule != LrSchedule::Cosine;
        faults.need(is_least, &key("min_lr"), format!("{} is more than lr", self.min_lr));
        for beta in self.adam_betas {
            faults.rate(&key("adam_betas"), beta);
        }
        faults.positive(&key("adam_eps"), self.adam_eps);
        faults.non_negative(&key("weight_decay"), self.weight_decay);
        faults.non_negative(&key("clip_norm"), self.clip_norm);
        faults.rate(&key("label_smoothing"), self.label_smoothing);
        faults.non_negative(&key("encoder_load_balance"), self.encoder_load_balance);
        faults.non_negative(&key("decoder_load_balance"), self.decoder_load_balance);
        let keeps = self.checkpoint_every == 0 || self.keep_checkpoints > 0;
        let message = "must be 1 or more where checkpoint_every is";
        faults.need(keeps, &key("keep_checkpoints"), message);
    }
}

impl SearchConfig {
    fn check(&self, faults: &mut Faults) {
        faults.range("search.population", self.population, 1, MANY);
        faults.range("search.parents", self.parents, 1, self.population);
        faults.range("search.parallel", self.parallel, 0, 1024);
        faults.range("search.mutations", self.mutations, 0, MANY);
        faults.range("search.crossovers", self.crossovers, 0, MANY);
        let key = "search.mutation_probability";
        let probability = self.mutation_probability;
        let message = format!("{probability} is not between 0 and 1");
        faults.need((0.0..=1.0).contains(&probability), key, message);
        for (key, limit) in [
            ("search.max_gflops", self.max_gflops),
            ("search.max_latency_ms", self.max_latency_ms),
            ("search.max_parameters", self.max_parameters),
            ("search.max_active_parameters", self.max_active_parameters),
            ("search.max_memory_mb", self.max_memory_mb),
        ] {
            faults.non_negative(key, limit);
        }
        let needs_profile = self.max_latency_ms > 0.0 && self.latency == LatencySource::Predictor;
        faults.need(
            !needs_profile || !self.latency_profile.as_os_str().is_empty(),
            "search.max_latency_ms",
            "needs a device's profile to predict latency with: set search.latency_profile (--latency-profile), or \
             search.latency = \"measured\" (--latency measured)",
        );
        faults.need(self.max_tokens > 0, "search.max_tokens", "must be 1 or more");
    }
}

impl TranslateConfig {
    fn check(&self, faults: &mut Faults) {
        faults.range("translate.beam", self.beam, 1, 1_000);
        faults.non_negative("translate.length_penalty", self.length_penalty);
        faults.non_negative("translate.max_len_a", self.max_len_a);
        faults.range("translate.max_len_b", self.max_len_b, 1, 65_536);
        faults.range("translate.min_len", self.min_len, 0, self.max_len_b);
        faults.need(self.max_tokens > 0, "translate.max_tokens", "must be 1 or more");
    }
}

impl BaselineConfig {
    fn check(&self, qkv_dim: usize, faults: &mut Faults) {
        if self.embed_dim == 0 {
            return;
        }
        let before = faults.lines.len();
        let width = self.embed_dim;
        let is_width = (4..=MAX_WIDTH).contains(&width) && width.is_multiple_of(2);
        let message = format!("{width} is neither 0 (no baseline) nor an even number from 4 to {MAX_WIDTH}");
        faults.need(is_width, "baseline.embed_dim", message);
        faults.range("baseline.ffn_embed_dim", self.ffn_embed_dim, 1, MAX_WIDTH);
        faults.range("baseline.encoder_layers", self.encoder_layers, 1, MAX_LAYERS);
        faults.range("baseline.decoder_layers", self.decoder_layers, 1, MAX_LAYERS);
        if faults.lines.len() == before {
            let splits = self.heads > 0 && qkv_dim.is_multiple_of(self.heads);
            let message = format!("{} do not divide model.qkv_dim = {qkv_dim}", self.heads);
            faults.need(splits, "baseline.heads", message);
        }
    }
}

/// The faults while they are gathered.
#[derive(Default)]
struct Faults {
    lines: Vec<String>,
}

impl Faults {
    fn need(&mut self, is_right: bool, key: &str, message: impl Display) {
        if !is_right {
            self.lines.push(format!("{key}: {message}"));
        }
    }

    fn range(&mut self, key: &str, value: usize, least: usize, most: usize) {
        let is_right = (least..=most).contains(&value);
        self.need(is_right, key, format!("{value} is not between {least} and {most}"));
    }

    /// At least 0, less than 1.
    fn rate(&mut self, key: &str, value: f64) {
        let is_right = (0.0..1.0).contains(&value);
        self.need(is_right, key, format!("{value} is not 0 or more and less than 1"));
    }

    fn non_negative(&mut self, key: &str, value: f64) {
        let is_right = value.is_finite() && value >= 0.0;
        self.need(is_right, key, format!("{value} is not 0 or more"));
    }

    fn positive(&mut self, key: &str, value: f64) {
        let is_right = value.is_finite() && value > 0.0;
        self.need(is_right, key, format!("{value} is not more than 0"));
    }
}
