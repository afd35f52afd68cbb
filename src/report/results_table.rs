//! What a run has found, as a table.

use super::results::{Results, TestedModel};
use super::table::{Column, Rounding, Row, Table};

/// What is said of rows whose references are no raw text.
const JOINED_REFERENCES: &str = "BLEU and chrF are of tokenised text: the references are the test set's ids joined to words; \
                                 data.test_reference can name raw ones";

/// A row for each model.
pub fn results_table(results: &Results) -> Table {
    let columns = vec![
        Column::new("model", "model", 0),
        Column::new("bleu", "BLEU", 2),
        Column::new("chrf", "chrF", 2),
        Column::new("gflops", "GFLOPs", 4),
        Column::new("parameters_m", "parameters M", 3),
        Column::new("active_parameters_m", "active M", 3),
        Column::new("sparsity_percent", "sparsity %", 1),
        Column { key: "latency_ms", heading: "latency ms", rounding: Rounding::ThreeDigits },
    ];
    let joined = results.joined_references.then_some(JOINED_REFERENCES);
    let remark = |model: &TestedModel| {
        let noise =
            model.latency.filter(|latency| latency.interval_ms.is_some()).and_then(|latency| latency.noise(0.0));
        let noise = noise.map(|noise| {
            format!("the latency is too noisy to trust ({noise}); automoe latency measure takes more time")
        });
        let remarks: Vec<String> = joined.map(String::from).into_iter().chain(noise).collect();
        (!remarks.is_empty()).then(|| remarks.join("; "))
    };
    let rows = results.rows.iter().map(|model| row(model, remark(model))).collect();
    Table { title: String::new(), columns, rows }
}

fn row(model: &TestedModel, remark: Option<String>) -> Row {
    Row {
        cells: vec![
            model.name.as_str().into(),
            model.bleu.into(),
            model.chrf.into(),
            model.gflops.into(),
            model.parameters_m().into(),
            model.active_parameters_m().into(),
            model.sparsity_percent().into(),
            model.latency.map(|latency| latency.total_ms()).into(),
        ],
        remark,
    }
}
