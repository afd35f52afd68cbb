//! What runs with several seeds have found, as tables.

use super::figures::{BESIDE_DENSE, BESIDE_DENSE_SEARCH, FigureColumn, MODEL, READING, TRAINING};
use super::seeds::{Figure, Repeated, RepeatedRow};
use super::table::{Cell, Column, Rounding, Row, Table};

/// Mean and deviation of the models' figures, in two tables, and of the readings of a ladder. Columns that no row has are left out.
pub fn seeds_tables(repeated: &Repeated) -> Vec<Table> {
    let seeds = repeated.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let title = |what: &str| format!("{what}: mean and deviation over seeds {seeds}");
    let compared = [TRAINING, BESIDE_DENSE, BESIDE_DENSE_SEARCH];
    let tables = [
        table(title("Models"), "model", &[MODEL], &repeated.rows),
        table(title("Training, and beside the dense models"), "model", &compared, &repeated.rows),
        table(title("FLOPs at the dense model's validation loss"), "search", &[READING], &repeated.readings),
    ];
    tables.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

fn table<T>(title: String, of: &'static str, figures: &[&[FigureColumn<T>]], rows: &[RepeatedRow]) -> Table {
    let is_there = |figure: &&FigureColumn<T>| rows.iter().any(|row| row.figures.contains_key(figure.column.key));
    let shown: Vec<_> = figures.iter().copied().flatten().filter(is_there).collect();
    let mut columns = vec![Column::new(of, of, 0)];
    columns.extend(shown.iter().map(|figure| figure.column));
    let row = |row: &RepeatedRow| {
        let cell = |figure: &&FigureColumn<T>| {
            row.figures.get(figure.column.key).map(|found| told(*found, figure.column.rounding)).into()
        };
        let cells: Vec<Cell> = shown.iter().map(cell).collect();
        Row { cells: [vec![row.name.as_str().into()], cells].concat(), remark: None }
    };
    Table { title, columns, rows: rows.iter().map(row).collect() }
}

/// The mean, and the deviation where it is known.
fn told(figure: Figure, rounding: Rounding) -> String {
    let mean = rounding.apply(figure.mean);
    figure.deviation.map_or(mean.clone(), |deviation| format!("{mean} ± {}", rounding.apply(deviation)))
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
