//! The limits of a search: the most that it allows of each cost of the catalog.

use crate::catalog::{COSTS, CostRow};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, json};
use std::borrow::Cow;
use std::ops::{Index, IndexMut};

/// The largest allowed figure of each cost, by its name (`limits["gflops"]`); 0: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits([f64; COSTS.len()]);

impl Limits {
    /// The limit of the cost called `name`; `None` where the catalog has no such cost.
    pub fn get(&self, name: &str) -> Option<f64> {
        place(name).map(|place| self.0[place])
    }

    /// Each cost with its limit, in the catalog's order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static CostRow, f64)> {
        COSTS.iter().zip(self.0)
    }

    /// The limit under this key of `[search]`.
    pub(super) fn of_key(&mut self, key: &str) -> Option<&mut f64> {
        let place = COSTS.iter().position(|row| row.key() == key)?;
        Some(&mut self.0[place])
    }
}

impl JsonSchema for Limits {
    fn schema_name() -> Cow<'static, str> {
        "Limits".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let key = |row: &CostRow| {
            let documentation = format!("{}; 0: no limit.", row.documentation);
            (row.key(), json!({"description": documentation, "type": "number", "minimum": 0, "default": 0.0}))
        };
        json_schema!({"type": "object", "properties": COSTS.iter().map(key).collect::<Map<_, _>>()})
    }
}

fn place(name: &str) -> Option<usize> {
    COSTS.iter().position(|row| row.name == name)
}

/// Panics where the catalog has no cost of this name.
impl Index<&str> for Limits {
    type Output = f64;

    fn index(&self, name: &str) -> &f64 {
        &self.0[place(name).expect("a cost of the catalog")]
    }
}

/// Panics where the catalog has no cost of this name.
impl IndexMut<&str> for Limits {
    fn index_mut(&mut self, name: &str) -> &mut f64 {
        &mut self.0[place(name).expect("a cost of the catalog")]
    }
}

/// Limits on the costs called so, and none on others. Panics where the catalog has no cost of such a name.
impl<const N: usize> From<[(&str, f64); N]> for Limits {
    fn from(given: [(&str, f64); N]) -> Self {
        let mut limits = Self::default();
        for (name, limit) in given {
            limits[name] = limit;
        }
        limits
    }
}
