//! The architectures that were published, as they ship with the program in `data/published/`.

use crate::cost::{Dimensions, Flops, Parameters, flops, parameters, reference_convention};
use crate::error::{Error, Result};
use crate::space::Architecture;
use serde::Deserialize;

/// Tokens of the dummy sentences and entries of the vocabulary in all published figures (WMT).
const SENTENCE_LENGTH: usize = 30;
const VOCABULARY: usize = 32_768;

const FILES: [(&str, &str); 5] = [
    ("transformer.json", include_str!("../../data/published/transformer.json")),
    ("hat.json", include_str!("../../data/published/hat.json")),
    ("automoe-standard.json", include_str!("../../data/published/automoe-standard.json")),
    ("automoe-fractional.json", include_str!("../../data/published/automoe-fractional.json")),
    ("manual-moe.json", include_str!("../../data/published/manual-moe.json")),
];

/// A published architecture.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedArchitecture {
    /// Its name here.
    pub name: String,
    /// Features of queries, keys and values.
    pub qkv_dim: usize,
    /// The most experts of a layer in the space that it was found in; 0 without experts.
    pub max_experts: usize,
    /// Genes that were not published: their values were chosen here.
    pub unpublished: Vec<String>,
    /// Where it comes from and, where genes were not published, how their values were chosen.
    pub note: String,
    /// The architecture.
    pub architecture: Architecture,
}

impl PublishedArchitecture {
    /// Its FLOPs as published figures count them.
    pub fn flops(&self) -> Flops {
        flops(&self.architecture, &self.dimensions())
    }

    /// Its parameters.
    pub fn parameters(&self) -> Parameters {
        parameters(&self.architecture, self.qkv_dim)
    }

    /// Its parameters as the reference counts them.
    pub fn reference_parameters(&self) -> u64 {
        reference_convention(&self.architecture, self.qkv_dim, self.max_experts)
    }

    /// Mean FLOPs where cross-attention sees the last layer everywhere, and where it sees the last three: the range that an
    /// unpublished `decoder_arbitrary_ende_attn` leaves. `None` where that gene was published.
    pub fn flops_range(&self) -> Option<[f64; 2]> {
        let gene = "decoder_arbitrary_ende_attn";
        self.unpublished.iter().find(|name| *name == gene)?;
        let seeing = |encoder_layers| {
            let mut architecture = self.architecture.clone();
            for layer in &mut architecture.decoder.layers {
                if let Some(cross) = &mut layer.cross_attention {
                    cross.encoder_layers = encoder_layers;
                }
            }
            flops(&architecture, &self.dimensions()).mean
        };
        Some([seeing(1), seeing(3)])
    }

    fn dimensions(&self) -> Dimensions {
        Dimensions { qkv_dim: self.qkv_dim, sentence_length: SENTENCE_LENGTH, vocab_size: VOCABULARY }
    }
}

/// All published architectures, file by file.
///
/// # Errors
/// A shipped file that cannot be read: a fault of the program.
pub fn published_architectures() -> Result<Vec<PublishedArchitecture>> {
    let mut all = Vec::new();
    for (name, text) in FILES {
        let file: Vec<PublishedArchitecture> =
            serde_json::from_str(text).map_err(|error| Error::failure(error).at(name))?;
        all.extend(file);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn published(name: &str) -> PublishedArchitecture {
        let all = published_architectures().unwrap();
        all.into_iter().find(|known| known.name == name).unwrap()
    }

    #[test]
    fn every_architecture_is_valid_and_named_once() {
        let all = published_architectures().unwrap();
        let names: BTreeSet<&str> = all.iter().map(|known| known.name.as_str()).collect();
        assert_eq!(names.len(), all.len());
        for known in &all {
            assert!(known.architecture.head_faults(known.qkv_dim).is_empty(), "{}", known.name);
            assert_eq!(known.unpublished.is_empty(), !known.note.contains("Not published"), "{}", known.name);
        }
    }

    #[test]
    fn transformers_have_their_published_size() {
        let big = published("transformer-big");
        assert_eq!(big.parameters().total, 176_357_376);
        assert_eq!(big.flops().mean, 10_639_073_508.0);
        let base = published("transformer-base");
        assert_eq!(base.parameters().total, 44_138_496);
        assert_eq!(base.flops().mean, 2_677_125_348.0);
    }

    #[test]
    fn only_width_512_agrees_with_the_published_parameters() {
        for (name, millions) in
            [("automoe-wmt14-ende-std", 45.0), ("automoe-wmt14-enfr-std", 46.0), ("automoe-wmt19-ende-std", 45.0)]
        {
            let known = published(name);
            for (encoder, decoder) in [(512, 512), (640, 512), (512, 640), (640, 640)] {
                let mut architecture = known.architecture.clone();
                architecture.encoder.embed_dim = encoder;
                architecture.decoder.embed_dim = decoder;
                let active = parameters(&architecture, known.qkv_dim).active / 1e6;
                let agrees = (active - millions).abs() < 1.0;
                assert_eq!(agrees, (encoder, decoder) == (512, 512), "{name}: {active}");
            }
        }
    }

    #[test]
    fn an_unpublished_gene_leaves_a_range_of_flops() {
        let known = published("automoe-wmt14-ende-std");
        let [least, most] = known.flops_range().unwrap();
        assert_eq!(least, known.flops().mean);
        assert!(least < 2.9e9 && 2.9e9 < most);
        assert_eq!(published("transformer-big").flops_range(), None);
    }
}
