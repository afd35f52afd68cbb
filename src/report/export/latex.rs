//! LaTeX, for papers: tables in the style of the package booktabs.

use crate::report::exporter::Exporter;
use crate::report::table::{Cell, Table};

/// LaTeX.
#[derive(Debug)]
pub struct Latex;

impl Exporter for Latex {
    fn name(&self) -> &'static str {
        "latex"
    }

    fn documentation(&self) -> &'static str {
        "A table for each, to be read by \\input; needs \\usepackage{booktabs}; numbers are rounded"
    }

    fn export(&self, tables: &[Table]) -> String {
        tables.iter().map(latex).collect::<Vec<_>>().join("\n")
    }
}

fn latex(table: &Table) -> String {
    let is_text = |column: usize| table.rows.iter().any(|row| matches!(row.cells[column], Cell::Text(_)));
    let columns: String = (0..table.columns.len()).map(|column| if is_text(column) { 'l' } else { 'r' }).collect();
    let line = |cells: Vec<String>| format!("    {} \\\\\n", cells.join(" & "));
    let headings = table.columns.iter().map(|column| escape(column.heading)).collect();
    let rows: String =
        table.rows.iter().map(|row| line(table.shown(row).map(|cell| escape(&cell)).collect())).collect();
    let remarks: String = table
        .remarks()
        .iter()
        .map(|(rows, remark)| format!("  \\par\\smallskip\\footnotesize {}: {}\n", escape(rows), escape(remark)))
        .collect();
    let caption =
        if table.title.is_empty() { String::new() } else { format!("  \\caption{{{}}}\n", escape(&table.title)) };
    format!(
        "\\begin{{table}}\n  \\centering\n{caption}  \\begin{{tabular}}{{{columns}}}\n    \\toprule\n{}    \\midrule\n{rows}    \
         \\bottomrule\n  \\end{{tabular}}\n{remarks}\\end{{table}}\n",
        line(headings)
    )
}

/// `text` with what LaTeX takes for commands made plain.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', letter]),
            '\\' => escaped += "\\textbackslash{}",
            '~' => escaped += "\\textasciitilde{}",
            '^' => escaped += "\\textasciicircum{}",
            '<' | '>' | '|' => escaped += &format!("${letter}$"),
            '–' => escaped += "--",
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::testing::tables;

    #[test]
    fn latex_has_the_rules_of_booktabs_and_no_commands_of_others() {
        let expected = r#"\begin{table}
  \centering
  \caption{First}
  \begin{tabular}{llr}
    \toprule
    Data & Model & BLEU \\
    \midrule
    a$|$b & x, "y" & 28.2 \\
    c & z & -- \\
    \bottomrule
  \end{tabular}
  \par\smallskip\footnotesize a$|$b, x, "y"; c, z: why
\end{table}

\begin{table}
  \centering
  \caption{Second}
  \begin{tabular}{lr}
    \toprule
    Model & ms \\
    \midrule
    x & 3.0 \\
    \bottomrule
  \end{tabular}
\end{table}
"#;
        assert_eq!(Latex.export(&tables()), expected);
        assert_eq!(
            escape("50 % of a_b & {c} \\d ~^#$\n"),
            r"50 \% of a\_b \& \{c\} \textbackslash{}d \textasciitilde{}\textasciicircum{}\#\$ "
        );
    }
}
