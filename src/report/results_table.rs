//! What a run has found, as tables.

use super::figures::{BESIDE_DENSE, BESIDE_DENSE_SEARCH, Kind, MODEL, READING, TRAINING};
use super::reading::Reading;
use super::results::{Reference, Results, TestedModel};
use super::table::{Cell, Column, Row, Table};

/// What is said of rows whose references are no raw text.
const JOINED_REFERENCES: &str = "BLEU and chrF are of tokenised text: the references are the test set's ids joined to words; \
                                 data.test_reference can name raw ones";

/// The models; how they compare, where there is anything to compare with; and the readings of a ladder.
pub fn results_tables(results: &Results) -> Vec<Table> {
    let mut tables = vec![models(results)];
    if results.rows.iter().any(|row| !row.compared.is_empty()) {
        tables.push(comparisons(results));
    }
    if !results.readings.is_empty() {
        tables.push(readings(&results.readings));
    }
    tables
}

/// A row for each model.
fn models(results: &Results) -> Table {
    let columns = columns("model", &[MODEL]);
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
    let row = |model: &TestedModel| Row {
        cells: [model.name.as_str().into()].into_iter().chain(figures(model, MODEL)).collect(),
        remark: remark(model),
    };
    Table { title: String::new(), columns, rows: results.rows.iter().map(row).collect() }
}

/// That of what the rows are, and those of the figures.
fn columns<T>(rows: &'static str, kinds: &[&[Kind<T>]]) -> Vec<Column> {
    let figures = kinds.iter().copied().flatten().map(|kind| kind.column);
    [Column::new(rows, rows, 0)].into_iter().chain(figures).collect()
}

/// The figures of `row`.
fn figures<T>(row: &T, kinds: &[Kind<T>]) -> impl Iterator<Item = Cell> {
    kinds.iter().map(|kind| (kind.of)(row).into())
}

/// What each model costs and gains beside the references.
fn comparisons(results: &Results) -> Table {
    let has_search = compared(results, Reference::DenseSearch).is_some();
    let beside_search = if has_search { BESIDE_DENSE_SEARCH } else { &[] };
    let columns = columns("model", &[TRAINING, BESIDE_DENSE, beside_search]);
    let row = |model: &TestedModel| {
        let mut cells = vec![model.name.as_str().into()];
        cells.extend(figures(model, TRAINING));
        cells.extend(beside(model, Reference::Dense));
        if has_search {
            cells.extend(beside(model, Reference::DenseSearch));
        }
        Row { cells, remark: None }
    };
    let dense = compared(results, Reference::Dense).map(|name| format!("dense: {name}"));
    let search = compared(results, Reference::DenseSearch).map(|name| format!("dense search: {name}"));
    let references = dense.into_iter().chain(search).collect::<Vec<_>>().join("; ");
    let title = format!("Beside {references}; BLEU's differences with the 95 % interval of a paired bootstrap");
    Table { title, columns, rows: results.rows.iter().map(row).collect() }
}

/// The name of the first model that is this reference.
fn compared(results: &Results, reference: Reference) -> Option<&str> {
    let mut compared = results.rows.iter().flat_map(|row| &row.compared);
    compared.find(|compared| compared.reference == reference).map(|compared| compared.with.as_str())
}

/// FLOPs and BLEU of `model` beside the reference.
fn beside(model: &TestedModel, reference: Reference) -> [Cell; 2] {
    match model.beside(reference) {
        None => [Cell::Missing, Cell::Missing],
        Some(compared) => {
            let [least, most] = compared.bleu_interval;
            [compared.gflops.into(), format!("{:+.2} [{least:+.2}, {most:+.2}]", compared.bleu).into()]
        }
    }
}

/// FLOPs at equal validation loss.
fn readings(readings: &[Reading]) -> Table {
    let mut columns = columns("search", &[READING]);
    columns.insert(1, Column::new("models", "models", 0));
    let row = |reading: &Reading| Row {
        cells: [reading.search.as_str().into(), (reading.models as f64).into()]
            .into_iter()
            .chain(figures(reading, READING))
            .collect(),
        remark: match (reading.gflops, reading.is_bound) {
            (None, _) => Some("no model is as good: allow for more FLOPs (--ladder)".into()),
            (Some(_), true) => Some("the smallest model is as good: fewer FLOPs may do (--ladder)".into()),
            (Some(_), false) => None,
        },
    };
    let title =
        "FLOPs at the dense model's validation loss, between the models of a search under several limits".into();
    Table { title, columns, rows: readings.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::Text;
    use crate::report::{Compared, Exporter};

    #[test]
    fn a_table_more_for_comparisons_and_for_readings() {
        let mut results: Results =
            serde_json::from_str(r#"{"rows": [{"name": "winner"}, {"name": "baseline"}]}"#).unwrap();
        assert_eq!(results_tables(&results).len(), 1);
        results.rows[0].compared.push(Compared {
            reference: Reference::Dense,
            with: "baseline".into(),
            gflops: 0.5,
            bleu: 0.4,
            bleu_interval: [-0.25, 1.0],
            p_value: 0.125,
        });
        let text = Text.export(&results_tables(&results)[1..]);
        assert!(
            text.contains("Beside dense: baseline;") && text.contains("0.500            +0.40 [-0.25, +1.00]"),
            "{text}"
        );
        assert!(!text.contains("dense search"), "{text}");
        results.readings = [(None, false), (Some(0.02), true), (Some(0.02), false)]
            .map(|(gflops, is_bound)| Reading {
                search: "winner".into(),
                models: 3,
                loss: 2.0,
                gflops,
                is_bound,
                of_dense: None,
                of_dense_search: None,
            })
            .into();
        let tables = results_tables(&results);
        let remarks: Vec<_> = tables[2].rows.iter().map(|row| row.remark.is_some()).collect();
        assert_eq!(remarks, [true, true, false]);
    }
}
