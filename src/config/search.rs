//! `[search]`: how architectures are searched for, and within which limits.

use super::algorithm_name::AlgorithmName;
use super::faults::{Faults, MANY};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[search]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchConfig {
    /// Who proposes candidates: a name of [`ALGORITHMS`](crate::catalog::ALGORITHMS).
    pub algorithm: AlgorithmName,
    /// Size of the population.
    pub population: usize,
    /// The best that survive and have children.
    pub parents: usize,
    /// Mutants in a generation.
    pub mutations: usize,
    /// Crossovers in a generation.
    pub crossovers: usize,
    /// Chance that a gene of a mutant is redrawn.
    pub mutation_probability: f64,
    /// Generations, the first random one not counted.
    pub generations: usize,
    /// Largest FLOPs, output projection left out, in units of 10⁹ (mean over experts); 0: no limit.
    pub max_gflops: f64,
    /// Longest latency of one sentence, encoder and decoder together, in milliseconds; 0: no limit.
    pub max_latency_ms: f64,
    /// Where latency comes from: `"predictor"`, the profile below, or `"measured"`, on the device of the search.
    pub latency: LatencySource,
    /// A device's profile (`automoe latency fit --out`), for `"predictor"`; relative to the working
    /// directory (or else to the config file's folder).
    pub latency_profile: PathBuf,
    /// Most parameters, all experts, embeddings left out, in millions; 0: no limit.
    pub max_parameters: f64,
    /// Most parameters that a token passes (mean over experts), embeddings left out, in millions; 0: no limit.
    pub max_active_parameters: f64,
    /// Most memory of all weights in single precision, embeddings included, in units of 10⁶ bytes; 0: no limit.
    pub max_memory_mb: f64,
    /// Demand at least as many encoder layers as decoder layers.
    pub encoder_at_least_decoder: bool,
    /// Tokens in a validation batch.
    pub max_tokens: usize,
    /// Candidates evaluated side by side; 0: as many as there are threads.
    pub parallel: usize,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            algorithm: AlgorithmName::default(),
            population: 125,
            parents: 25,
            mutations: 50,
            crossovers: 50,
            mutation_probability: 0.3,
            generations: 15,
            max_gflops: 0.0,
            max_latency_ms: 0.0,
            latency: LatencySource::Predictor,
            latency_profile: PathBuf::new(),
            max_parameters: 0.0,
            max_active_parameters: 0.0,
            max_memory_mb: 0.0,
            encoder_at_least_decoder: false,
            max_tokens: 4_096,
            parallel: 0,
        }
    }
}

impl SearchConfig {
    /// Paths that are looked for in the working directory first, then beside the config file.
    pub(super) fn paths(&mut self) -> [&mut PathBuf; 1] {
        [&mut self.latency_profile]
    }

    /// Adds what is out of range.
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.range("search.population", self.population, 1, MANY);
        faults.range("search.parents", self.parents, 1, self.population);
        faults.range("search.parallel", self.parallel, 0, 1024);
        faults.range("search.mutations", self.mutations, 0, MANY);
        faults.range("search.crossovers", self.crossovers, 0, MANY);
        let key = "search.mutation_probability";
        let probability = self.mutation_probability;
        let message = format!("{probability} is not between 0 and 1");
        faults.need((0.0..=1.0).contains(&probability), key, message);
        for (key, limit) in [
            ("search.max_gflops", self.max_gflops),
            ("search.max_latency_ms", self.max_latency_ms),
            ("search.max_parameters", self.max_parameters),
            ("search.max_active_parameters", self.max_active_parameters),
            ("search.max_memory_mb", self.max_memory_mb),
        ] {
            faults.non_negative(key, limit);
        }
        let needs_profile = self.max_latency_ms > 0.0 && self.latency == LatencySource::Predictor;
        faults.need(
            !needs_profile || !self.latency_profile.as_os_str().is_empty(),
            "search.max_latency_ms",
            "needs a device's profile to predict latency with: set search.latency_profile (--latency-profile), or \
             search.latency = \"measured\" (--latency measured)",
        );
        faults.need(self.max_tokens > 0, "search.max_tokens", "must be 1 or more");
    }
}

/// Where the latency of a candidate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LatencySource {
    /// A device's profile predicts it
    Predictor,
    /// Each candidate is measured on the device of the search, the best once more at length
    Measured,
}
