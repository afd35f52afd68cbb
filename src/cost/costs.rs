//! The costs of the catalog that are counted, for searches to limit.
//!
//! # Adding a cost
//! Write `src/cost/NAME.rs`, which counts it; add its row to `src/catalog/costs.rs` and its line to the table here. Config
//! key, option, trial key and messages follow from the row.

use super::basis::Basis;
use super::constraint::Cost;
use super::flops::flops;
use super::kv_cache::kv_cache_bytes;
use super::memory::inference_bytes;
use super::parameters::parameters;
use crate::catalog::{COSTS, CostRow, Origin};
use crate::space::Architecture;
use std::sync::Arc;

/// Counts one cost, in the unit of its row.
type Count = fn(&Architecture, &Basis) -> f64;

/// What counts each of them.
const COUNTS: [(&str, Count); 5] = [
    ("gflops", |architecture, basis| flops(architecture, &basis.dimensions).mean / 1e9),
    ("parameters", |architecture, basis| parameters(architecture, basis.dimensions.qkv_dim).total as f64 / 1e6),
    ("active_parameters", |architecture, basis| parameters(architecture, basis.dimensions.qkv_dim).active / 1e6),
    ("memory_mb", |architecture, basis| {
        inference_bytes(architecture, basis.dimensions.qkv_dim, &basis.embeddings) as f64 / 1e6
    }),
    ("kv_cache_mb", |architecture, basis| kv_cache_bytes(architecture, basis) as f64 / 1e6),
];

/// Costs that a search can limit, no two of one name.
#[derive(Clone, Default)]
pub struct Costs(Vec<Arc<dyn Cost>>);

impl Costs {
    /// All that are counted from the architecture.
    pub fn counted(basis: &Basis) -> Self {
        let counted = COSTS.iter().filter(|row| row.origin == Origin::Counted);
        counted
            .map(|row| Arc::new(Counted { row, count: count_of(row.name), basis: *basis }) as Arc<dyn Cost>)
            .collect()
    }

    /// The cost called `name`.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Cost>> {
        self.0.iter().find(|cost| cost.name() == name)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Cost>> {
        self.0.iter()
    }
}

impl FromIterator<Arc<dyn Cost>> for Costs {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Cost>>>(costs: I) -> Self {
        Self(costs.into_iter().collect())
    }
}

impl Extend<Arc<dyn Cost>> for Costs {
    fn extend<I: IntoIterator<Item = Arc<dyn Cost>>>(&mut self, costs: I) {
        self.0.extend(costs);
    }
}

fn count_of(name: &str) -> Count {
    let of_name = COUNTS.iter().find(|(counted, _)| *counted == name);
    of_name.expect("every cost of the catalog that is counted has its line").1
}

/// A cost of the catalog that is counted.
struct Counted {
    row: &'static CostRow,
    count: Count,
    basis: Basis,
}

impl Cost for Counted {
    fn name(&self) -> &str {
        self.row.name
    }

    fn unit(&self) -> &str {
        self.row.unit
    }

    fn of(&self, architecture: &Architecture) -> f64 {
        (self.count)(architecture, &self.basis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cost_of_the_catalog_that_is_counted_has_its_line() {
        let counted = COSTS.iter().filter(|row| row.origin == Origin::Counted);
        assert!(COUNTS.iter().map(|(name, _)| *name).eq(counted.map(|row| row.name)));
    }
}
