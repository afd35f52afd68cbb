//! `[search]`: how architectures are searched for, and within which limits.

use super::catalog_names::{AlgorithmName, ObjectiveName};
use super::faults::{Faults, MANY};
use super::limits::Limits;
use super::precision::Precision;
use crate::catalog::{CHILDLESS, LATENCY_MS, LOSS, OF_ONE_OBJECTIVE};
use schemars::JsonSchema;
use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::PathBuf;

/// The most objectives: the volume that a front dominates takes time that grows with its size to the power of one less.
const MOST_OBJECTIVES: usize = 4;

/// `[search]`
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct SearchConfig {
    /// Who proposes candidates: `"evolution"`, `"nsga2"`, or `"random"` draws.
    pub algorithm: AlgorithmName,
    /// What is minimised: `"loss"` and any costs (`"gflops"`, …). With several the search finds a front (not `"evolution"`).
    pub objectives: Vec<ObjectiveName>,
    /// Size of the population.
    #[schemars(range(min = 1, max = MANY))]
    pub population: usize,
    /// The best that survive and have children; of `"nsga2"` they are as many as `population`.
    #[schemars(range(min = 1))]
    pub parents: usize,
    /// Mutants in a generation.
    #[schemars(range(max = MANY))]
    pub mutations: usize,
    /// Crossovers in a generation.
    #[schemars(range(max = MANY))]
    pub crossovers: usize,
    /// Chance that a gene of a mutant is redrawn.
    #[schemars(range(min = 0, max = 1))]
    pub mutation_probability: f64,
    /// Generations, the first random one not counted.
    pub generations: usize,
    /// Generations without a lower loss (with several objectives: a larger hypervolume) after which the search ends; 0: all.
    pub patience: usize,
    /// Whether the children of a generation are the most promising of many more that are drawn, by a regression on the trials so far
    /// (not `"random"`, which has no children).
    pub surrogate: bool,
    /// Whether candidates race: compared on growing parts of the validation set, and dropped when clearly worse.
    pub racing: bool,
    /// The most that is allowed of each cost: a key for each row of [`COSTS`](crate::catalog::COSTS), such as `max_gflops`.
    #[schemars(flatten)]
    pub limits: Limits,
    /// Where latency comes from: `"predictor"`, the profile below, or `"measured"`, on the device of the search.
    pub latency: LatencySource,
    /// A device's profile (`automoe latency fit --out`), for `"predictor"`; relative to the working
    /// directory (or else to the config file's folder).
    pub latency_profile: PathBuf,
    /// Demand at least as many encoder layers as decoder layers.
    pub encoder_at_least_decoder: bool,
    /// Tokens in a validation batch.
    #[schemars(range(min = 1))]
    pub max_tokens: usize,
    /// Candidates evaluated side by side; 0: as many as there are threads.
    #[schemars(range(max = 1024))]
    pub parallel: usize,
    /// Of the products with which candidates are evaluated, as `train.precision`. The trials of a search have one.
    pub precision: Precision,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            algorithm: AlgorithmName::default(),
            objectives: vec![ObjectiveName::default()],
            population: 125,
            parents: 25,
            mutations: 50,
            crossovers: 50,
            mutation_probability: 0.3,
            generations: 15,
            patience: 0,
            surrogate: false,
            racing: false,
            limits: Limits::default(),
            latency: LatencySource::Predictor,
            latency_profile: PathBuf::new(),
            encoder_at_least_decoder: false,
            max_tokens: 4_096,
            parallel: 0,
            precision: Precision::Float32,
        }
    }
}

impl SearchConfig {
    /// Paths that are looked for in the working directory first, then beside the config file.
    pub(super) fn paths(&mut self) -> [&mut PathBuf; 1] {
        [&mut self.latency_profile]
    }

    /// Whether a key may change between calls on one run: all may, for trials have a record of their own.
    pub(super) fn may_change(_key: &str) -> bool {
        true
    }

    /// Whether the cost called `name` is limited or an objective.
    pub fn asks_for(&self, name: &str) -> bool {
        self.limits[name] > 0.0 || self.objectives.iter().any(|objective| objective.as_str() == name)
    }

    /// Candidates that a process evaluates at a time.
    pub fn workers(&self) -> usize {
        match self.parallel {
            0 => rayon::current_num_threads(),
            parallel => parallel,
        }
    }

    /// Whether a profile predicts the latency of candidates, which is asked for.
    pub fn predicts_latency(&self) -> bool {
        self.asks_for(LATENCY_MS) && self.latency == LatencySource::Predictor
    }

    /// Whether the latency of candidates, which is asked for, is measured.
    pub fn measures_latency(&self) -> bool {
        self.asks_for(LATENCY_MS) && self.latency == LatencySource::Measured
    }

