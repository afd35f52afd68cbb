//! What an architecture costs and a search can limit. Counts of each are in `cost/`.

/// A cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CostRow {
    /// As in trials, messages and JSON, such as `gflops`.
    pub name: &'static str,
    /// Unit of its figures, such as `GFLOPs`.
    pub unit: &'static str,
    /// What follows a figure where several costs are told in a row: the unit and, where it is not plain from that, of what.
    pub noun: &'static str,
    /// What stands for the limit in the option's help.
    pub value_name: &'static str,
    /// What is limited, one line.
    pub documentation: &'static str,
    /// How its figures come about.
    pub origin: Origin,
}

impl CostRow {
    /// The key of its limit in a config's `[search]`, such as `max_gflops`. 0 is no limit.
    pub fn key(&self) -> String {
        format!("max_{}", self.name)
    }

    /// The option of its limit: the key with dashes, such as `max-gflops`.
    pub fn option(&self) -> String {
        self.key().replace('_', "-")
    }
}

/// How the figures of a cost come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Counted from the architecture, always the same.
    Counted,
    /// Measured with a model on a device, which takes time and may fail, or predicted from such measurements.
    Measured,
}

/// The name of the one cost that is measured or predicted.
pub const LATENCY_MS: &str = "latency_ms";
/// The name of the memory that keys and values take.
pub const KV_CACHE_MB: &str = "kv_cache_mb";

/// All costs, in the order of configs and help.
pub static COSTS: [CostRow; 6] = [
    CostRow {
        name: "gflops",
        unit: "GFLOPs",
        noun: "GFLOPs",
        value_name: "F",
        documentation: "Largest FLOPs in units of 10⁹, the output projection left out",
        origin: Origin::Counted,
    },
    CostRow {
        name: LATENCY_MS,
        unit: "ms",
        noun: "ms",
        value_name: "T",
        documentation: "Longest latency of one sentence in milliseconds, encoder and decoder together",
        origin: Origin::Measured,
    },
    CostRow {
        name: "parameters",
        unit: "M",
        noun: "M parameters",
        value_name: "M",
        documentation: "Most parameters in millions, all experts, embeddings left out",
        origin: Origin::Counted,
    },
    CostRow {
        name: "active_parameters",
        unit: "M",
        noun: "M active parameters",
        value_name: "M",
        documentation: "Most parameters in millions that a token passes, embeddings left out",
        origin: Origin::Counted,
    },
    CostRow {
        name: "memory_mb",
        unit: "MB",
        noun: "MB",
        value_name: "MB",
        documentation: "Most memory of all weights in 10⁶ bytes, embeddings included",
        origin: Origin::Counted,
    },
    CostRow {
        name: KV_CACHE_MB,
        unit: "MB",
        noun: "MB of keys and values",
        value_name: "MB",
        documentation: "Most memory of the keys and values of one decoded sentence with its beam, in 10⁶ bytes",
        origin: Origin::Counted,
    },
];

/// The cost called `name`.
pub fn cost(name: &str) -> Option<&'static CostRow> {
    COSTS.iter().find(|row| row.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_costs_are_of_one_name() {
        for row in &COSTS {
            assert_eq!(cost(row.name), Some(row), "the first of this name");
        }
    }

    #[test]
    fn keys_and_options_are_made_of_names() {
        let row = cost("active_parameters").unwrap();
        assert_eq!((row.key().as_str(), row.option().as_str()), ("max_active_parameters", "max-active-parameters"));
    }
}
