//! Latency as it was predicted, and as it was measured.

use super::facts::Facts;
use super::shown::table;
use crate::catalog::LATENCY_MS;
use crate::report::{Column, Rounding, Row, Table, TestedModel};
use maud::{Markup, html};

/// A row for each tested model whose architecture the search had a latency for; none: nothing.
pub(super) fn latency(facts: &Facts) -> Option<Markup> {
    let column = |key, heading| Column { key, heading, rounding: Rounding::ThreeDigits };
    let columns = vec![
        Column::new("model", "model", 0),
        column("search_ms", "in the search, ms"),
        column("measured_ms", "measured, ms"),
        Column::new("difference", "difference %", 1),
    ];
    let row_of = |model: &TestedModel| {
        let trial = facts.trials.iter().find(|trial| Some(&trial.architecture) == model.architecture.as_ref())?;
        let (searched, measured) = (trial.figure(LATENCY_MS)?, model.latency?.total_ms());
        let difference = 100.0 * (searched / measured - 1.0);
        Some(Row {
            cells: vec![model.name.as_str().into(), searched.into(), measured.into(), difference.into()],
            remark: None,
        })
    };
    let rows: Vec<Row> = facts.results.iter().flat_map(|results| &results.rows).filter_map(row_of).collect();
    let source =
        if facts.config.search.measures_latency() { "measured in a few passes" } else { "predicted by the profile" };
    (!rows.is_empty()).then(|| {
        html! {
            p.note { "In the search, latency was " (source) "." }
            (table(&Table { title: String::new(), columns, rows }))
        }
    })
}