    /// Adds what is out of range.
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.ranges("search", self);
        self.check_objectives(faults);
        let message = format!("{} is more than search.population = {}", self.parents, self.population);
        faults.need(self.parents <= self.population, "search.parents", message);
        self.precision.check("search.precision", faults);
    }

    fn check_objectives(&self, faults: &mut Faults) {
        let (key, objectives) = ("search.objectives", &self.objectives);
        let has_loss = objectives.iter().any(|objective| objective.as_str() == LOSS);
        faults.need(has_loss, key, "must have \"loss\"");
        let repeated = objectives.iter().enumerate().find(|(place, name)| objectives[..*place].contains(name));
        let name = repeated.map_or("", |(_, name)| name.as_str());
        faults.need(repeated.is_none(), key, format!("\"{name}\" is there twice"));
        let count = objectives.len();
        faults.need(count <= MOST_OBJECTIVES, key, format!("{count} are more than {MOST_OBJECTIVES}"));
        let algorithm = self.algorithm.as_str();
        let has_children = !CHILDLESS.contains(&algorithm);
        let message = format!("\"{algorithm}\" has no children that it could choose; set it to false");
        faults.need(has_children || !self.surrogate, "search.surrogate", message);
        let fits = objectives.len() < 2 || !OF_ONE_OBJECTIVE.contains(&algorithm);
        faults.need(fits, key, format!("\"{algorithm}\" minimises the loss alone; set search.algorithm = \"nsga2\""));
    }
}

impl Serialize for SearchConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut keys = serializer.serialize_map(None)?;
        keys.serialize_entry("algorithm", &self.algorithm)?;
        keys.serialize_entry("objectives", &self.objectives)?;
        keys.serialize_entry("population", &self.population)?;
        keys.serialize_entry("parents", &self.parents)?;
        keys.serialize_entry("mutations", &self.mutations)?;
        keys.serialize_entry("crossovers", &self.crossovers)?;
        keys.serialize_entry("mutation_probability", &self.mutation_probability)?;
        keys.serialize_entry("generations", &self.generations)?;
        keys.serialize_entry("patience", &self.patience)?;
        keys.serialize_entry("surrogate", &self.surrogate)?;
        keys.serialize_entry("racing", &self.racing)?;
        for (row, limit) in self.limits.iter() {
            keys.serialize_entry(&row.key(), &limit)?;
            if row.name == LATENCY_MS {
                keys.serialize_entry("latency", &self.latency)?;
                keys.serialize_entry("latency_profile", &self.latency_profile)?;
            }
        }
        keys.serialize_entry("encoder_at_least_decoder", &self.encoder_at_least_decoder)?;
        keys.serialize_entry("max_tokens", &self.max_tokens)?;
        keys.serialize_entry("parallel", &self.parallel)?;
        keys.serialize_entry("precision", &self.precision)?;
        keys.end()
    }
}

impl<'de> Deserialize<'de> for SearchConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Section)
    }
}

/// Reads the section, each value by itself, so that a mistake is found where it is.
struct Section;

impl<'de> Visitor<'de> for Section {
    type Value = SearchConfig;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("struct SearchConfig")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SearchConfig, A::Error> {
        let mut config = SearchConfig::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "algorithm" => config.algorithm = map.next_value()?,
                "objectives" => config.objectives = map.next_value()?,
                "population" => config.population = map.next_value()?,
                "parents" => config.parents = map.next_value()?,
                "mutations" => config.mutations = map.next_value()?,
                "crossovers" => config.crossovers = map.next_value()?,
                "mutation_probability" => config.mutation_probability = map.next_value()?,
                "generations" => config.generations = map.next_value()?,
                "patience" => config.patience = map.next_value()?,
                "surrogate" => config.surrogate = map.next_value()?,
                "racing" => config.racing = map.next_value()?,
                "latency" => config.latency = map.next_value()?,
                "latency_profile" => config.latency_profile = map.next_value()?,
                "encoder_at_least_decoder" => config.encoder_at_least_decoder = map.next_value()?,
                "max_tokens" => config.max_tokens = map.next_value()?,
                "parallel" => config.parallel = map.next_value()?,
                "precision" => config.precision = map.next_value()?,
                key => match config.limits.of_key(key) {
                    Some(limit) => *limit = map.next_value()?,
                    None => return Err(A::Error::custom(format!("unknown field `{key}`"))),
                },
            }
        }
        Ok(config)
    }
}

/// Where the latency of a candidate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LatencySource {
    /// A device's profile predicts it
    Predictor,
    /// Each candidate is measured on the device of the search, the best once more at length
    Measured,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::COSTS;

    /// Each key of `[search]` off its default: one that is not written, or not read, is missing after it.
    #[test]
    fn every_key_of_a_search_comes_back() {
        let mut limits = Limits::default();
        for (place, row) in COSTS.iter().enumerate() {
            limits[row.name] = 1.5 + place as f64;
        }
        let search = SearchConfig {
            algorithm: AlgorithmName::new("random").unwrap(),
            objectives: ["gflops", "loss"].map(|name| ObjectiveName::new(name).unwrap()).into(),
            population: 1,
            parents: 2,
            mutations: 3,
            crossovers: 4,
            mutation_probability: 0.5,
            generations: 6,
            patience: 5,
            surrogate: true,
            racing: true,
            limits,
            latency: LatencySource::Measured,
            latency_profile: "xeon.json".into(),
            encoder_at_least_decoder: true,
            max_tokens: 7,
            parallel: 8,
            precision: Precision::Auto,
        };
        assert_eq!(toml::from_str::<SearchConfig>(&toml::to_string(&search).unwrap()).unwrap(), search);
    }
}
