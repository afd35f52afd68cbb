//! Beam search: the same hypotheses in the same order.

use super::files::{self, Errors, ids, numbers};
use crate::shared::goldens;
use automoe::config::TranslateConfig;
use automoe::space::Architecture;
use automoe::text::SourceBatch;
use automoe::translate::{beam_search, length_limit};
use burn::tensor::Device;
use serde_json::Value as Json;
use std::path::Path;

#[test]
fn every_hypothesis_agrees() {
    let Some(folder) = goldens("goldens beam") else { return };
    for (name, device, factor) in files::devices() {
        let is_beam = |json: &Json| json["cases"][0].get("hypotheses").is_some();
        for recording in files::recordings(&folder, "goldens beam", is_beam) {
            let errors = check(&folder, &recording, &device);
            println!("goldens {recording} on {name}: scores: {errors}");
            errors.assert_within(1e-4 * factor, "scores");
        }
    }
}

fn check(folder: &Path, name: &str, device: &Device) -> Errors {
    let recording = files::read(folder, name, device);
    let mut errors = Errors::default();
    for (number, case) in recording.json["cases"].as_array().unwrap().iter().enumerate() {
        let architecture: Architecture = serde_json::from_value(case["architecture"].clone()).unwrap();
        let model = recording.supernet.cut(&architecture, false).unwrap();
        let source = ids(&case["src_tokens"]);
        let batch =
            SourceBatch { sentences: source.rows, source_len: source.ids.len() / source.rows, source: source.ids };
        let config = TranslateConfig {
            beam: case["beam"].as_u64().unwrap() as usize,
            length_penalty: case["length_penalty"].as_f64().unwrap(),
            max_len_a: case["max_len_a"].as_f64().unwrap(),
            max_len_b: case["max_len_b"].as_u64().unwrap() as usize,
            min_len: case["min_len"].as_u64().unwrap() as usize,
            ..TranslateConfig::default()
        };
        // Recorded with the batch's width as every sentence's length.
        let limits = vec![length_limit(&config, batch.source_len); batch.sentences];
        let found = beam_search(&model, &batch, &limits, &config);
        assert_eq!(found.len(), case["hypotheses"].as_array().unwrap().len());
        for (sentence, (found, want)) in
            found.iter().map(|found| found.as_ref().unwrap()).zip(case["hypotheses"].as_array().unwrap()).enumerate()
        {
            let want = want.as_array().unwrap();
            assert_eq!(found.len(), want.len(), "case {number}, sentence {sentence}");
            for (found, want) in found.iter().zip(want) {
                let tokens: Vec<f64> = found.tokens.iter().map(|&token| f64::from(token)).collect();
                assert_eq!(tokens, numbers(&want["tokens"]), "case {number}, sentence {sentence}");
                errors.add((found.score - want["score"].as_f64().unwrap()).abs());
                for (&got, want) in found.token_scores.iter().zip(numbers(&want["positional_scores"])) {
                    errors.add((f64::from(got) - want).abs());
                }
            }
        }
    }
    errors
}
