//! A table before it is written in a format: columns with keys, rows of cells, and remarks.

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What it shows, in one line; empty where that is plain.
    pub title: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with a cell for each column.
    pub rows: Vec<Row>,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name for programs: `parameters_m`.
    pub key: &'static str,
    /// Its name for people.
    pub heading: &'static str,
    /// How its numbers are rounded for people.
    pub rounding: Rounding,
}

/// How numbers are rounded for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// To so many decimals.
    Decimals(usize),
    /// To about three digits, and to a thousandth at most.
    ThreeDigits,
}

impl Rounding {
    /// `number`, rounded.
    pub fn apply(self, number: f64) -> String {
        let decimals = match self {
            Self::Decimals(decimals) => decimals,
            Self::ThreeDigits => (2.0 - number.log10().floor()).clamp(0.0, 3.0) as usize,
        };
        format!("{number:.decimals$}")
    }
}

impl Column {
    /// A column whose numbers people see with so many decimals.
    pub const fn new(key: &'static str, heading: &'static str, decimals: usize) -> Self {
        Self { key, heading, rounding: Rounding::Decimals(decimals) }
    }

    /// What people see of `cell`.
    pub fn shown(&self, cell: &Cell) -> String {
        match cell {
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => self.rounding.apply(*number),
            Cell::Missing => "–".into(),
        }
    }
}

impl Table {
    /// What people see of the cells of `row`.
    pub fn shown(&self, row: &Row) -> impl Iterator<Item = String> {
        row.cells.iter().zip(&self.columns).map(|(cell, column)| column.shown(cell))
    }

    /// Each remark once, with the rows that it is about, which the text among their first two cells names: `a, b; c, d`.
    pub fn remarks(&self) -> Vec<(String, &str)> {
        let mut remarks: Vec<(String, &str)> = Vec::new();
        for row in &self.rows {
            let Some(remark) = row.remark.as_deref() else {
                continue;
            };
            let names = row.cells.iter().take(2).filter_map(|cell| match cell {
                // A mean with its deviation is a figure.
                Cell::Text(text) if !text.contains(" ± ") => Some(text.as_str()),
                _ => None,
            });
            let name = names.collect::<Vec<_>>().join(", ");
            match remarks.iter_mut().find(|(_, known)| *known == remark) {
                Some((rows, _)) => *rows += &format!("; {name}"),
                None => remarks.push((name, remark)),
            }
        }
        remarks
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The cells, in the order of the columns.
    pub cells: Vec<Cell>,
    /// What a reader must know about this row.
    pub remark: Option<String>,
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A number, unrounded.
    Number(f64),
    /// Not known.
    Missing,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_string())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_about_three() {
        let shown =
            [0.0, 0.04375, 0.4375, 6.951, 68.22, 450.8, 12_345.6].map(|number| Rounding::ThreeDigits.apply(number));
        assert_eq!(shown, ["0.000", "0.044", "0.438", "6.95", "68.2", "451", "12346"]);
    }
}
