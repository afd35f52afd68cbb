//! What products are computed in.

use super::faults::Faults;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What products are computed in. Weights and the optimizer's moments are kept in single precision in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision.
    #[default]
    Float32,
    /// Half of the bits, single precision's range.
    Bfloat16,
    /// Half of the bits; gradients are scaled into its range.
    Float16,
    /// 8-bit integers, in translation alone.
    Int8,
    /// Bfloat16 where the device computes in it, else single precision.
    Auto,
}

impl Precision {
    /// That of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Float32, Self::Bfloat16, Self::Float16, Self::Int8, Self::Auto]
            .into_iter()
            .find(|precision| precision.name() == name)
    }

    /// As configs have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Bfloat16 => "bfloat16",
            Self::Float16 => "float16",
            Self::Int8 => "int8",
            Self::Auto => "auto",
        }
    }

    /// Adds int8 to the `faults` as the value of `key`, which is not translation's.
    pub(super) fn check(self, key: &str, faults: &mut Faults) {
        let message = "\"int8\" is for translate.precision alone; use \"float32\", \"bfloat16\" or \"auto\"";
        faults.need(self != Self::Int8, key, message);
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
