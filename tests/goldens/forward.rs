//! Logits, losses, routing and gradients of every recorded case.

use super::files::{self, Errors, Ids, Recording, ids, numbers};
use automoe::config::Precision;
use automoe::interop::names::to_reference;
use automoe::model::loss::{self, Differentiated, Objective, Sentences};
use automoe::model::precision::Products;
use automoe::model::weights::layout::ungroup;
use automoe::model::{LayerRouting, Pass, Values};
use automoe::run::NamedTensor;
use automoe::space::Architecture;
use automoe::text::PAD;
use burn::tensor::Device;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Errors over the cases of one recording.
#[derive(Default)]
struct Comparison {
    /// Absolute.
    logits: Errors,
    /// Of the sums of losses, relative.
    losses: Errors,
    /// Relative.
    gradient_norms: Errors,
    /// Relative above 1, absolute below.
    gradients: Errors,
}

/// Also where the processor has no instructions for it: the portable path computes the same. Near a tie a router decides
/// otherwise, which moves some tokens far: decisions are not compared, and means are.
#[test]
fn every_case_comes_near_in_bfloat16() {
    let products = Products::new(Precision::Bfloat16, &Device::flex());
    for folder in files::folders("goldens in bfloat16") {
        for name in files::recordings(&folder, "goldens in bfloat16", |json| json["cases"][0].get("logits").is_some()) {
            let recording = files::read(&folder, &name, &Device::flex());
            let mut errors = Comparison::default();
            for case in recording.json["cases"].as_array().unwrap() {
                check_case(&recording, case, products, &mut errors);
            }
            for (what, errors, limit) in [
                ("logits", &errors.logits, 2e-2),
                ("losses", &errors.losses, 1e-2),
                ("gradient norms", &errors.gradient_norms, 3e-2),
                ("gradients", &errors.gradients, 2e-2),
            ] {
                println!("goldens {name} on cpu in bfloat16: {what}: {errors}");
                errors.assert_mean_within(limit, what);
            }
        }
    }
}

/// Translation's; nothing is differentiated in it.
#[test]
fn the_logits_of_every_case_come_near_in_int8() {
    let products = Products::new(Precision::Int8, &Device::flex());
    for folder in files::folders("goldens in int8") {
        for name in files::recordings(&folder, "goldens in int8", |json| json["cases"][0].get("logits").is_some()) {
            let recording = files::read(&folder, &name, &Device::flex());
            let mut errors = Comparison::default();
            for case in recording.json["cases"].as_array().unwrap() {
                let architecture: Architecture = serde_json::from_value(case["architecture"].clone()).unwrap();
                let [source, previous, target] = sides(case);
                check_logits(
                    &recording,
                    &architecture,
                    sentences([&source, &previous, &target]),
                    products,
                    case,
                    &mut errors,
                );
            }
            println!("goldens {name} on cpu in int8: logits: {}", errors.logits);
            errors.logits.assert_mean_within(5e-2, "logits");
        }
    }
}

#[test]
fn every_case_agrees() {
    let folders = files::folders("goldens");
    for (device_name, device, factor) in files::devices() {
        for folder in &folders {
            for name in files::recordings(folder, "goldens", |json| json["cases"][0].get("logits").is_some()) {
                check(&name, device_name, &files::read(folder, &name, &device), factor);
            }
        }
    }
}

/// Compares every case; `factor` is by how much errors may be larger than on the CPU.
fn check(name: &str, device_name: &str, recording: &Recording, factor: f64) {
    let mut errors = Comparison::default();
    for case in recording.json["cases"].as_array().unwrap() {
        check_case(recording, case, Products::SINGLE, &mut errors);
    }
    for (what, errors, limit) in [
        ("logits", &errors.logits, 1e-5),
        ("losses", &errors.losses, 1e-5),
        ("gradient norms", &errors.gradient_norms, 1e-4),
        ("gradients", &errors.gradients, 1e-5),
    ] {
        println!("goldens {name} on {device_name}: {what}: {errors}");
        errors.assert_within(limit * factor, what);
    }
}

fn check_case(recording: &Recording, case: &Json, products: Products, errors: &mut Comparison) {
    let architecture: Architecture = serde_json::from_value(case["architecture"].clone()).unwrap();
    let [source, previous, target] = sides(case);
    let tokens = sentences([&source, &previous, &target]);
    let coefficient = case["load_balance_coeff"].as_f64().unwrap_or(0.0);
    let objective = Objective {
        label_smoothing: recording.json["label_smoothing"].as_f64().unwrap(),
        encoder_load_balance: coefficient,
        decoder_load_balance: coefficient,
    };
    check_logits(recording, &architecture, tokens, products, case, errors);

    let model = recording.supernet.cut(&architecture, true).unwrap().with_products(products);
    let Differentiated { sums, gradients, pass, .. } =
        loss::differentiate(&model, tokens, &objective, None, recorded());
    assert_eq!(sums.tokens as u64, case["ntokens"].as_u64().unwrap());
    for (got, key) in [(sums.loss, "loss_sum"), (sums.nll, "nll_sum"), (sums.objective, "objective_sum")] {
        let want = case[key].as_f64().unwrap();
        errors.losses.add((got - want).abs() / want.abs());
    }
    if products == Products::SINGLE {
        check_routing(&pass, case, &source, &previous);
    }
    check_gradients(recording, &architecture, gradients, case, errors);
}

