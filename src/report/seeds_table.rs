//! What runs with several seeds have found, as tables.

use super::figures::{BESIDE_DENSE, BESIDE_DENSE_SEARCH, FigureColumn, MODEL, TRAINING, of_reading};
use super::reading::Quality;
use super::repeated_rows::{Figure, RepeatedRow};
use super::results::Results;
use super::results_table::{is_noisy, limitation, readings};
use super::seeds::Repeated;
use super::table::{Cell, Column, Row, Table};
use std::collections::BTreeSet;

/// Mean and deviation of the models' figures, in two tables, and of the readings of a ladder. Columns that no row has are left out.
pub fn seeds_tables(repeated: &Repeated) -> Vec<Table> {
    let seeds = repeated.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let title = |what: &str| format!("{what}: mean and deviation over seeds {seeds}");
    let compared = [TRAINING, BESIDE_DENSE, BESIDE_DENSE_SEARCH];
    let noisy = |name: &str| {
        let count = in_seeds(repeated, |results| results.rows.iter().any(|row| row.name == name && is_noisy(row)));
        (count > 0).then(|| format!("the latency is too noisy to trust with {count} of {} seeds", repeated.seeds.len()))
    };
    let limited = |quality: Quality, name: &str| {
        let why = |results: &Results| {
            let mut readings = results.readings.iter();
            limitation(readings.find(|reading| reading.search == name && reading.quality == quality)?)
        };
        let whys: BTreeSet<&str> = repeated.results.iter().filter_map(why).collect();
        let counted = |what: &str| {
            let count = in_seeds(repeated, |results| why(results) == Some(what));
            format!("with {count} of {} seeds {what}", repeated.seeds.len())
        };
        (!whys.is_empty()).then(|| whys.into_iter().map(counted).collect::<Vec<_>>().join("; "))
    };
    let (models, training) = ("Models", "Training, and beside the dense models");
    let by_seed = |quality: Quality| {
        let rows = match quality {
            Quality::Loss => &repeated.readings,
            Quality::Bleu => &repeated.bleu_readings,
        };
        let title = title(&format!("FLOPs at the dense model's {}", quality.title()));
        table(title, "search", &of_reading(quality), rows, |name| limited(quality, name))
    };
    let of_means = |quality: Quality| {
        let title = format!("FLOPs at the mean of the dense model's {}, read off the models' means", quality.title());
        readings(&title, quality, &repeated.readings_of_means)
    };
    let tables = [
        table(title(models), "model", &[MODEL], &repeated.rows, noisy),
        table(title(training), "model", &compared, &repeated.rows, |_| None),
    ];
    let readings = Quality::ALL.into_iter().flat_map(|quality| [Some(by_seed(quality)), of_means(quality)]);
    tables.into_iter().chain(readings.flatten()).filter(|table| !table.rows.is_empty()).collect()
}

/// In how many of the results something is so.
fn in_seeds(repeated: &Repeated, is_so: impl Fn(&Results) -> bool) -> usize {
    repeated.results.iter().filter(|results| is_so(results)).count()
}

fn table<T>(
    title: String,
    of: &'static str,
    figures: &[&[FigureColumn<T>]],
    rows: &[RepeatedRow],
    remark: impl Fn(&str) -> Option<String>,
) -> Table {
    let is_there = |figure: &&FigureColumn<T>| rows.iter().any(|row| row.figures.contains_key(figure.column.key));
    let shown: Vec<_> = figures.iter().copied().flatten().filter(is_there).collect();
    let mut columns = vec![Column::new(of, of, 0)];
    columns.extend(shown.iter().map(|figure| figure.column));
    let row = |row: &RepeatedRow| {
        let cell = |figure: &&FigureColumn<T>| {
            row.figures
                .get(figure.column.key)
                .map_or(Cell::Missing, |Figure { mean, deviation }| Cell::Mean { mean: *mean, deviation: *deviation })
        };
        let cells: Vec<Cell> = shown.iter().map(cell).collect();
        Row { cells: [vec![row.name.as_str().into()], cells].concat(), remark: remark(&row.name) }
    };
    Table { title, columns, rows: rows.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::Text;
    use crate::report::{Exporter, Results};
    use serde_json::json;

    #[test]
    fn figures_stand_with_their_deviation() {
        let results = |bleu: f64| -> Results {
            serde_json::from_value(json!({"rows": [{"name": "winner", "bleu": bleu, "validation_loss": 2.0}]})).unwrap()
        };
        let tables = seeds_tables(&Repeated::of(vec![1, 2], vec![results(30.0), results(31.0)]));
        assert_eq!(tables.len(), 2);
        let text = Text.export(&tables);
        assert!(text.contains("Models: mean and deviation over seeds 1, 2"), "{text}");
        let reading = |gflops: Option<f64>, is_bound: bool| -> Results {
            let reading = json!({"search": "winner", "models": 2, "loss": 2.0, "gflops": gflops, "is_bound": is_bound,
                "of_dense": gflops, "of_dense_search": null});
            serde_json::from_value(json!({"rows": [], "readings": [reading]})).unwrap()
        };
        let of = |one: Results, other: Results| Text.export(&seeds_tables(&Repeated::of(vec![1, 2], vec![one, other])));
        let exact = of(reading(Some(0.25), false), reading(Some(0.75), false));
        assert!(exact.contains("0.5000 ± 0.3536") && !exact.contains("seeds the"), "{exact}");
        let bound = of(reading(Some(0.25), true), reading(None, false));
        assert!(!bound.contains("0.25"), "{bound}");
        let told =
            "winner: with 1 of 2 seeds no model is as good: allow for more FLOPs (--ladder); with 1 of 2 seeds the";
        assert!(bound.contains(told), "{bound}");
        assert!(
            text.contains("winner   30.50 ± 0.71") && text.contains("2.000 ± 0.000") && !text.contains("chrF"),
            "{text}"
        );
    }
}
