//! Translation of text of the shape of Multi30k's, on made-up tokens: a thousand sentences, beam 5, a model of the width and
//! vocabulary of `configs/multi30k.toml`'s baseline.

use crate::harness::{Bench, INFERENCE, Work};
use automoe::config::{Precision, TranslateConfig};
use automoe::model::precision::Products;
use automoe::model::weights::leading_slice::LeadingSlice;
use automoe::model::{Supernet, TransformerConfig};
use automoe::space::{Architecture, Experts};
use automoe::text::{EOS, SubwordModel, Vocabulary};
use automoe::translate::Translator;
use burn::tensor::Device;
use rand::RngExt;
use std::sync::Arc;

const WIDTH: usize = 192;
const FFN: usize = 512;
const HEADS: usize = 4;
/// Of either stack.
const LAYERS: usize = 3;
const VOCAB: usize = 4000;
const BEAM: usize = 5;
/// Tokens that a hypothesis has beyond its source's, about what the worst of a beam has in real text.
const LONGER: usize = 2;
/// Source tokens with the end of the sentence, and how many sentences of `test_2016_flickr.de` have so many.
const LENGTHS: [(usize, usize); 38] = [
    (6, 1),
    (7, 3),
    (8, 20),
    (9, 26),
    (10, 43),
    (11, 71),
    (12, 69),
    (13, 84),
    (14, 77),
    (15, 85),
    (16, 64),
    (17, 75),
    (18, 61),
    (19, 60),
    (20, 43),
    (21, 38),
    (22, 27),
    (23, 29),
    (24, 29),
    (25, 12),
    (26, 12),
    (27, 11),
    (28, 8),
    (29, 11),
    (30, 7),
    (31, 5),
    (32, 1),
    (33, 4),
    (34, 7),
    (35, 2),
    (36, 5),
    (37, 4),
    (38, 1),
    (40, 1),
    (41, 1),
    (42, 1),
    (46, 1),
    (50, 1),
];

pub fn run(bench: &Bench) {
    for experts in [0, 4] {
        let kind = if experts == 0 { "dense".to_owned() } else { format!("experts-{experts}") };
        bench.measure_precisions(&format!("translate/multi30k-shape/{kind}"), work(experts), &INFERENCE, |precision| {
            let (translator, sources) = (translator(experts, precision), sources());
            move || {
                let sources: Vec<&[u32]> = sources.iter().map(Vec::as_slice).collect();
                translator.translate_ids(&sources, 1, &|_| ()).expect("the model's numbers are finite")
            }
        });
    }
}

/// Of so many experts in every layer, one a token: FLOPs are those of the dense model, but for the routers'.
fn translator(experts: usize, precision: Precision) -> Translator {
    let mut architecture = Architecture::dense(WIDTH, FFN, HEADS, LAYERS, LAYERS);
    let Architecture { encoder, decoder } = &mut architecture;
    for layer in encoder.layers.iter_mut().chain(&mut decoder.layers) {
        layer.experts = (experts > 0).then(|| Experts { ffn_dims: vec![FFN; experts], top_k: 1 });
    }
    let device = Device::flex();
    let config = TransformerConfig::new(architecture.clone(), VOCAB);
    let model = Supernet::init(config, Arc::new(LeadingSlice), 1, &device).cut(&architecture, false);
    let tokens = (4..VOCAB).map(|token| format!("w{token}"));
    let subwords = Arc::new(SubwordModel::published(Vocabulary::from_tokens(tokens).expect("they differ"), None));
    Translator {
        model: model.expect("the whole supernet fits").with_products(Products::new(precision, &device)),
        source_subwords: subwords.clone(),
        target_subwords: subwords,
        lowercase: false,
        // No end of sentence before the last step.
        config: TranslateConfig {
            beam: BEAM,
            min_len: VOCAB,
            max_len_a: 1.0,
            max_len_b: LONGER,
            ..TranslateConfig::default()
        },
    }
}

fn sources() -> Vec<Vec<u32>> {
    let mut random = automoe::seed::stream(3, "bench sentences", 0);
    let lengths = LENGTHS.into_iter().flat_map(|(length, sentences)| std::iter::repeat_n(length, sentences));
    let sentence = |length| (1..length).map(|_| random.random_range(4..VOCAB as u32)).chain([EOS]).collect();
    lengths.map(sentence).collect()
}

/// FLOPs of the encoder, of the source's keys and values once, and of every row of every step.
fn work(experts: usize) -> Work {
    let (d, layers) = (WIDTH as f64, LAYERS as f64);
    let network = 2.0 * d * FFN as f64 + experts as f64 * d;
    let encoded = layers * (6.0 * d * d + network);
    let row = layers * (6.0 * d * d + network) + VOCAB as f64 * d;
    let tokens = LENGTHS.map(|(length, sentences)| length * sentences).iter().sum::<usize>() as f64;
    // The first step has one row a sentence.
    let rows =
        LENGTHS.map(|(length, sentences)| sentences * (1 + BEAM * (length + LONGER))).iter().sum::<usize>() as f64;
    Work { flops: 2.0 * (tokens * encoded + rows * row), bytes: 0.0 }
}
