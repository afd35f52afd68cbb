//! Twenty updates, a different architecture and batch each: learning rates, losses, final weights.

use super::files::{self, Errors, ids};
use crate::shared::goldens;
use automoe::config::{Precision, TrainConfig};
use automoe::interop::names::to_reference;
use automoe::model::loss::{Objective, Sentences, evaluate};
use automoe::run::NamedTensor;
use automoe::space::Architecture;
use automoe::text::Batch;
use automoe::train::Trainer;
use burn::tensor::Device;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;

/// Errors of a trajectory: of learning rates absolute, of the others relative.
struct Deviation {
    rates: Errors,
    losses: Errors,
    norms: Errors,
    bias_norms: Errors,
}

#[test]
fn twenty_updates_agree() {
    let Some(folder) = goldens("goldens trajectory") else { return };
    for (name, device, factor) in files::devices() {
        for recording in files::recordings(&folder, "goldens trajectory", |json| json.get("steps").is_some()) {
            let found = follow(&folder, &recording, name, &device, Precision::Float32);
            found.rates.assert_within(1e-12, "learning rates");
            found.losses.assert_within(1e-4 * factor, "losses");
            found.norms.assert_within(1e-4 * factor, "final norms");
            found.bias_norms.assert_within(1e-3 * factor, "final norms of in_proj_bias");
        }
    }
}

/// Also where the processor has no instructions for it: the portable path computes the same. Biases of keys have no gradient but
/// rounding errors, which Adam makes steps of its usual size of: their norms differ, and a mean tells of the others.
#[test]
fn twenty_updates_in_bfloat16_come_near() {
    let Some(folder) = goldens("goldens trajectory in bfloat16") else { return };
    let is_one = |json: &Json| json.get("steps").is_some();
    for recording in files::recordings(&folder, "goldens trajectory in bfloat16", is_one) {
        let found = follow(&folder, &recording, "cpu in bfloat16", &Device::flex(), Precision::Bfloat16);
        found.rates.assert_within(1e-12, "learning rates");
        found.losses.assert_within(5e-2, "losses");
        found.norms.assert_mean_within(1e-2, "final norms");
    }
}

/// Goes through the updates of a recording.
fn follow(folder: &Path, name: &str, device_name: &str, device: &Device, precision: Precision) -> Deviation {
    let recording = files::read(folder, name, device);
    let settings = TrainConfig { precision, ..settings(&recording.json) };
    let mut trainer = Trainer::new(recording.supernet, &settings, 0);
    let steps = recording.json["steps"].as_array().unwrap();
    let (mut rates, mut losses) = (Errors::default(), Errors::default());
    for (done, step) in steps.iter().enumerate() {
        let architecture: Architecture = serde_json::from_value(step["architecture"].clone()).unwrap();
        let report = trainer.update(&[architecture], &[batch(step)], done).unwrap();
        rates.add((report.lr - step["lr"].as_f64().unwrap()).abs());
        let loss = step["loss_sum"].as_f64().unwrap();
        losses.add((report.sums.loss - loss).abs() / loss);
        assert_eq!(report.sums.tokens as u64, step["ntokens"].as_u64().unwrap());
    }
    let final_loss = final_loss(&trainer, &steps[0]);
    let want = recording.json["final_loss_first_batch"].as_f64().unwrap();
    losses.add((final_loss - want).abs() / want);
    let [norms, bias_norms] = norm_errors(&trainer, &recording.json["final_norms"]);
    for (what, errors) in [
        ("learning rates", &rates),
        ("losses", &losses),
        ("final norms", &norms),
        ("final norms of in_proj_bias", &bias_norms),
    ] {
        println!("goldens {name} on {device_name}: {what}: {errors}");
    }
    Deviation { rates, losses, norms, bias_norms }
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
    let tokens = Sentences {
        source: &batch.source,
        previous: &batch.prev_output,
        target: &batch.target,
        batch: batch.sentences,
    };
    let objective = Objective { label_smoothing: 0.1, ..Objective::default() };
    evaluate(&model, tokens, &objective).0.loss
}

/// Relative errors of the norms: of all but `in_proj_bias`, and of those.
fn norm_errors(trainer: &Trainer, recorded: &Json) -> [Errors; 2] {
    let supernet = &trainer.supernet;
    let weights = supernet.named().into_iter();
    let named = weights.map(|(name, value)| NamedTensor { name, shape: value.shape(), data: value.to_vec() });
    let reference = to_reference(named.collect(), false).unwrap();
    let norms: BTreeMap<String, f64> = reference
        .into_iter()
        .map(|tensor| {
            let squares = tensor.data.iter().map(|&x| f64::from(x).powi(2));
            (tensor.name, squares.sum::<f64>().sqrt())
        })
        .collect();
    let mut errors = [Errors::default(), Errors::default()];
    for (name, want) in recorded.as_object().unwrap() {
        let want = want.as_f64().unwrap();
        errors[usize::from(name.ends_with("in_proj_bias"))].add((norms[name] - want).abs() / want);
    }
    errors
}
