//! The paper's figures beside what its architectures come to: by how much they differ, and why.

use super::published::PublishedArchitecture;
use serde::Deserialize;

/// Published figures differ from computed ones by less than a unit of their last digit, rounded or cut.
const PARAMETERS_UNIT: f64 = 1.0;
const SPARSITY_UNIT: f64 = 1.0;
const GFLOPS_UNIT: f64 = 0.1;

/// A row as the paper has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PaperRow {
    /// The data set, the constraint, or the variation.
    pub(super) data: String,
    pub(super) model: String,
    /// The name of the published architecture, where there is one.
    pub(super) architecture: Option<String>,
    pub(super) parameters_m: Option<f64>,
    pub(super) sparsity_percent: Option<f64>,
    pub(super) gflops: Option<f64>,
    pub(super) bleu: Option<f64>,
    pub(super) gpu_hours: Option<f64>,
    pub(super) cpu_ms: Option<f64>,
    pub(super) v100_ms: Option<f64>,
}

/// What is computed from a published architecture, in the units of the tables.
pub(super) struct Computed {
    pub(super) active_m: f64,
    pub(super) total_m: f64,
    pub(super) sparsity_percent: f64,
    pub(super) gflops: f64,
    pub(super) gflops_worst: f64,
}

impl Computed {
    pub(super) fn of(published: &PublishedArchitecture) -> Self {
        let parameters = published.parameters();
        let flops = published.flops();
        Self {
            active_m: parameters.active / 1e6,
            total_m: parameters.total as f64 / 1e6,
            sparsity_percent: 100.0 * parameters.sparsity(),
            gflops: flops.mean / 1e9,
            gflops_worst: flops.worst as f64 / 1e9,
        }
    }
}

/// Why computed figures are missing, or by how much and why they differ from the paper's.
pub(super) fn remark(row: &PaperRow, known: Option<&PublishedArchitecture>) -> Option<String> {
    let Some(known) = known else {
        return Some("the paper does not give the architecture, so nothing is computed.".into());
    };
    let computed = Computed::of(known);
    let differs = |published: f64, here: f64, unit: f64| (published - here).abs() >= unit;
    let mut sentences = Vec::new();
    if let Some(published) = row.parameters_m
        && differs(published, computed.active_m, PARAMETERS_UNIT)
    {
        let here = computed.active_m;
        sentences.push(format!("Active parameters: {published} M in the paper, {here:.2} M here."));
    }
    if let Some(published) = row.sparsity_percent
        && differs(published, computed.sparsity_percent, SPARSITY_UNIT)
    {
        sentences.push(sparsity_remark(published, known, &computed));
    }
    if let Some(published) = row.gflops
        && differs(published, computed.gflops, GFLOPS_UNIT)
    {
        sentences.push(gflops_remark(published, known, &computed));
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

fn sparsity_remark(published: f64, known: &PublishedArchitecture, computed: &Computed) -> String {
    let here = computed.sparsity_percent;
    let implied = computed.active_m / (1.0 - published / 100.0);
    let reference = known.reference_parameters() as f64 / 1e6;
    let (total, experts) = (computed.total_m, known.max_experts);
    format!(
        "Sparsity: {published} % in the paper, {here:.1} % here. The paper's figure takes {implied:.1} M parameters in all, \
         but the published experts, routers and attentions come to {total:.1} M; with all {experts} experts of the space in \
         every layer, as the reference counts, it would be {reference:.1} M ({:.1} %).",
        100.0 * (1.0 - computed.active_m / reference),
    )
}

fn gflops_remark(published: f64, known: &PublishedArchitecture, computed: &Computed) -> String {
    let here = computed.gflops;
    let mut sentence = format!("FLOPs: {published} G in the paper, {here:.2} G here ({:+.2} G)", here - published);
    if let Some([least, most]) = known.flops_range() {
        sentence += &format!(
            ": the layers that cross-attention sees are not published, and leave {:.2} to {:.2} G",
            least / 1e9,
            most / 1e9
        );
    }
    sentence + "."
}
