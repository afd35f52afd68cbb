//! Twenty updates, a different architecture and batch each: learning rates, losses, final weights.

use super::files::{self, ids};
use automoe::config::TrainConfig;
use automoe::interop::names::to_reference;
use automoe::model::loss::{Objective, Tokens, evaluate};
use automoe::run::NamedTensor;
use automoe::space::Architecture;
use automoe::text::Batch;
use automoe::train::Trainer;
use burn::tensor::Device;
use serde_json::Value as Json;
use std::collections::BTreeMap;

#[test]
fn twenty_updates_agree() {
    let Some(folder) = files::folder("goldens trajectory") else { return };
    for (name, device, factor) in files::devices() {
        println!("goldens trajectory on {name}:");
        check(&folder, &device, factor);
    }
}

fn check(folder: &std::path::Path, device: &Device, tolerance: f64) {
    let recording = files::read(folder, "trajectory", device);
    let mut trainer = Trainer::new(recording.supernet, &settings(&recording.json), 0);
    let steps = recording.json["steps"].as_array().unwrap();
    let (mut worst_lr, mut worst_loss) = (0.0f64, 0.0f64);
    for (done, step) in steps.iter().enumerate() {
        let architecture: Architecture = serde_json::from_value(step["architecture"].clone()).unwrap();
        let report = trainer.update(&architecture, &[batch(step)], done).unwrap();
        worst_lr = worst_lr.max((report.lr - step["lr"].as_f64().unwrap()).abs());
        let loss = step["loss_sum"].as_f64().unwrap();
        worst_loss = worst_loss.max((report.sums.loss - loss).abs() / loss);
        assert_eq!(report.sums.tokens as u64, step["ntokens"].as_u64().unwrap());
    }
    let final_loss = final_loss(&trainer, &steps[0]);
    let want = recording.json["final_loss_first_batch"].as_f64().unwrap();
    let final_error = (final_loss - want).abs() / want;
    let (worst_norm, worst_bias) = norm_errors(&trainer, &recording.json["final_norms"]);
    println!(
        "goldens trajectory: learning rate {worst_lr:.1e}, loss {worst_loss:.1e}, final loss {final_error:.1e}, \
         norms {worst_norm:.1e}, in_proj_bias norms {worst_bias:.1e}"
    );
    assert!(worst_lr <= 1e-12);
    assert!(worst_loss <= 1e-4 * tolerance && final_error <= 1e-4 * tolerance);
    assert!(worst_norm <= 1e-4 * tolerance && worst_bias <= 1e-3 * tolerance);
}

fn settings(json: &Json) -> TrainConfig {
    let (schedule, optimizer) = (&json["schedule"], &json["optimizer"]);
    let number = |json: &Json| json.as_f64().unwrap();
    TrainConfig {
        max_updates: schedule["max_update"].as_u64().unwrap() as usize,
        warmup_updates: schedule["warmup_updates"].as_u64().unwrap() as usize,
        warmup_init_lr: number(&schedule["warmup_init_lr"]),
        lr: number(&schedule["max_lr"]),
        min_lr: number(&schedule["min_lr"]),
        adam_betas: [number(&optimizer["betas"][0]), number(&optimizer["betas"][1])],
        adam_eps: number(&optimizer["eps"]),
        weight_decay: number(&optimizer["weight_decay"]),
        clip_norm: 0.0,
        label_smoothing: 0.1,
        encoder_load_balance: 0.0,
        decoder_load_balance: 0.0,
        ..TrainConfig::default()
    }
}

fn batch(step: &Json) -> Batch {
    let [source, previous, target] = ["src_tokens", "prev_output_tokens", "target"].map(|key| ids(&step[key]));
    Batch {
        sentences: source.rows,
        source_len: source.ids.len() / source.rows,
        target_len: target.ids.len() / target.rows,
        target_tokens: step["ntokens"].as_u64().unwrap() as usize,
        indices: (0..source.rows as u32).collect(),
        source: source.ids,
        prev_output: previous.ids,
        target: target.ids,
    }
}

fn final_loss(trainer: &Trainer, first: &Json) -> f64 {
    let architecture: Architecture = serde_json::from_value(first["architecture"].clone()).unwrap();
    let model = trainer.supernet.cut(&architecture, false).unwrap();
    let batch = batch(first);
    let tokens =
        Tokens { source: &batch.source, previous: &batch.prev_output, target: &batch.target, batch: batch.sentences };
    let objective = Objective { label_smoothing: 0.1, ..Objective::default() };
    evaluate(&model, tokens, &objective).0.loss
}

/// Worst relative errors of the norms: of `in_proj_bias`, and of all others.
fn norm_errors(trainer: &Trainer, recorded: &Json) -> (f64, f64) {
    let named = trainer.supernet.values.iter().map(|(name, value)| NamedTensor {
        name: name.clone(),
        shape: value.shape(),
        data: value.to_vec(),
    });
    let reference = to_reference(named.collect(), false).unwrap();
    let norms: BTreeMap<String, f64> = reference
        .into_iter()
        .map(|tensor| {
            let squares = tensor.data.iter().map(|&x| f64::from(x).powi(2));
            (tensor.name, squares.sum::<f64>().sqrt())
        })
        .collect();
    let (mut worst, mut worst_bias) = (0.0f64, 0.0f64);
    for (name, want) in recorded.as_object().unwrap() {
        let want = want.as_f64().unwrap();
        let error = (norms[name] - want).abs() / want;
        if name.ends_with("in_proj_bias") {
            worst_bias = worst_bias.max(error);
        } else {
            worst = worst.max(error);
        }
    }
    (worst, worst_bias)
}
