use super::*;
use crate::config::Tables;
use crate::model::weights::rules::made;
use crate::model::weights::{Init, Rule, Shapes, Shared, WeightSharing, leading_slice::LeadingSlice};
use crate::model::{Kind, Value};
use crate::space::Experts;
use crate::world::threads::threads;
use burn::tensor::Device;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The reference's slices, those of `fc1.weight` times a gain that is learned with them.
#[derive(Debug)]
struct Gained;

fn is_gained(name: &str) -> bool {
    name.ends_with("fc1.weight")
}

impl WeightSharing for Gained {
    fn rule(&self) -> Rule {
        Rule::named("gained")
    }

    fn parameters(&self, config: &TransformerConfig) -> Shapes {
        self.parts(config, &config.architecture)
    }

    fn initial(&self, name: &str, _: &[usize], declared: &BTreeMap<String, Init>) -> Init {
        if name == "gain" { Init::Constant(1.5) } else { declared[name] }
    }

    fn weight(&self, shared: Shared<'_>, _: &Architecture, name: &str, shape: &[usize]) -> Result<Value> {
        let slice = shared.slice(name, shape)?;
        let gain = shared.values["gain"].tensor.clone();
        Ok(if is_gained(name) { slice.kind().of(slice.tensor * gain) } else { slice })
    }

    fn parts(&self, config: &TransformerConfig, architecture: &Architecture) -> Shapes {
        let mut parts = LeadingSlice.parts(config, architecture);
        parts.insert("gain".into(), vec![1]);
        parts
    }

    fn gradients(&self, shared: Shared<'_>, _: &Architecture, of_subnet: Values) -> Values {
        let gain = shared.values["gain"].tensor.clone();
        let mut of_gain = gain.zeros_like();
        let mut gradients = Values::new();
        for (name, gradient) in of_subnet {
            if !is_gained(&name) {
                gradients.insert(name, gradient);
                continue;
            }
            let slice = shared.slice(&name, &gradient.shape()).unwrap().tensor;
            of_gain = of_gain + (slice * gradient.tensor.clone()).sum().unsqueeze();
            gradients.insert(name, gradient.kind().of(gradient.tensor * gain.clone()));
        }
        gradients.insert("gain".into(), Kind::Vector.of(of_gain));
        gradients
    }
}

fn trainer() -> Trainer {
    trainer_of(Architecture::dense(16, 32, 2, 2, 2), Arc::new(Gained), &TrainConfig::default())
}

fn trainer_of(architecture: Architecture, sharing: Arc<dyn WeightSharing>, settings: &TrainConfig) -> Trainer {
    let config = TransformerConfig {
        architecture,
        qkv_dim: 16,
        source_vocab: 12,
        target_vocab: 12,
        tables: Tables::Shared,
        encoder_supernet_dim: 16,
        decoder_supernet_dim: 16,
        dropout: 0.0,
        attention_dropout: 0.0,
        activation_dropout: 0.0,
        expert_dropout_ratio: 1.0,
        capacity_factor: 0.0,
    };
    let supernet = Supernet::init(config, sharing, 1, &Device::flex());
    Trainer::new(supernet, settings, 1)
}

fn batch() -> Batch {
    Batch {
        source: vec![4, 5, 6, 2],
        prev_output: vec![2, 7, 8, 9],
        target: vec![7, 8, 9, 2],
        sentences: 1,
        source_len: 4,
        target_len: 4,
        target_tokens: 4,
        indices: vec![0],
    }
}

