//! The Transformers made by hand that a run trains beside the winner: that of `[baseline]`, and rows of `[[compare]]`.

use super::baseline::BaselineConfig;
use super::compare::CompareKind;
use super::settings::Config;
use crate::space::Architecture;

/// The name of the model of `[baseline]`.
const BASELINE: &str = "baseline";

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct ByHand {
    /// Its name in tables, and its model's.
    pub name: String,
    /// `dense` or `moe`.
    pub kind: CompareKind,
    /// Its shape.
    pub architecture: Architecture,
    /// Features of its queries, keys and values, which need not be as many as the space's models have.
    pub qkv_dim: usize,
}

impl Config {
    /// All of them, that of `[baseline]` first.
    pub fn by_hand(&self) -> Vec<ByHand> {
        let made = |name: &str, kind: CompareKind, sizes: &BaselineConfig, architecture: Architecture| ByHand {
            name: name.to_owned(),
            kind,
            architecture,
            qkv_dim: if sizes.qkv_dim == 0 { self.model.qkv_dim } else { sizes.qkv_dim },
        };
        let baseline = self.baseline.architecture();
        let baseline = baseline.map(|dense| made(BASELINE, CompareKind::Dense, &self.baseline, dense));
        let rows = self.compare.iter().filter_map(|row| {
            let architecture = row.architecture(&self.baseline)?;
            Some(made(row.name(), row.kind, &row.sizes(&self.baseline), architecture))
        });
        baseline.into_iter().chain(rows).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attentions_are_those_of_the_row_of_the_baseline_or_of_the_space() {
        let mut config = Config::load("toy").unwrap();
        let row = |text: &str| toml::from_str(text).unwrap();
        config.compare = vec![
            row("kind = \"dense-search\""),
            row("kind = \"dense\""),
            row("kind = \"moe\"\nexperts = 2\nqkv_dim = 32"),
        ];
        let of = |config: &Config| {
            config.by_hand().iter().map(|model| (model.name.clone(), model.qkv_dim)).collect::<Vec<_>>()
        };
        let of_space = config.model.qkv_dim;
        assert_eq!(of(&config), [("baseline".into(), of_space), ("dense".into(), of_space), ("moe".into(), 32)]);
        config.baseline.qkv_dim = 48;
        assert_eq!(of(&config), [("baseline".into(), 48), ("dense".into(), 48), ("moe".into(), 32)]);
        config.baseline.heads = 5;
        assert_eq!(config.faults()[0], "baseline.heads: 5 do not divide baseline.qkv_dim = 48");
    }
}
