//! Feed-forward weights as a mixture of copies.

use super::{architecture, assert_near, batch, config, elements, experts, random};
use crate::devices::devices;
use automoe::config::{Precision, Tables, TrainConfig};
use automoe::model::experts::FeedForward;
use automoe::model::weights::mixture::Mixture;
use automoe::model::{Pass, Supernet, Value};
use automoe::space::{Architecture, Layer};
use automoe::train::Trainer;
use burn::tensor::Device;
use rand::RngExt;
use std::sync::Arc;

const COPIES: usize = 3;
/// Half the distance of the two points that a slope is measured between.
const STEP: f32 = 5e-3;

/// Dense layers, and layers of experts of which one is the identity.
pub fn kinds() -> [(Architecture, Architecture); 2] {
    let smaller = |layer: &mut Layer| layer.ffn_embed_dim = 8;
    let of = |largest: fn(&mut Layer), own: fn(&mut Layer)| (architecture(12, 8, largest), architecture(8, 8, own));
    [
        (architecture(12, 8, |_| {}), architecture(8, 8, smaller)),
        of(|layer| experts(&[12, 0, 16], 2)(layer), |layer| experts(&[6, 0, 16], 1)(layer)),
    ]
}

/// A supernet in which gates and copies matter: no gate says half, no bias is 0.
fn supernet(largest: Architecture, device: &Device) -> Supernet {
    let mut supernet =
        Supernet::init(config(largest, Tables::Separate), Arc::new(Mixture { copies: COPIES }), 3, &Device::flex());
    let mut rng = automoe::seed::stream(5, "test weights", 0);
    for value in supernet.values.values_mut() {
        let moved = value.to_vec().into_iter().map(|x| 2.0 * x + rng.random_range(-0.4..0.4));
        *value = Value::from_vec(moved.collect(), &value.shape(), &Device::flex());
    }
    let values = supernet.named();
    let on_device = |name: &str, shape: &[usize]| Ok(Value::from_vec(values[name].to_vec(), shape, device));
    Supernet::from_source(supernet.config.clone(), supernet.sharing.clone(), device, on_device).unwrap()
}

fn trainer(largest: Architecture, device: &Device) -> Trainer {
    let config = TrainConfig { encoder_load_balance: 0.01, ..TrainConfig::default() };
    Trainer::new(supernet(largest, device), &config, 1)
}

