//! Everything that is counted of one architecture: a line of `automoe cost`.

use super::basis::Basis;
use super::flops::{Dimensions, expected_flops, flops};
use super::kv_cache::kv_cache_bytes;
use super::memory::inference_bytes;
use super::parameters::{expected_active_parameters, parameters, reference_convention};
use super::routing::RoutingFractions;
use crate::error::Result;
use crate::space::Architecture;
use serde::Serialize;

/// The costs of one architecture; its JSON form is what scripts read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostSummary {
    /// The architecture, in normal form.
    pub architecture: Architecture,
    /// FLOPs in units of 10⁹ without the output projection, mean over experts.
    pub gflops: f64,
    /// The same where every token goes to the dearest experts.
    pub gflops_worst: f64,
    /// The output projection's.
    pub gflops_projection: f64,
    /// The same as `gflops` under measured routing; see [`Self::with_routing`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gflops_expected: Option<f64>,
    /// Numbers of parameters.
    pub parameters: ParameterSummary,
    /// Share of parameters that a token does not pass, 0 to 1, embeddings left out.
    pub sparsity: f64,
    /// Bytes of all weights in single precision, embeddings included.
    pub memory_bytes: u64,
    /// Bytes of the keys and values of one decoded sentence with its beam.
    pub kv_cache_bytes: u64,
    /// The reference's own count of parameters; see [`Self::with_reference_convention`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params_without_embedding_reference: Option<u64>,
}

/// Numbers of parameters; those that are means are rounded to whole ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ParameterSummary {
    /// All experts and routers, without embeddings.
    pub total: u64,
    /// What a token passes, mean over experts, without embeddings.
    pub active: u64,
    /// What a token passes where it is sent to the largest experts.
    pub active_worst: u64,
    /// What a token passes under measured routing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_expected: Option<u64>,
    /// The embedding tables, the output projection included.
    pub embedding: u64,
}

impl CostSummary {
    /// Counts everything that depends on the architecture alone.
    pub fn new(architecture: &Architecture, basis: &Basis) -> Self {
        let Basis { dimensions, embeddings, .. } = basis;
        let flops = flops(architecture, dimensions);
        let parameters = parameters(architecture, dimensions.qkv_dim);
        Self {
            architecture: architecture.clone(),
            gflops: flops.mean / 1e9,
            gflops_worst: flops.worst as f64 / 1e9,
            gflops_projection: flops.projection as f64 / 1e9,
            gflops_expected: None,
            parameters: ParameterSummary {
                total: parameters.total,
                active: parameters.active.round() as u64,
                active_worst: parameters.active_worst,
                active_expected: None,
                embedding: embeddings.parameters(architecture),
            },
            sparsity: parameters.sparsity(),
            memory_bytes: inference_bytes(architecture, dimensions.qkv_dim, embeddings),
            kv_cache_bytes: kv_cache_bytes(architecture, basis),
            params_without_embedding_reference: None,
        }
    }

    /// Adds what is expected under the routing that a checkpoint showed.
    ///
    /// # Errors
    /// Fractions that do not fit the architecture.
    pub fn with_routing(mut self, dimensions: &Dimensions, fractions: &RoutingFractions) -> Result<Self> {
        let flops = expected_flops(&self.architecture, dimensions, fractions)?;
        let qkv_dim = dimensions.qkv_dim;
        let active = expected_active_parameters(&self.architecture, qkv_dim, fractions)?;
        self.gflops_expected = Some(flops / 1e9);
        self.parameters.active_expected = Some(active.round() as u64);
        Ok(self)
    }

    /// Adds the reference's own count for a space of at most `max_experts` experts a layer.
    pub fn with_reference_convention(mut self, qkv_dim: usize, max_experts: usize) -> Self {
        let count = reference_convention(&self.architecture, qkv_dim, max_experts);
        self.params_without_embedding_reference = Some(count);
        self
    }
}
