//! What runs with several seeds have found, as tables.

use super::seeds::{Figure, Repeated, RepeatedRow};
use super::table::{Cell, Column, Row, Table};

/// Key, heading and decimals of the models' figures.
const MODELS: [(&str, &str, usize); 14] = [
    ("bleu", "BLEU", 2),
    ("chrf", "chrF", 2),
    ("gflops", "GFLOPs", 4),
    ("parameters_m", "parameters M", 3),
    ("active_parameters_m", "active M", 3),
    ("sparsity_percent", "sparsity %", 1),
    ("latency_ms", "latency ms", 2),
    ("validation_loss", "valid. loss", 3),
    ("training_tflops", "trained TFLOPs", 0),
    ("training_hours", "trained h", 2),
    ("gflops_of_dense", "GFLOPs / dense", 3),
    ("bleu_over_dense", "BLEU - dense", 2),
    ("gflops_of_dense_search", "GFLOPs / dense search", 3),
    ("bleu_over_dense_search", "BLEU - dense search", 2),
];

/// Those of readings.
const READINGS: [(&str, &str, usize); 4] = [
    ("loss", "valid. loss", 3),
    ("gflops", "GFLOPs there", 4),
    ("gflops_of_dense", "of dense", 3),
    ("gflops_of_dense_search", "of dense search", 3),
];

/// Mean and deviation of the models' figures, in two tables, and of the readings of a ladder. Columns that no row has are left out.
pub fn seeds_tables(repeated: &Repeated) -> Vec<Table> {
    let seeds = repeated.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let title = |what: &str| format!("{what}: mean and deviation over seeds {seeds}");
    let (models, compared) = MODELS.split_at(7);
    let tables = [
        table(title("Models"), "model", models, &repeated.rows),
        table(title("Training, and beside the dense models"), "model", compared, &repeated.rows),
        table(title("FLOPs at the dense model's validation loss"), "search", &READINGS, &repeated.readings),
    ];
    tables.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

fn table(
    title: String,
    of: &'static str,
    figures: &[(&'static str, &'static str, usize)],
    rows: &[RepeatedRow],
) -> Table {
    let is_there = |(key, ..): &&(&str, &str, usize)| rows.iter().any(|row| row.figures.contains_key(key));
    let shown: Vec<_> = figures.iter().filter(is_there).collect();
    let mut columns = vec![Column::new(of, of, 0)];
    columns.extend(shown.iter().map(|(key, heading, decimals)| Column::new(key, heading, *decimals)));
    let row = |row: &RepeatedRow| {
        let cell = |(key, _, decimals): &&(&str, &str, usize)| {
            row.figures.get(key).map(|figure| told(*figure, *decimals)).into()
        };
        let cells: Vec<Cell> = shown.iter().map(cell).collect();
        Row { cells: [vec![row.name.as_str().into()], cells].concat(), remark: None }
    };
    Table { title, columns, rows: rows.iter().map(row).collect() }
}

/// The mean, and the deviation where it is known.
fn told(figure: Figure, decimals: usize) -> String {
    match figure.deviation {
        None => format!("{:.decimals$}", figure.mean),
        Some(deviation) => format!("{:.decimals$} ± {deviation:.decimals$}", figure.mean),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::Text;
    use crate::report::{Exporter, Results};

    #[test]
    fn figures_stand_with_their_deviation() {
        let results = |bleu: f64| -> Results {
            serde_json::from_value(
                serde_json::json!({"rows": [{"name": "winner", "bleu": bleu, "validation_loss": 2.0}]}),
            )
            .unwrap()
        };
        let tables = seeds_tables(&Repeated::of(vec![1, 2], vec![results(30.0), results(31.0)]));
        assert_eq!(tables.len(), 2);
        let text = Text.export(&tables);
        assert!(text.contains("Models: mean and deviation over seeds 1, 2"), "{text}");
        assert!(
            text.contains("winner   30.50 ± 0.71") && text.contains("2.000 ± 0.000") && !text.contains("chrF"),
            "{text}"
        );
    }
}
