//! The counts as [`Cost`]s, for searches and constraints.

use super::{Cost, Dimensions, Embeddings, flops, memory, parameters};
use crate::space::Architecture;

/// FLOPs in units of 10⁹, mean over experts, without the output projection.
#[derive(Debug, Clone, Copy)]
pub struct Gflops(pub Dimensions);

impl Cost for Gflops {
    fn name(&self) -> &str {
        "gflops"
    }

    fn unit(&self) -> &str {
        "GFLOPs"
    }

    fn of(&self, architecture: &Architecture) -> f64 {
        flops(architecture, &self.0).mean / 1e9
    }
}

/// All parameters in millions, embeddings left out.
#[derive(Debug, Clone, Copy)]
pub struct TotalParameters {
    /// Features of queries, keys and values.
    pub qkv_dim: usize,
}

impl Cost for TotalParameters {
    fn name(&self) -> &str {
        "parameters"
    }

    fn unit(&self) -> &str {
        "M"
    }

    fn of(&self, architecture: &Architecture) -> f64 {
        parameters(architecture, self.qkv_dim).total as f64 / 1e6
    }
}

/// Parameters that a token passes, in millions, mean over experts, embeddings left out.
#[derive(Debug, Clone, Copy)]
pub struct ActiveParameters {
    /// Features of queries, keys and values.
    pub qkv_dim: usize,
}

impl Cost for ActiveParameters {
    fn name(&self) -> &str {
        "active_parameters"
    }

    fn unit(&self) -> &str {
        "M"
    }

    fn of(&self, architecture: &Architecture) -> f64 {
        parameters(architecture, self.qkv_dim).active / 1e6
    }
}

/// Weights held to translate, embeddings included, in units of 10⁶ bytes.
#[derive(Debug, Clone, Copy)]
pub struct MemoryMb {
    /// Features of queries, keys and values.
    pub qkv_dim: usize,
    /// The embedding tables.
    pub embeddings: Embeddings,
}

impl Cost for MemoryMb {
    fn name(&self) -> &str {
        "memory_mb"
    }

    fn unit(&self) -> &str {
        "MB"
    }

    fn of(&self, architecture: &Architecture) -> f64 {
        memory::inference_bytes(architecture, self.qkv_dim, &self.embeddings) as f64 / 1e6
    }
}
