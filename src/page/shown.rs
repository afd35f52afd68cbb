//! How figures and tables are shown.

use crate::report::{Cell, Table, digits};
use maud::{Markup, html};

/// A text of more letters may have several lines.
const LONG: usize = 32;

/// A table below its title; its remarks follow.
pub(super) fn table(table: &Table) -> Markup {
    let class = |column: usize| {
        let texts = table.rows.iter().filter_map(|row| match &row.cells[column] {
            Cell::Text(text) => Some(text.chars().count()),
            _ => None,
        });
        match texts.max() {
            None => "number",
            Some(longest) if longest > LONG => "text long",
            Some(_) => "text",
        }
    };
    html! {
        @if !table.title.is_empty() { p.title { (table.title) } }
        div.wide { table {
            thead { tr { @for (index, column) in table.columns.iter().enumerate() { th class=(class(index)) { (column.heading) } } } }
            tbody { @for row in &table.rows {
                tr { @for (index, cell) in table.shown(row).enumerate() { td class=(class(index)) { (cell) } } }
            } }
        } }
        @for (rows, remark) in table.remarks() { p.note { (rows) ": " (remark) } }
    }
}

/// FLOPs in units of 10⁹, as messages and `automoe watch` have them.
pub(super) fn gflops(figure: f64) -> String {
    digits(figure, 4)
}

/// A time as people say it.
pub(super) fn duration(seconds: f64) -> String {
    // The sum of no figures is -0.
    match seconds + 0.0 {
        seconds if seconds < 120.0 => format!("{seconds:.1} s"),
        seconds if seconds < 7200.0 => format!("{:.1} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}