#[test]
fn a_rule_of_weight_sharing_may_have_parameters_of_its_own() {
    let mut trainer = trainer();
    let (subnet, batches) = ([Architecture::dense(8, 16, 2, 1, 1)], [batch()]);
    let gradient = |trainer: &Trainer| trainer.gradients(&subnet, &batches, 0).unwrap();
    let loss_at = |gain: f32| {
        let mut moved = super::tests::trainer();
        moved.supernet.values.insert("gain".into(), Value::from_vec(vec![gain], &[1], &Device::flex()));
        gradient(&moved).sums.loss
    };
    let found = f64::from(gradient(&trainer).values["gain"].to_vec()[0]);
    let differences = (loss_at(1.51) - loss_at(1.49)) / 0.02;
    assert!((found - differences).abs() < 1e-3 * differences.abs(), "{found}, expected {differences}");

    let whole = trainer.supernet.values["encoder.layers.0.ffn.fc1.weight"].to_vec();
    trainer.update(&subnet, &batches, 0).unwrap();
    assert_ne!(trainer.supernet.values["gain"].to_vec(), [1.5]);
    let after = trainer.supernet.values["encoder.layers.0.ffn.fc1.weight"].to_vec();
    let moved: Vec<bool> = whole.iter().zip(&after).map(|(before, after)| before != after).collect();
    assert!(moved[0] && !moved[8..16].contains(&true), "the slice is moved, and no more");
}

/// The largest, and one that has a part of each of its weights.
fn sandwich() -> [Architecture; 2] {
    let experts = |architecture: &mut Architecture, ffn_dims: &[usize]| {
        let stacks = [&mut architecture.encoder, &mut architecture.decoder];
        for layer in stacks.into_iter().flat_map(|stack| &mut stack.layers) {
            layer.experts = Some(Experts { ffn_dims: ffn_dims.to_vec(), top_k: 1 });
        }
    };
    let mut architectures = [Architecture::dense(16, 32, 2, 2, 2), Architecture::dense(8, 16, 2, 1, 1)];
    experts(&mut architectures[0], &[32, 32]);
    experts(&mut architectures[1], &[16]);
    architectures
}

fn sandwich_trainer(settings: &TrainConfig) -> Trainer {
    trainer_of(sandwich()[0].clone(), Arc::new(LeadingSlice), settings)
}

fn elements(values: &Values) -> BTreeMap<&String, Vec<f32>> {
    values.iter().map(|(name, value)| (name, value.to_vec())).collect()
}

fn assert_near(got: &Values, want: &Values) {
    assert!(got.keys().eq(want.keys()));
    for (name, want) in want {
        let (got, want) = (got[name].to_vec(), want.to_vec());
        assert_eq!(got.len(), want.len(), "{name}");
        let worst = got.iter().zip(&want).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{name}: {worst}");
    }
}

#[test]
fn gradients_of_a_sandwich_are_summed_where_both_have_the_weight() {
    let (trainer, batches) = (sandwich_trainer(&TrainConfig::default()), [batch(), batch()]);
    let of = |architectures: &[Architecture]| trainer.gradients(architectures, &batches, 0).unwrap();
    let [largest, smallest] = sandwich();
    let [whole, part] = [&largest, &smallest].map(|one| of(std::slice::from_ref(one)));
    for together in [of(&[largest.clone(), smallest.clone()]), of(&[smallest, largest])] {
        let mut want = whole.values.clone();
        for (name, part) in &part.values {
            let (rows, part) = (want[name].tensor.dims(), part.clone());
            let padded = part.padded(rows).tensor;
            let sum = want[name].tensor.clone() + padded;
            want.insert(name.clone(), part.kind().of(sum));
        }
        assert_near(&together.values, &want);
        assert_eq!(together.sums.tokens, 2 * whole.sums.tokens);
        assert!((together.sums.loss - whole.sums.loss - part.sums.loss).abs() < 1e-9);
        assert_eq!(together.flops, whole.flops + part.flops);
    }
}

#[test]
fn a_step_is_by_the_mean_and_moves_what_any_of_them_has() {
    let [largest, smallest] = sandwich();
    let after = |architectures: &[Architecture]| {
        let mut trainer = sandwich_trainer(&TrainConfig { clip_norm: 0.1, ..TrainConfig::default() });
        trainer.update(architectures, &[batch()], 5_000).unwrap();
        trainer.supernet.values
    };
    let once = after(std::slice::from_ref(&smallest));
    assert_eq!(elements(&after(&[smallest.clone(), smallest.clone()])), elements(&once));
    let both = after(&[smallest, largest]);
    let name = "decoder.layers.1.self_attn.in_proj.weight";
    let before = sandwich_trainer(&TrainConfig::default()).supernet.values;
    assert!(once[name].to_vec() == before[name].to_vec());
    assert!(both[name].to_vec() != before[name].to_vec());
}

