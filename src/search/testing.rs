//! What the tests of this room share: small spaces, toy costs, a made-up loss.

use super::{Constraints, Evaluation, Evaluator, Feasible, Search, Trial, TrialLog, TrialState, algorithm};
use crate::config::{AlgorithmName, LatencySource, Limits, ObjectiveName, Precision, SearchConfig};
use crate::cost::{Constraint, Cost, Costs};
use crate::error::{Error, Result};
use crate::seed;
use crate::space::{Architecture, Choices, Space, SpaceConfig, Stack};
use rand::RngExt;
use std::fs;
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// Settings of a search that ends within milliseconds.
pub fn settings() -> SearchConfig {
    SearchConfig {
        algorithm: AlgorithmName::default(),
        objectives: vec![ObjectiveName::default()],
        population: 10,
        parents: 4,
        mutations: 4,
        crossovers: 3,
        mutation_probability: 0.2,
        generations: 4,
        patience: 0,
        surrogate: false,
        racing: false,
        limits: Limits::default(),
        latency: LatencySource::Predictor,
        latency_profile: Default::default(),
        encoder_at_least_decoder: false,
        max_tokens: 100,
        parallel: 2,
        precision: Precision::Float32,
    }
}

fn dense_space(change: impl FnOnce(&mut SpaceConfig)) -> Space {
    let none = || Choices::Every(Vec::new());
    let mut config = SpaceConfig::default().with([("encoder_n_experts", none()), ("decoder_n_experts", none())]);
    change(&mut config);
    Space::new(&config, 512).unwrap()
}

/// A dense space with some 10¹² architectures.
pub fn space() -> Space {
    dense_space(|_| {})
}

/// A space in which only the widths are to be chosen, of one size of layer, with `encoder_layers` of them and one in the
/// decoder.
fn narrow_space(encoder_layers: i64, change: impl FnOnce(&mut SpaceConfig)) -> Space {
    let one = |value: i64| Choices::Every(vec![value]);
    dense_space(|config| {
        config["encoder_layer_num"] = one(encoder_layers);
        config["decoder_layer_num"] = one(1);
        config["encoder_ffn_embed_dim"] = one(1024);
        config["decoder_ffn_embed_dim"] = one(1024);
        config["encoder_self_attention_heads"] = one(4);
        config["decoder_self_attention_heads"] = one(4);
        config["decoder_ende_attention_heads"] = one(4);
        change(config);
    })
}

/// A space with four architectures.
pub fn tiny_space() -> Space {
    narrow_space(2, |config| config["decoder_arbitrary_ende_attn"] = Choices::Every(vec![-1]))
}

/// A space with four models, each of them as three architectures.
pub fn shallow_space() -> Space {
    narrow_space(1, |_| {})
}

/// Limits on `costs`.
pub fn at_most<const N: usize>(costs: [(Arc<dyn Cost>, f64); N]) -> Constraints {
    let counted = costs.into_iter().map(|(cost, limit)| Constraint { cost, limit }).collect();
    Constraints { counted, ..Constraints::default() }
}

/// The constraints of `settings`, on toy costs.
pub fn constraints(settings: &SearchConfig) -> Constraints {
    let costs: [Arc<dyn Cost>; 4] = [
        Arc::new(Toy),
        Arc::new(Of("parameters", |a| 10.0 * Toy.of(a) - a.decoder.layers.len() as f64)),
        Arc::new(Of("active_parameters", |a| 10.0 * Toy.of(a) - a.encoder.embed_dim as f64 / 100.0)),
        Arc::new(Of("memory_mb", |a| (a.encoder.embed_dim + a.decoder.embed_dim) as f64)),
    ];
    let mut costs: Costs = costs.into_iter().collect();
    if settings.latency == LatencySource::Predictor {
        costs.extend([Arc::new(Of("latency_ms", latency)) as Arc<dyn Cost>]);
    }
    Constraints::new(settings, &costs)
}

/// A latency that depends on other genes than [`Toy`] does most.
pub fn latency(architecture: &Architecture) -> f64 {
    let heads = |stack: &Stack| -> usize { stack.layers.iter().map(|layer| layer.self_attention_heads).sum() };
    heads(&architecture.encoder) as f64 / 10.0 + heads(&architecture.decoder) as f64
}

