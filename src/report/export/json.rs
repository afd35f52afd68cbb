//! JSON, for programs: numbers unrounded.

use crate::report::exporter::Exporter;
use crate::report::table::{Cell, Table};
use serde_json::{Map, Value, json};

/// JSON.
#[derive(Debug)]
pub struct Json;

impl Exporter for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn documentation(&self) -> &'static str {
        "A list of objects with title and rows"
    }

    fn export(&self, tables: &[Table]) -> String {
        format!("{:#}\n", Value::from(tables.iter().map(json_table).collect::<Vec<_>>()))
    }
}

fn json_table(table: &Table) -> Value {
    let columns = table.plain();
    let rows = table.rows.iter().enumerate().map(|(index, row)| {
        let value = |cell: &Cell| match cell {
            Cell::Text(text) => json!(text),
            Cell::Number(number) => json!(number),
            // Those of several numbers are not among what programs see.
            Cell::Mean { .. } | Cell::Interval { .. } | Cell::Missing => Value::Null,
        };
        let fields = columns.iter().map(|(key, cells)| (key.clone(), value(&cells[index])));
        let mut fields: Map<String, Value> = fields.collect();
        fields.insert("remark".into(), json!(row.remark));
        Value::Object(fields)
    });
    json!({ "title": table.title, "rows": rows.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::testing::tables;

    #[test]
    fn json_keeps_numbers_and_marks_what_is_missing() {
        let text = Json.export(&tables());
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value[0]["rows"][0]["bleu"], 28.25);
        assert_eq!(value[0]["rows"][1]["bleu"], Value::Null);
        assert_eq!(value[1]["title"], "Second");
        assert_eq!(value[1]["rows"][0]["remark"], Value::Null);
    }
}
