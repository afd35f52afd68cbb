//! Tables as text: Markdown for people, CSV for spreadsheets, JSON for programs.

use super::table::{Cell, Column, Table};
use serde_json::{Map, Value, json};

/// How tables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A heading, a table and its remarks, for each table; numbers are rounded
    Markdown,
    /// One table of all rows, with the title in the first column and the remark in the last
    Csv,
    /// A list of objects with title and rows
    Json,
}

impl Format {
    /// The tables in this format, with a newline at the end.
    pub fn render(self, tables: &[Table]) -> String {
        match self {
            Self::Markdown => {
                let parts: Vec<String> = tables.iter().map(markdown).collect();
                parts.join("\n")
            }
            Self::Csv => csv(tables),
            Self::Json => {
                let tables: Vec<Value> = tables.iter().map(json_table).collect();
                format!("{:#}\n", Value::from(tables))
            }
        }
    }
}

fn markdown(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let headings = table.columns.iter().map(|c| escape(c.heading)).collect();
    let is_number = |column: usize| {
        let mut cells = table.rows.iter().map(|row| &row.cells[column]);
        cells.all(|cell| !matches!(cell, Cell::Text(_)))
    };
    let rules =
        (0..table.columns.len()).map(|column| if is_number(column) { "---:" } else { "---" }.to_string()).collect();
    let mut text = format!("## {}\n\n{}{}", table.title, line(headings), line(rules));
    for row in &table.rows {
        let cells = row.cells.iter().zip(&table.columns);
        text += &line(cells.map(|(cell, column)| shown(cell, column)).collect());
    }
    let remarks = remarks(table);
    if !remarks.is_empty() {
        text.push('\n');
    }
    for (rows, remark) in remarks {
        text += &format!("- {}: {remark}\n", rows.join("; "));
    }
    text
}

fn shown(cell: &Cell, column: &Column) -> String {
    match cell {
        Cell::Text(text) => escape(text),
        Cell::Number(number) => format!("{number:.*}", column.decimals),
        Cell::Missing => "–".into(),
    }
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

/// Each remark once, with the rows that it is about, which their first two cells name.
fn remarks(table: &Table) -> Vec<(Vec<String>, &str)> {
    let mut remarks: Vec<(Vec<String>, &str)> = Vec::new();
    for row in &table.rows {
        let Some(remark) = row.remark.as_deref() else {
            continue;
        };
        let cells = row.cells.iter().zip(&table.columns).take(2);
        let names: Vec<String> = cells.map(|(cell, column)| shown(cell, column)).collect();
        let name = names.join(", ");
        match remarks.iter_mut().find(|(_, known)| *known == remark) {
            Some((rows, _)) => rows.push(name),
            None => remarks.push((vec![name], remark)),
        }
    }
    remarks
}

/// All tables as one, whose columns are those of any of them in the order of their first appearance.
fn csv(tables: &[Table]) -> String {
    let mut keys: Vec<&str> = Vec::new();
    for column in tables.iter().flat_map(|table| &table.columns) {
        if !keys.contains(&column.key) {
            keys.push(column.key);
        }
    }
    let header = ["table"].into_iter().chain(keys.iter().copied());
    let mut text = csv_line(header.chain(["remark"]).map(String::from));
    for table in tables {
        for row in &table.rows {
            let of_key = |key: &&str| {
                let column = table.columns.iter().position(|column| column.key == *key);
                column.map_or(String::new(), |column| plain(&row.cells[column]))
            };
            let title = std::iter::once(table.title.clone());
            let remark = row.remark.clone().unwrap_or_default();
            text += &csv_line(title.chain(keys.iter().map(of_key)).chain([remark]));
        }
    }
    text
}

fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Number(number) => number.to_string(),
        Cell::Missing => String::new(),
    }
}

/// Fields as RFC 4180 has them.
fn csv_line(fields: impl Iterator<Item = String>) -> String {
    let quoted = fields.map(|field| {
        if field.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
    });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}

fn json_table(table: &Table) -> Value {
    let rows = table.rows.iter().map(|row| {
        let cells = table.columns.iter().zip(&row.cells);
        let mut fields: Map<String, Value> = cells
            .map(|(column, cell)| {
                let value = match cell {
                    Cell::Text(text) => json!(text),
                    Cell::Number(number) => json!(number),
                    Cell::Missing => Value::Null,
                };
                (column.key.to_string(), value)
            })
            .collect();
        fields.insert("remark".into(), json!(row.remark));
        Value::Object(fields)
    });
    json!({ "title": table.title, "rows": rows.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Row;

    fn tables() -> Vec<Table> {
        let column = |key, heading| Column { key, heading, decimals: 1 };
        let row = |cells, remark: Option<&str>| Row { cells, remark: remark.map(String::from) };
        let first = Table {
            title: "First".into(),
            columns: vec![column("data", "Data"), column("model", "Model"), column("bleu", "BLEU")],
            rows: vec![
                row(vec!["a|b".into(), "x, \"y\"".into(), 28.25.into()], Some("why")),
                row(vec!["c".into(), "z".into(), Cell::Missing], Some("why")),
            ],
        };
        let second = Table {
            title: "Second".into(),
            columns: vec![column("model", "Model"), column("ms", "ms")],
            rows: vec![row(vec!["x".into(), 3.0.into()], None)],
        };
        vec![first, second]
    }

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
        assert_eq!(Format::Markdown.render(&tables()), expected);
    }

    #[test]
    fn csv_is_one_table_of_all_columns() {
        let expected = "\
table,data,model,bleu,ms,remark
First,a|b,\"x, \"\"y\"\"\",28.25,,why
First,c,z,,,why
Second,,x,,3,
";
        assert_eq!(Format::Csv.render(&tables()), expected);
    }

    #[test]
    fn json_keeps_numbers_and_marks_what_is_missing() {
        let text = Format::Json.render(&tables());
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value[0]["rows"][0]["bleu"], 28.25);
        assert_eq!(value[0]["rows"][1]["bleu"], Value::Null);
        assert_eq!(value[1]["title"], "Second");
        assert_eq!(value[1]["rows"][0]["remark"], Value::Null);
    }
}
