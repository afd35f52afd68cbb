//! Markdown, for people: a heading, a table and its remarks.

use crate::report::exporter::Exporter;
use crate::report::table::{Cell, Table};

/// Markdown.
#[derive(Debug)]
pub struct Markdown;

impl Exporter for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn documentation(&self) -> &'static str {
        "A heading, a table and its remarks, for each table; numbers are rounded"
    }

    fn export(&self, tables: &[Table]) -> String {
        tables.iter().map(markdown).collect::<Vec<_>>().join("\n")
    }
}

fn markdown(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let headings = table.columns.iter().map(|column| escape(column.heading)).collect();
    let is_number = |column: usize| {
        let mut cells = table.rows.iter().map(|row| &row.cells[column]);
        cells.all(|cell| !matches!(cell, Cell::Text(_)))
    };
    let rules =
        (0..table.columns.len()).map(|column| if is_number(column) { "---:" } else { "---" }.to_string()).collect();
    let mut text = format!("## {}\n\n{}{}", table.title, line(headings), line(rules));
    for row in &table.rows {
        text += &line(table.shown(row).map(|cell| escape(&cell)).collect());
    }
    let remarks = table.remarks();
    if !remarks.is_empty() {
        text.push('\n');
    }
    for (rows, remark) in remarks {
        text += &format!("- {}: {remark}\n", escape(&rows));
    }
    text
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::testing::tables;

    #[test]
    fn markdown_rounds_escapes_and_gathers_remarks() {
        let expected = "\
## First

| Data | Model | BLEU |
| --- | --- | ---: |
| a\\|b | x, \"y\" | 28.2 |
| c | z | – |

- a\\|b, x, \"y\"; c, z: why

## Second

| Model | ms |
| --- | ---: |
| x | 3.0 |
";
        assert_eq!(Markdown.export(&tables()), expected);
    }
}
