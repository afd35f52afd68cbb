//! Aligned text, for people at a terminal.

use crate::report::exporter::Exporter;
use crate::report::table::Table;

/// Plain text in columns.
#[derive(Debug)]
pub struct Text;

impl Exporter for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn documentation(&self) -> &'static str {
        "Aligned columns and their remarks, for a terminal; numbers are rounded"
    }

    fn export(&self, tables: &[Table]) -> String {
        tables.iter().map(text).collect::<Vec<_>>().join("\n")
    }
}

fn text(table: &Table) -> String {
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    drawn.set_header(table.columns.iter().map(|column| column.heading));
    for row in &table.rows {
        drawn.add_row(table.shown(row));
    }
    let title = if table.title.is_empty() { String::new() } else { format!("{}\n", table.title) };
    let remarks = table.remarks().into_iter().map(|(rows, remark)| format!("{rows}: {remark}\n"));
    format!("{title}{drawn}\n{}", remarks.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::testing::tables;

    #[test]
    fn columns_are_aligned_and_remarks_follow() {
        let expected = "\
First
──────────────────────
 Data   Model    BLEU 
══════════════════════
 a|b    x, \"y\"   28.2 
──────────────────────
 c      z        –    
──────────────────────
a|b, x, \"y\"; c, z: why

Second
─────────────
 Model   ms  
═════════════
 x       3.0 
─────────────
";
        assert_eq!(Text.export(&tables()), expected);
    }
}
