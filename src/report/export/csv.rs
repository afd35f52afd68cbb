//! CSV, for spreadsheets: one table of all.

use crate::report::exporter::Exporter;
use crate::report::table::{Cell, Table};

/// Comma-separated values.
#[derive(Debug)]
pub struct Csv;

impl Exporter for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn documentation(&self) -> &'static str {
        "One table of all rows, with the title in the first column and the remark in the last"
    }

    fn export(&self, tables: &[Table]) -> String {
        // The columns are those of any table, in the order of their first appearance.
        let plain: Vec<_> = tables.iter().map(Table::plain).collect();
        let mut keys: Vec<&str> = Vec::new();
        for (key, _) in plain.iter().flatten() {
            if !keys.contains(&key.as_str()) {
                keys.push(key);
            }
        }
        let header = ["table"].into_iter().chain(keys.iter().copied());
        let mut text = csv_line(header.chain(["remark"]).map(String::from));
        for (table, columns) in tables.iter().zip(&plain) {
            for (index, row) in table.rows.iter().enumerate() {
                let of_key = |key: &&str| {
                    let column = columns.iter().find(|(known, _)| known == key);
                    column.map_or(String::new(), |(_, cells)| field(&cells[index]))
                };
                let title = std::iter::once(table.title.clone());
                let remark = row.remark.clone().unwrap_or_default();
                text += &csv_line(title.chain(keys.iter().map(of_key)).chain([remark]));
            }
        }
        text
    }
}

fn field(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Number(number) => number.to_string(),
        // Those of several numbers are not among what programs see.
        Cell::Mean { .. } | Cell::Interval { .. } | Cell::Missing => String::new(),
    }
}

/// Fields as RFC 4180 has them.
fn csv_line(fields: impl Iterator<Item = String>) -> String {
    let quoted = fields.map(|field| {
        if field.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
    });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::testing::tables;

    #[test]
    fn csv_is_one_table_of_all_columns() {
        let expected = "\
table,data,model,bleu,ms,remark
First,a|b,\"x, \"\"y\"\"\",28.25,,why
First,c,z,,,why
Second,,x,,3,
";
        assert_eq!(Csv.export(&tables()), expected);
    }
}