/// A cost from a function.
pub struct Of(pub &'static str, pub fn(&Architecture) -> f64);

impl Cost for Of {
    fn name(&self) -> &str {
        self.0
    }

    fn unit(&self) -> &str {
        "units"
    }

    fn of(&self, architecture: &Architecture) -> f64 {
        (self.1)(architecture)
    }
}

/// A cost that grows with every size.
pub struct Toy;

impl Cost for Toy {
    fn name(&self) -> &str {
        "gflops"
    }

    fn unit(&self) -> &str {
        "GFLOPs"
    }

    fn of(&self, architecture: &Architecture) -> f64 {
        let stack = |stack: &Stack| -> f64 {
            let layer_sizes = stack.layers.iter().map(|layer| layer.ffn_embed_dim + 1024);
            stack.embed_dim as f64 * layer_sizes.sum::<usize>() as f64
        };
        (stack(&architecture.encoder) + stack(&architecture.decoder)) / 1e7
    }
}

/// A smooth loss: each layer has a size that suits it best, the deeper the larger.
pub fn loss(architecture: &Architecture) -> f64 {
    let stack = |stack: &Stack| -> f64 {
        let layers = stack.layers.iter().enumerate();
        let misfit = layers.map(|(index, layer)| {
            let ideal = 1024.0 + 400.0 * index as f64;
            ((layer.ffn_embed_dim as f64 - ideal) / 1024.0).powi(2)
                + 0.05 * (layer.self_attention_heads as f64 - 8.0).abs()
        });
        misfit.sum::<f64>() + 8.0 / stack.layers.len() as f64 + 100.0 / stack.embed_dim as f64
    };
    stack(&architecture.encoder) + stack(&architecture.decoder)
}

/// How much a part's loss may be off, either way.
const NOISE: f64 = 2.0;
/// How much harder or easier a part may be, for all alike.
const HARDNESS: f64 = 50.0;

/// Measures [`loss`] and [`latency`], keeps lists of what it measured, and fails where told to.
pub struct MadeUp {
    pub measured: Mutex<Vec<Architecture>>,
    pub timed: Mutex<Vec<Architecture>>,
    pub fails: fn(&Architecture) -> bool,
}

impl MadeUp {
    pub fn new() -> Self {
        Self::failing(|_| false)
    }

    pub fn failing(fails: fn(&Architecture) -> bool) -> Self {
        Self { measured: Mutex::default(), timed: Mutex::default(), fails }
    }
}

impl Evaluator for MadeUp {
    fn evaluate(&self, architecture: &Architecture) -> Result<Evaluation> {
        self.measured.lock().unwrap().push(architecture.clone());
        if (self.fails)(architecture) {
            return Err(Error::failure("out of memory"));
        }
        Ok(Evaluation { loss: loss(architecture), tokens: 100, gflops_expected: Some(1.5), seconds: 0.5 })
    }

    /// Each part is as much harder or easier as random numbers say, one for all architectures and one for each.
    fn evaluate_parts(&self, architecture: &Architecture, parts: Range<usize>) -> Result<Vec<Evaluation>> {
        self.evaluate(architecture)?;
        let name = serde_json::to_string(architecture).unwrap();
        let part = |part| {
            let noise = seed::stream(3, &name, part as u64).random_range(-NOISE..NOISE);
            let hardness = seed::stream(3, "part", part as u64).random_range(-HARDNESS..HARDNESS);
            let loss = loss(architecture) + hardness + noise;
            Evaluation { loss, tokens: 3, gflops_expected: Some(1.5), seconds: 0.5 }
        };
        Ok(parts.map(part).collect())
    }

    fn measure(&self, architecture: &Architecture) -> Result<f64> {
        self.timed.lock().unwrap().push(architecture.clone());
        Ok(latency(architecture))
    }
}

/// A random trial of [`space`]'s smallest architecture.
pub fn trial(id: u64, loss: Option<f64>) -> Trial {
    Trial {
        id,
        generation: 0,
        parents: Vec::new(),
        architecture: space().smallest(),
        state: TrialState::Complete,
        loss,
        loss_expected: None,
        tokens: 100,
        gflops: 1.0,
        seconds: 0.5,
        costs: Default::default(),
        error: None,
    }
}

/// Runs a search over a log with the text `log`: its winner, and the text of its log afterwards.
pub fn search(
    settings: &SearchConfig,
    space: &Space,
    seed: u64,
    evaluator: &dyn Evaluator,
    log: &str,
) -> (Result<Trial>, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trials.jsonl");
    fs::write(&path, log).unwrap();
    let constraints = constraints(settings);
    let feasible = Feasible::check(space, &constraints, seed).unwrap();
    let search = Search { settings, feasible: &feasible, gflops: &Toy, changes: "" };
    let mut algorithm = algorithm(settings, &feasible, seed);
    let mut log = TrialLog::open(&path, space).unwrap();
    let ranked = search.run(evaluator, &mut *algorithm, &mut log, &mut |_| Ok(()));
    (ranked.map(|ranked| ranked[0].clone()), fs::read_to_string(&path).unwrap())
}
