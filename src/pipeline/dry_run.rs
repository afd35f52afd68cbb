//! `automoe train --dry-run`: what a full training needs, counted from the config.

use super::device_memory::Held;
use super::scaling::Scaling;
use super::workspace::transformer_config;
use crate::config::{Config, Corpus, Sampling};
use crate::cost::Embeddings;
use crate::error::Result;
use crate::model::MAX_POSITIONS;
use crate::model::weights::elements;
use crate::model::weights::rules::of_config;
use crate::text::{NamedText, corpus};
use serde::Serialize;

/// What a training of the supernet needs and what of it is there.
#[derive(Debug, Clone, Serialize)]
pub struct Needs {
    /// Parameters of the supernet, embeddings and, of a mixture, all copies included.
    pub parameters: u64,
    /// Of these, in the embeddings.
    pub embedding_parameters: u64,
    /// Architectures in the space.
    pub architectures: String,
    /// Bytes of the supernet's weights and both moments, and of the largest subnet's weights and the gradients that are held.
    pub training_bytes: u64,
    /// About the bytes that a graphics card needs at its peak: these, and the largest batch, of sentences as long as they may be.
    pub device_bytes: u64,
    /// Bytes of a checkpoint that training can go on from.
    pub checkpoint_bytes: u64,
    /// Updates in all.
    pub updates: usize,
    /// Padded tokens of an update at most.
    pub tokens_per_update: usize,
    /// Files of text that are there.
    pub found: Vec<String>,
    /// What is missing; empty: the training can start.
    pub missing: Vec<String>,
    /// What updates take by several processes, where that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
}

/// Tells what training the supernet of `config` needs.
///
/// # Errors
/// An unusable config.
pub fn dry_run(config: &Config) -> Result<Needs> {
    let space = config.space()?;
    let largest = space.supernet();
    let embeddings = Embeddings::of(config, [config.data.vocab_size; 2]);
    let embedding_parameters = embeddings.parameters(&largest);
    let vocab_size = config.data.vocab_size;
    let shape = transformer_config(config, vocab_size, vocab_size, largest.clone(), &largest);
    let sharing = of_config(&config.train)?;
    let parameters = elements(&sharing.parameters(&shape)) as u64;
    // With its end; 0 is no limit but that of the model.
    let longest = match config.data.max_length {
        0 => MAX_POSITIONS,
        most => most.saturating_add(1).min(MAX_POSITIONS),
    };
    let several = config.train.sampling == Sampling::Sandwich;
    let held = Held::new(&shape, &*sharing, &config.train, several, longest);
    let (found, missing) = text_files(config);
    Ok(Needs {
        parameters,
        embedding_parameters,
        architectures: space.architectures().to_string(),
        training_bytes: held.weights,
        device_bytes: held.bytes(config.train.max_tokens),
        checkpoint_bytes: 12 * parameters,
        updates: config.train.max_updates,
        tokens_per_update: config.train.max_tokens.saturating_mul(config.train.update_freq),
        found,
        missing,
        scaling: None,
    })
}

/// The text files that are there, and a line for each that is not.
fn text_files(config: &Config) -> (Vec<String>, Vec<String>) {
    let data = &config.data;
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    if data.corpus == Corpus::Toy {
        return (found, missing);
    }
    for name in data.train.iter().chain(&data.valid).chain(&data.test) {
        let text = NamedText::new(data, name);
        let format = match corpus::format_of(&text) {
            Ok(format) => format,
            Err(error) => {
                missing.push(error.to_string());
                continue;
            }
        };
        for file in format.files(&text) {
            match file.find() {
                Ok(path) => found.push(path.display().to_string()),
                Err(error) => missing.push(error.to_string()),
            }
        }
    }
    (found, missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::WeightSharingName;
    use crate::model::Supernet;
    use burn::tensor::Device;

    #[test]
    fn parameters_are_those_of_the_supernet() {
        for (shared, tied, weights) in
            [(true, true, "shared"), (false, true, "shared"), (false, false, "shared"), (true, true, "mixture")]
        {
            let mut config = Config::load("toy").unwrap();
            config.model.share_all_embeddings = shared;
            config.model.share_decoder_input_output_embed = tied;
            config.train.weights = WeightSharingName::new(weights).unwrap();
            let needs = dry_run(&config).unwrap();
            let (vocab_size, largest) = (config.data.vocab_size, config.space().unwrap().supernet());
            let shape = transformer_config(&config, vocab_size, vocab_size, largest.clone(), &largest);
            let supernet = Supernet::init(shape, of_config(&config.train).unwrap(), 1, &Device::flex());
            let sizes =
                supernet.values.iter().map(|(name, value)| (name, value.shape().iter().product::<usize>() as u64));
            let (tables, others): (Vec<_>, Vec<_>) = sizes.partition(|(name, _)| name.contains("embed_"));
            let [tables, others] = [tables, others].map(|sizes| sizes.iter().map(|(_, size)| size).sum::<u64>());
            assert_eq!((needs.embedding_parameters, needs.parameters), (tables, tables + others));
            assert!(needs.training_bytes >= 4 * (4 * needs.parameters));
            // Each token of a batch, on either side, has an input and an output of its own in every layer.
            let least = config.train.max_tokens * (largest.encoder.layers.len() + largest.decoder.layers.len());
            assert!(needs.device_bytes > needs.training_bytes + 8 * (least * largest.encoder.embed_dim) as u64);
        }
    }

    #[test]
    fn without_a_limit_sentences_are_as_long_as_a_model_takes() {
        let device_bytes = |max_length| {
            let mut config = Config::load("toy").unwrap();
            config.data.max_length = max_length;
            dry_run(&config).unwrap().device_bytes
        };
        assert!(device_bytes(0) > device_bytes(100));
        assert_eq!(device_bytes(0), device_bytes(MAX_POSITIONS - 1));
        assert_eq!(device_bytes(0), device_bytes(usize::MAX));
    }
}
