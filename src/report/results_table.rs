//! What a run has found, as tables.

use super::figures::{BESIDE_DENSE, BESIDE_DENSE_SEARCH, FigureColumn, MODEL, TRAINING, of_reading};
use super::reading::{Quality, Reading};
use super::results::{Reference, Results, TestedModel};
use super::table::{Cell, Column, Row, Table};

/// What is said of rows whose references are no raw text.
const JOINED_REFERENCES: &str = "BLEU and chrF are of tokenised text: the references are the test set's ids joined to words; \
                                 data.test_reference can name raw ones";

/// What is said of all rows whose latency is noisy; how much so is in `results.json`.
const NOISY: &str = "the latency is too noisy to trust; automoe latency measure takes more time";

/// The models; how they compare, where there is anything to compare with; and the readings of a ladder.
pub fn results_tables(results: &Results) -> Vec<Table> {
    let mut tables = vec![models(results)];
    if results.rows.iter().any(|row| !row.compared.is_empty()) {
        tables.push(comparisons(results));
    }
    tables.extend(Quality::ALL.into_iter().filter_map(|quality| {
        let what = "between the models of a search under several limits";
        readings(&format!("FLOPs at the dense model's {}, {what}", quality.title()), quality, &results.readings)
    }));
    tables
}

/// A row for each model.
fn models(results: &Results) -> Table {
    let columns = columns("model", &[MODEL]);
    let joined = results.joined_references.then_some(JOINED_REFERENCES);
    let remark = |model: &TestedModel| {
        let noise = is_noisy(model).then_some(NOISY);
        let remarks: Vec<&str> = joined.into_iter().chain(noise).collect();
        (!remarks.is_empty()).then(|| remarks.join("; "))
    };
    let row = |model: &TestedModel| Row {
        cells: [model.name.as_str().into()].into_iter().chain(figures(model, MODEL)).collect(),
        remark: remark(model),
    };
    Table { title: String::new(), columns, rows: results.rows.iter().map(row).collect() }
}

/// Whether the latency of `model` is not to be trusted.
pub(super) fn is_noisy(model: &TestedModel) -> bool {
    model.latency.is_some_and(|latency| latency.interval_ms.is_some() && latency.noise(0.0).is_some())
}

/// Why the FLOPs of `reading` are not known, or may be fewer.
pub(super) fn limitation(reading: &Reading) -> Option<&'static str> {
    match (reading.gflops, reading.is_bound) {
        (None, _) => Some("no model is as good: allow for more FLOPs (--ladder)"),
        (Some(_), true) => Some("the smallest model is as good: fewer FLOPs may do (--ladder)"),
        (Some(_), false) => None,
    }
}

/// That of what the rows are, and those of the figures.
fn columns<T>(rows: &'static str, figures: &[&[FigureColumn<T>]]) -> Vec<Column> {
    let figures = figures.iter().copied().flatten().map(|figure| figure.column);
    [Column::new(rows, rows, 0)].into_iter().chain(figures).collect()
}

/// The figures of `row`.
fn figures<T>(row: &T, figures: &[FigureColumn<T>]) -> impl Iterator<Item = Cell> {
    figures.iter().map(|figure| (figure.of)(row).into())
}

/// The references: the figures beside each, and the interval of the last of them, BLEU's difference.
const REFERENCES: [(Reference, &[FigureColumn<TestedModel>], &str); 2] = [
    (Reference::Dense, BESIDE_DENSE, "bleu_over_dense"),
    (Reference::DenseSearch, BESIDE_DENSE_SEARCH, "bleu_over_dense_search"),
];

/// What each model costs and gains beside the references.
fn comparisons(results: &Results) -> Table {
    let is_there = |(reference, ..): &&(Reference, _, _)| compared(results, *reference).is_some();
    let references: Vec<_> = REFERENCES.iter().filter(is_there).collect();
    let mut columns = columns("model", &[TRAINING]);
    for (_, beside, key) in &references {
        columns.extend(beside.iter().map(|figure| figure.column).chain([Column::signed(key, "95 %", 2)]));
    }
    let row = |model: &TestedModel| {
        let mut cells = vec![model.name.as_str().into()];
        cells.extend(figures(model, TRAINING));
        for (reference, beside, _) in &references {
            let interval = model.beside(*reference).map_or(Cell::Missing, |compared| {
                let [least, most] = compared.bleu_interval;
                Cell::Interval { least, most, p: compared.p_value }
            });
            cells.extend(figures(model, beside).chain([interval]));
        }
        Row { cells, remark: None }
    };
    let names = references.iter().filter_map(|(reference, ..)| match reference {
        Reference::Dense => compared(results, *reference).map(String::from),
        Reference::DenseSearch => Some("the first dense search under the same limit".to_owned()),
    });
    let title = format!(
        "Beside {}; BLEU's differences with the 95 % interval of a paired bootstrap; losses are of the tested weights",
        names.collect::<Vec<_>>().join(" and ")
    );
    Table { title, columns, rows: results.rows.iter().map(row).collect() }
}

/// The name of the first model that is this reference.
pub(super) fn compared(results: &Results, reference: Reference) -> Option<&str> {
    let mut compared = results.rows.iter().flat_map(|row| &row.compared);
    compared.find(|compared| compared.reference == reference).map(|compared| compared.with.as_str())
}

/// Those of `readings` that are by this quality; none where there are none.
pub(super) fn readings(title: &str, quality: Quality, readings: &[Reading]) -> Option<Table> {
    let kinds = of_reading(quality);
    let mut columns = columns("search", &kinds);
    columns.insert(1, Column::new("models", "models", 0));
    let row = |reading: &Reading| Row {
        cells: [reading.search.as_str().into(), (reading.models as f64).into()]
            .into_iter()
            .chain(kinds.iter().flat_map(|kinds| figures(reading, kinds)))
            .collect(),
        remark: limitation(reading).map(String::from),
    };
    let rows: Vec<Row> = readings.iter().filter(|reading| reading.quality == quality).map(row).collect();
    (!rows.is_empty()).then(|| Table { title: title.to_owned(), columns, rows })
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
            text.contains("Beside baseline; BLEU's") && text.contains("0.500            +0.40          -0.25 to +1.00"),
            "{text}"
        );
        assert!(!text.contains("dense search"), "{text}");
        let bleu = results_tables(&results)[1].rows[0].cells[6].clone();
        assert_eq!(bleu, Cell::Number(0.4));
        let beside = results.rows[0].compared[0].clone();
        let with = "dense-search@gflops=1".into();
        results.rows[0].compared.push(Compared { reference: Reference::DenseSearch, with, ..beside });
        let title = &results_tables(&results)[1].title;
        assert!(title.starts_with("Beside baseline and the first dense search under the same limit; "), "{title}");
        results.readings = [(None, false), (Some(0.02), true), (Some(0.02), false)]
            .map(|(gflops, is_bound)| Reading {
                search: "winner".into(),
                models: 3,
                quality: Quality::Loss,
                at: 2.0,
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