/// A student that is its teacher predicts what it is taught: its loss is the teacher's entropy, whose gradient would not be 0
/// if the teacher moved, too.
#[test]
fn what_the_largest_teaches_is_a_constant() {
    let [largest, smallest] = sandwich();
    let gradients = |distillation, architectures: &[Architecture]| {
        let trainer = sandwich_trainer(&TrainConfig { distillation, ..TrainConfig::default() });
        trainer.gradients(architectures, &[batch(), batch()], 0).unwrap()
    };
    let alone = gradients(1.0, std::slice::from_ref(&largest));
    let twins = gradients(1.0, &[largest.clone(), largest.clone()]);
    assert_near(&twins.values, &alone.values);
    assert!(twins.sums.loss > alone.sums.loss);
    // The teacher learns from the text alone, the student, a part of it, from the teacher.
    let name = "decoder.layers.1.self_attn.in_proj.weight";
    let [taught, untaught] = [1.0, 0.0].map(|share| gradients(share, &[largest.clone(), smallest.clone()]));
    assert!(taught.values[name].to_vec() == alone.values[name].to_vec());
    assert_eq!(taught.sums.nll, untaught.sums.nll);
    assert_ne!(taught.sums.loss, untaught.sums.loss);
    assert!(taught.flops > untaught.flops);
}

#[test]
fn routers_rest_while_they_warm_up() {
    let mut trainer = sandwich_trainer(&TrainConfig { router_warmup_updates: 3, ..TrainConfig::default() });
    let [router, expert] = ["router", "experts.0.fc1"].map(|part| format!("encoder.layers.0.moe.{part}.weight"));
    let mut weights = |done| {
        trainer.update(&sandwich()[..1], &[batch()], done).unwrap();
        [&router, &expert].map(|name| trainer.supernet.values[name].to_vec())
    };
    let [first, second, third] = [1, 2, 3].map(&mut weights);
    assert_eq!(first[0], second[0]);
    assert_ne!(second[0], third[0]);
    assert_ne!(first[1], second[1]);
}

/// With dropout, experts that not every batch has tokens for, and rules with parameters of their own.
#[test]
fn several_processes_take_the_step_that_one_takes() {
    let words = |first: u32| Batch { source: vec![first, 5, first + 2, 2], ..batch() };
    let batches = [4, 5, 7, 9].map(words);
    let mixture = || made(&Rule { copies: 2, ..Rule::named("mixture") }).unwrap();
    for sharing in [Arc::new(LeadingSlice) as Arc<dyn WeightSharing>, mixture(), Arc::new(Gained)] {
        let settings = TrainConfig { distillation: 0.5, clip_norm: 0.1, warmup_updates: 0, ..TrainConfig::default() };
        let after = |size| {
            threads(size, |world| {
                let mut trainer = trainer_of(sandwich()[0].clone(), sharing.clone(), &settings);
                trainer.supernet.config.dropout = 0.3;
                let own: Vec<Batch> = dealt(world, &batches).cloned().collect();
                let updates = (0..3).map(|done| trainer.update_with(world, &sandwich(), &own, done).unwrap());
                let last = updates.last().unwrap();
                (last.sums, last.routed, trainer.supernet.values)
            })
        };
        let (sums, routed, weights) = after(1).remove(0);
        assert_ne!(
            elements(&weights),
            elements(&trainer_of(sandwich()[0].clone(), sharing.clone(), &settings).supernet.values)
        );
        for size in [2, 4] {
            let all = after(size);
            for (of, routed_of, weights_of) in &all {
                assert_eq!((of.tokens, routed_of), (sums.tokens, &routed));
                assert!((of.loss - sums.loss).abs() < 1e-4 * sums.loss, "{} {}", of.loss, sums.loss);
                assert_near(weights_of, &weights);
                assert_eq!(elements(weights_of), elements(&all[0].2));
            }
        }
    }
}