/// Source, previous and target tokens.
fn sides(case: &Json) -> [Ids; 3] {
    ["src_tokens", "prev_output_tokens", "target"].map(|key| ids(&case[key]))
}

fn sentences<'a>([source, previous, target]: [&'a Ids; 3]) -> Sentences<'a> {
    Sentences { source: &source.ids, previous: &previous.ids, target: &target.ids, batch: source.rows }
}

/// A pass as recorded: padding is routed as in training. Nothing is dropped, for all rates are 0.
fn recorded() -> Pass {
    Pass::training(0)
}

fn check_logits(
    recording: &Recording,
    architecture: &Architecture,
    tokens: Sentences,
    products: Products,
    case: &Json,
    errors: &mut Comparison,
) {
    let model = recording.supernet.cut(architecture, false).unwrap().with_products(products);
    let want = numbers(&case["logits"]);
    let vocab = want.len() / tokens.previous.len();
    // At inference padding is not routed, which changes its own logits alone.
    for (mut pass, of_padding) in [(recorded(), true), (Pass::inference(), false)] {
        let hidden = model.forward(tokens.source, tokens.previous, tokens.batch, &mut pass);
        let logits: Vec<f32> = model.project(hidden).into_data().try_into_vec().unwrap();
        assert_eq!(logits.len(), want.len());
        let rows = tokens.previous.iter().zip(logits.chunks_exact(vocab).zip(want.chunks_exact(vocab)));
        for (got, want) in
            rows.filter(|(token, _)| of_padding || **token != PAD).flat_map(|(_, (got, want))| got.iter().zip(want))
        {
            errors.logits.add((f64::from(*got) - want).abs());
        }
    }
}

/// The reference lists tokens time-major; ours are batch-major.
fn check_routing(pass: &Pass, case: &Json, source: &Ids, target: &Ids) {
    let recorded = case["routing"].as_array().unwrap();
    let ours: BTreeMap<String, (&LayerRouting, &Ids)> =
        [("encoder", &pass.encoder_routing, source), ("decoder", &pass.decoder_routing, target)]
            .into_iter()
            .flat_map(|(stack, routing, ids)| {
                routing.iter().map(move |layer| (format!("{stack}.layers.{}.switch_layer", layer.layer), (layer, ids)))
            })
            .collect();
    assert_eq!(recorded.len(), ours.len());
    for entry in recorded {
        let (layer, ids) = ours[entry["layer"].as_str().unwrap()];
        let chosen = layer.experts();
        let time = ids.ids.len() / ids.rows;
        for (index, experts) in entry["experts"].as_array().unwrap().iter().enumerate() {
            let (t, b) = (index / ids.rows, index % ids.rows);
            let place = (b * time + t) * layer.top_k;
            let got: Vec<f64> = chosen[place..place + layer.top_k].iter().map(|&e| f64::from(e)).collect();
            assert_eq!(got, numbers(experts), "{} token {index}", entry["layer"]);
        }
    }
}

fn check_gradients(
    recording: &Recording,
    architecture: &Architecture,
    gradients: Values,
    case: &Json,
    errors: &mut Comparison,
) {
    let gradients = reference_gradients(recording, architecture, gradients);
    for (name, want) in case["grad_norms"].as_object().unwrap() {
        match (gradients.get(name), want.as_f64()) {
            (None, None) => {}
            (Some(got), Some(want)) => {
                let norm = got.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
                errors.gradient_norms.add((norm - want).abs() / want.max(1e-3));
            }
            (got, want) => panic!("{name}: takes part {}, expected {}", got.is_some(), want.is_some()),
        }
    }
    for (name, want) in case["grads"].as_object().unwrap() {
        if want.is_null() {
            assert!(!gradients.contains_key(name), "{name}");
            continue;
        }
        let want = numbers(want);
        assert_eq!(gradients[name].len(), want.len(), "{name}");
        for (&got, want) in gradients[name].iter().zip(&want) {
            errors.gradients.add((f64::from(got) - want).abs() / want.abs().max(1.0));
        }
    }
}

/// Gradients in the supernet's shapes under the reference's names; zero where a parameter took part without one.
fn reference_gradients(
    recording: &Recording,
    architecture: &Architecture,
    gradients: Values,
) -> BTreeMap<String, Vec<f32>> {
    let supernet = &recording.supernet;
    let weights = supernet.named();
    let gradients = ungroup(&gradients, &supernet.parts(architecture));
    let named = supernet.parts(architecture).into_keys().map(|name| {
        let whole = &weights[&name];
        let gradient = gradients.get(&name).map(|gradient| gradient.padded(whole.tensor.dims()));
        let data = gradient.map_or_else(|| vec![0.0; whole.shape().iter().product()], |gradient| gradient.to_vec());
        NamedTensor { shape: whole.shape(), name, data }
    });
    let reference = to_reference(named.collect(), false).unwrap();
    reference.into_iter().map(|tensor| (tensor.name, tensor.data)).collect()
}