/// The matrix `name` of the supernet, row by row.
fn matrix(supernet: &Supernet, name: &str) -> Vec<Vec<f64>> {
    let value = &supernet.values[name];
    let columns = value.tensor.dims()[1];
    value.to_vec().chunks(columns).map(|row| row.iter().map(|&x| f64::from(x)).collect()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The linear map `map` of a subnet with these `genes`, of `outputs` elements, by the copies one by one: what each gives for
/// `input`, times its share.
fn mixed(supernet: &Supernet, map: &str, genes: &[f64], input: &[f64], outputs: usize) -> Vec<f64> {
    let gate = |name: &str| matrix(supernet, &format!("{map}.shares.{name}"));
    let (bias1, bias2) = (gate("hidden.bias"), gate("out.bias"));
    let hidden: Vec<f64> =
        gate("hidden.weight").iter().zip(&bias1[0]).map(|(row, bias)| (dot(row, genes) + bias).max(0.0)).collect();
    let powers: Vec<f64> =
        gate("out.weight").iter().zip(&bias2[0]).map(|(row, bias)| (dot(row, &hidden) + bias).exp()).collect();
    let copies: Vec<_> = (0..COPIES)
        .map(|copy| if copy == 0 { map.to_owned() } else { format!("{map}.copies.{copy}") })
        .map(|name| (matrix(supernet, &format!("{name}.weight")), matrix(supernet, &format!("{name}.bias"))))
        .collect();
    (0..outputs)
        .map(|output| {
            let powers = &powers[output * COPIES..(output + 1) * COPIES];
            let of_copy =
                |(weight, bias): &(Vec<Vec<f64>>, Vec<Vec<f64>>)| dot(&weight[output], input) + bias[0][output];
            copies.iter().zip(powers).map(|(copy, power)| power / powers.iter().sum::<f64>() * of_copy(copy)).sum()
        })
        .collect()
}

#[test]
fn folding_equals_mixing() {
    for (largest, own) in kinds() {
        let supernet = supernet(largest.clone(), &Device::flex());
        let genes: Vec<f64> = own.normalized_genes(&largest).into_iter().map(f64::from).collect();
        let model = supernet.cut(&own, false).unwrap();
        let layer = &model.decoder.layers[1];
        let networks: Vec<(String, &FeedForward)> = match (&layer.ffn, &layer.moe) {
            (Some(network), _) => vec![("ffn".into(), network)],
            (None, Some(moe)) => {
                let networks = moe.experts.iter().enumerate();
                networks.filter_map(|(i, expert)| Some((format!("moe.experts.{i}"), expert.as_ref()?))).collect()
            }
            (None, None) => unreachable!("the layer has a feed-forward sublayer"),
        };
        for (name, network) in networks {
            let ffn = network.fc1.weight.dims()[0];
            let x = random(1, [1, 8]);
            let input: Vec<f64> = elements(x.clone()).into_iter().map(f64::from).collect();
            let map = |map: &str, input: &[f64], outputs| {
                mixed(&supernet, &format!("decoder.layers.1.{name}.{map}"), &genes, input, outputs)
            };
            let hidden: Vec<f64> = map("fc1", &input, ffn).into_iter().map(|x| x.max(0.0)).collect();
            let want: Vec<f32> = map("fc2", &hidden, 8).into_iter().map(|x| x as f32).collect();
            let scale = want.iter().fold(1.0f32, |largest, x| largest.max(x.abs()));
            assert_near(&elements(network.forward(x, 0.0, &mut Pass::inference())), &want, 1e-6 * scale);
        }
    }
}

/// Checks the gradient of a parameter of the trainer's against finite differences.
fn check_gradient(trainer: &mut Trainer, own: &Architecture, name: &str) {
    let batches = [batch()];
    let found = |trainer: &Trainer| trainer.gradients(std::slice::from_ref(own), &batches, 0).unwrap();
    let gradient = found(trainer).values[name].clone();
    let whole = trainer.supernet.values[name].clone();
    let [part_columns, columns] = [&gradient, &whole].map(|value| value.tensor.dims()[1]);
    let gradient = gradient.to_vec();
    let largest = gradient.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    assert!(largest > 0.05, "{name} hardly matters: {largest}");
    // Of a large one some elements: they lie in different rows, columns and copies.
    let every = gradient.len() / 25 + 1;
    for (place, gradient) in gradient.into_iter().enumerate().step_by(every) {
        let mut objective_at = |moved: f32| {
            let mut elements = whole.to_vec();
            elements[place / part_columns * columns + place % part_columns] += moved;
            let value = Value::from_vec(elements, &whole.shape(), &Device::flex());
            trainer.supernet.values.insert(name.to_owned(), value);
            found(trainer).sums.objective
        };
        let slope = (objective_at(STEP) - objective_at(-STEP)) as f32 / (2.0 * STEP);
        assert!((gradient - slope).abs() < 3e-3 * (1.0 + slope.abs()), "{name} {place}: {gradient}, expected {slope}");
    }
    trainer.supernet.values.insert(name.to_owned(), whole);
}

#[test]
fn gradients_of_copies_and_gates_are_the_slopes() {
    for (largest, own) in kinds() {
        let mut trainer = trainer(largest, &Device::flex());
        let gradients = trainer.gradients(std::slice::from_ref(&own), &[batch()], 0).unwrap().values;
        let names = gradients.keys().filter(|name| name.contains("decoder.layers.1") && name.contains(".fc"));
        let names: Vec<_> = names.cloned().collect();
        assert!(names.len() >= 2 * (2 * COPIES + 4), "{names:?}");
        names.iter().for_each(|name| check_gradient(&mut trainer, &own, name));
    }
}

#[test]
fn gradients_of_a_sandwich_are_summed_where_both_have_the_copies() {
    for (largest, own) in kinds() {
        let trainer = trainer(largest.clone(), &Device::flex());
        let of = |architectures: &[Architecture]| trainer.gradients(architectures, &[batch()], 0).unwrap().values;
        let (whole, part) = (of(std::slice::from_ref(&largest)), of(std::slice::from_ref(&own)));
        for (name, together) in of(&[largest, own]) {
            let parts = [&whole, &part].into_iter().filter_map(|gradients| gradients.get(&name).cloned());
            assert_near(&together.to_vec(), &parts.reduce(Value::plus).unwrap().to_vec(), 1e-5);
        }
    }
}

/// What the folded subnet alone has in bfloat16, the mixture has: copies and gates stay in single precision.
#[test]
fn in_bfloat16_weights_are_rounded_once_they_are_mixed() {
    for (largest, own) in kinds() {
        let mixture = supernet(largest, &Device::flex());
        let folded = mixture.inherited(mixture.config.with_architecture(&own)).unwrap();
        let found = |supernet: &Supernet, precision| {
            let config = TrainConfig { precision, ..TrainConfig::default() };
            let trainer = Trainer::new(supernet.clone(), &config, 1);
            trainer.gradients(std::slice::from_ref(&own), &[batch()], 0).unwrap()
        };
        let [of_mixture, of_folded] = [&mixture, &folded].map(|supernet| found(supernet, Precision::Bfloat16));
        assert_eq!(of_mixture.sums.loss, of_folded.sums.loss);
        assert_ne!(of_folded.sums.loss, found(&folded, Precision::Float32).sums.loss);
        // A copy's gradient is its share of the weight's, and shares sum to 1.
        for (name, gradient) in of_folded.values.iter().filter(|(name, _)| name.contains(".fc")) {
            let (map, parameter) = name.rsplit_once('.').unwrap();
            let others = (1..COPIES).map(|copy| format!("{map}.copies.{copy}.{parameter}"));
            let copies = others.chain([name.clone()]).map(|name| of_mixture.values[&name].clone());
            assert_near(&copies.reduce(Value::plus).unwrap().to_vec(), &gradient.to_vec(), 1e-5);
        }
    }
}

#[test]
fn graphics_devices_mix_as_the_cpu_does() {
    for (largest, own) in kinds() {
        let found: Vec<_> = devices("a mixture on vulkan")
            .into_iter()
            .map(|(_, device)| {
                let mut trainer = trainer(largest.clone(), &device);
                let own = [own.clone()];
                let loss = trainer.gradients(&own, &[batch()], 0).unwrap().sums.loss;
                for done in 0..3 {
                    trainer.update(&own, &[batch()], done).unwrap();
                }
                (loss, trainer.supernet.named())
            })
            .collect();
        for (loss, values) in &found[1..] {
            assert!((loss - found[0].0).abs() < 1e-4 * loss.abs(), "{loss}, expected {}", found[0].0);
            for (name, value) in values {
                assert_near(&value.to_vec(), &found[0].1[name].to_vec(), 1e-4);
            }
        }
    }
}

#[test]
fn an_update_moves_the_subnets_part_and_no_more() {
    let (largest, own) = kinds()[0].clone();
    let mut trainer = trainer(largest, &Device::flex());
    let before = trainer.supernet.named();
    trainer.update(std::slice::from_ref(&own), &[batch()], 0).unwrap();
    let parts = trainer.supernet.parts(&own);
    for (name, value) in trainer.supernet.named() {
        let [_, columns] = value.tensor.dims();
        let part = parts.get(&name).map(|part| match part[..] {
            [part_rows, part_columns] => [part_rows, part_columns],
            _ => [1, part[0]],
        });
        for (place, (after, before)) in value.to_vec().into_iter().zip(before[&name].to_vec()).enumerate() {
            let (row, column) = (place / columns, place % columns);
            let is_inside = part.is_some_and(|[part_rows, part_columns]| row < part_rows && column < part_columns);
            assert!(is_inside || after == before, "{name}: row {row}, column {column} moved");
        }
    }
    let moved = |name: &str| trainer.supernet.values[name].to_vec() != before[name].to_vec();
    for name in ["fc1.copies.2.weight", "fc2.copies.1.bias", "fc1.shares.hidden.weight", "fc2.shares.out.bias"] {
        assert!(moved(&format!("encoder.layers.0.ffn.{name}")), "{name}");
    }
}
