//! A finished supernet with low-rank corrections.

use super::mixture::kinds;
use super::{VOCAB, assert_near, batch, config};
use crate::devices::devices;
use automoe::config::{Tables, TrainConfig};
use automoe::model::weights::rules::made;
use automoe::model::weights::{Corrections, Rule};
use automoe::model::{Pass, Supernet, Value};
use automoe::space::Architecture;
use automoe::train::Trainer;
use burn::tensor::Device;
use rand::RngExt;

/// Half the distance of the two points that a slope is measured between.
const STEP: f64 = 5e-3;
const CORRECTIONS: Corrections = Corrections { rank: 2, experts: 3 };

fn rules() -> [Rule; 2] {
    [Rule::default(), Rule { copies: 2, ..Rule::named("mixture") }]
}

/// A trainer of the corrections of a supernet by `base`; with `moved` those are not at their beginning.
fn trainer(largest: &Architecture, base: &Rule, moved: bool, device: &Device) -> Trainer {
    let shape = config(largest.clone(), Tables::Shared);
    let corrected = made(&Rule { corrections: Some(CORRECTIONS), ..base.clone() }).unwrap();
    let supernet = Supernet::init(shape.clone(), made(base).unwrap(), 3, device);
    let mut values = supernet.extended(shape.clone(), corrected.clone(), 4).named();
    let mut rng = automoe::seed::stream(5, "test weights", 0);
    for (_, value) in values.iter_mut().filter(|(name, _)| moved && name.ends_with(".adapt.up")) {
        let elements = value.to_vec().into_iter().map(|x| x + rng.random_range(-1.0..1.0));
        *value = Value::from_vec(elements.collect(), &value.shape(), device);
    }
    let supernet = Supernet::from_source(shape, corrected, device, |name, _| Ok(values[name].clone())).unwrap();
    Trainer::new(supernet, &TrainConfig::default(), 1)
}

fn logits(supernet: &Supernet, own: &Architecture) -> Vec<f32> {
    let model = supernet.cut(own, false).unwrap();
    let batch = batch();
    let hidden = model.forward(&batch.source, &batch.prev_output, batch.sentences, &mut Pass::inference());
    model.project(hidden).into_data().try_into_vec().unwrap()
}

/// The widths of both stacks are one: the tables are shared.
fn architectures() -> Vec<(Architecture, Architecture)> {
    let narrowed = |(mut largest, own): (Architecture, Architecture)| {
        largest.decoder.embed_dim = largest.encoder.embed_dim;
        (largest, own)
    };
    kinds().into_iter().map(narrowed).collect()
}

#[test]
fn corrections_begin_with_none() {
    for (largest, own) in architectures() {
        for base in rules() {
            let trainer = trainer(&largest, &base, false, &Device::flex());
            let plain =
                Supernet::init(config(largest.clone(), Tables::Shared), made(&base).unwrap(), 3, &Device::flex());
            assert_eq!(logits(&trainer.supernet, &own), logits(&plain, &own));
            assert_eq!(logits(&plain, &own).len(), 6 * VOCAB);
        }
    }
}

/// Checks the gradient of a parameter against finite differences, along itself and along a direction that has to do with none of
/// its elements: single slopes are too small to be measured.
fn check_gradient(trainer: &mut Trainer, own: &Architecture, name: &str, gradient: &Value) {
    let (whole, part) = (trainer.supernet.values[name].clone(), gradient.tensor.dims());
    let columns = whole.tensor.dims()[1];
    let gradient = gradient.to_vec();
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    let norm = dot(&gradient, &gradient).sqrt();
    assert!(norm > 1e-3, "{name} hardly matters: {norm}");
    let mut rng = automoe::seed::stream(7, name, 0);
    let random: Vec<f32> = gradient.iter().map(|_| if rng.random() { 1.0 } else { -1.0 }).collect();
    for direction in [&gradient, &random] {
        let length = dot(direction, direction).sqrt();
        let mut objective_at = |distance: f64| {
            let mut elements = whole.to_vec();
            for (place, x) in direction.iter().enumerate() {
                elements[place / part[1] * columns + place % part[1]] += (distance / length) as f32 * x;
            }
            let value = Value::from_vec(elements, &whole.shape(), &Device::flex());
            trainer.supernet.values.insert(name.to_owned(), value);
            trainer.gradients(std::slice::from_ref(own), &[batch()], 0).unwrap().sums.objective
        };
        let slope = (objective_at(STEP) - objective_at(-STEP)) / (2.0 * STEP);
        let found = dot(&gradient, direction) / length;
        assert!((found - slope).abs() < 1e-2 * norm + 3e-4, "{name}: {found}, expected {slope}, of {norm}");
    }
    trainer.supernet.values.insert(name.to_owned(), whole);
}

#[test]
fn gradients_of_corrections_are_the_slopes() {
    for (largest, own) in architectures() {
        let mut trainer = trainer(&largest, &Rule::default(), true, &Device::flex());
        let gradients = trainer.gradients(std::slice::from_ref(&own), &[batch()], 0).unwrap().values;
        assert!(gradients.keys().all(|name| name.contains(".adapt.")), "{:?}", gradients.keys());
        let of = |part| gradients.keys().filter(move |name| name.contains(part));
        let names: Vec<_> = of("encoder.layers.1.self_attn.in_proj").chain(of("decoder.layers.1.")).cloned().collect();
        assert!(names.len() >= 7 * 6, "{names:?}");
        names.iter().for_each(|name| check_gradient(&mut trainer, &own, name, &gradients[name]));
    }
}

#[test]
fn an_update_moves_corrections_alone() {
    for (largest, own) in architectures() {
        for base in rules() {
            let mut trainer = trainer(&largest, &base, true, &Device::flex());
            let before = trainer.supernet.named();
            trainer.update(std::slice::from_ref(&own), &[batch()], 5_000).unwrap();
            let parts = trainer.supernet.parts(&own);
            let moved = |name: &String, value: &Value| value.to_vec() != before[name].to_vec();
            let values = trainer.supernet.named();
            let moved: Vec<_> =
                values.iter().filter(|(name, value)| moved(name, value)).map(|(name, _)| name).collect();
            assert!(moved.iter().all(|name| name.contains(".adapt.") && parts.contains_key(*name)), "{moved:?}");
            // Experts to which no token was sent rest.
            assert!(moved.len() >= parts.len() / 2, "{moved:?}");
        }
    }
}

#[test]
fn graphics_devices_correct_as_the_cpu_does() {
    for (largest, own) in architectures() {
        let found: Vec<_> = devices("corrections on vulkan")
            .into_iter()
            .map(|(_, device)| {
                let mut trainer = trainer(&largest, &Rule::default(), true, &device);
                for done in 0..3 {
                    trainer.update(std::slice::from_ref(&own), &[batch()], done).unwrap();
                }
                trainer.supernet.named()
            })
            .collect();
        for values in &found[1..] {
            for (name, value) in values {
                assert_near(&value.to_vec(), &found[0][name].to_vec(), 1e-4);
            }
        }
    }
}
