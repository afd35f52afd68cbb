//! Tables for the tests of the formats.

use crate::report::table::{Cell, Column, Row, Table};

/// Two tables with remarks, a missing cell, and text that formats must quote.
pub fn tables() -> Vec<Table> {
    let column = |key, heading| Column::new(key, heading, 1);
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
