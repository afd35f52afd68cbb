//! A table before it is written in a format: columns with keys, rows of cells, and remarks.

use super::digits::{decimals, digits};

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
    /// As [`Self::Decimals`], with the sign of what is more, too.
    Signed(usize),
    /// To about three digits, and to a thousandth at most.
    ThreeDigits,
    /// To so many significant digits, however small or large; see [`digits`].
    Digits(i32),
}

impl Rounding {
    /// `number`, rounded.
    pub fn apply(self, number: f64) -> String {
        let decimals = self.decimals(number);
        let shown = match self {
            Self::Digits(count) => digits(number, count),
            Self::Signed(_) => format!("{number:+.decimals$}"),
            _ => format!("{number:.decimals$}"),
        };
        // What is rounded to nothing has no sign.
        let is_zero = shown.starts_with(['+', '-']) && !shown.contains(|digit| ('1'..='9').contains(&digit));
        if is_zero && number.is_finite() { shown[1..].to_owned() } else { shown }
    }

    /// Decimals that `number` is shown with.
    fn decimals(self, number: f64) -> usize {
        match self {
            Self::Decimals(decimals) | Self::Signed(decimals) => decimals,
            Self::ThreeDigits => decimals(number, 3).min(3),
            Self::Digits(count) => decimals(number, count),
        }
    }
}

impl Column {
    /// A column whose numbers people see with so many decimals.
    pub const fn new(key: &'static str, heading: &'static str, decimals: usize) -> Self {
        Self { key, heading, rounding: Rounding::Decimals(decimals) }
    }

    /// One of differences, whose sign people see.
    pub const fn signed(key: &'static str, heading: &'static str, decimals: usize) -> Self {
        Self { key, heading, rounding: Rounding::Signed(decimals) }
    }

    /// What people see of `cell`.
    pub fn shown(&self, cell: &Cell) -> String {
        match cell {
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => self.rounding.apply(*number),
            Cell::Mean { mean, deviation: None } => self.rounding.apply(*mean),
            Cell::Mean { mean, deviation: Some(deviation) } => {
                format!("{} ± {deviation:.*}", self.rounding.apply(*mean), self.rounding.decimals(*mean))
            }
            Cell::Interval { least, most, .. } => {
                format!("{} to {}", self.rounding.apply(*least), self.rounding.apply(*most))
            }
            Cell::Missing => "–".into(),
        }
    }
}

impl Table {
    /// What people see of the cells of `row`.
    pub fn shown(&self, row: &Row) -> impl Iterator<Item = String> {
        row.cells.iter().zip(&self.columns).map(|(cell, column)| column.shown(cell))
    }

    /// What programs see: keys, and under each the cells of all rows, none of them of several numbers.
    pub fn plain(&self) -> Vec<(String, Vec<Cell>)> {
        let of_column = |(index, column): (usize, &Column)| {
            let cells: Vec<&Cell> = self.rows.iter().map(|row| &row.cells[index]).collect();
            let parts = cells.iter().find(|cell| ***cell != Cell::Missing).map_or(&[""][..], |cell| cell.parts());
            let of_part = |place: usize| cells.iter().map(|cell| cell.part(place)).collect();
            parts
                .iter()
                .enumerate()
                .map(|(place, part)| (format!("{}{part}", column.key), of_part(place)))
                .collect::<Vec<_>>()
        };
        self.columns.iter().enumerate().flat_map(of_column).collect()
    }

    /// Each remark once, with the rows that it is about, which the text among their first two cells names: `a, b; c, d`, or `all` where
    /// there are many, and it is about all of them.
    pub fn remarks(&self) -> Vec<(String, &str)> {
        let is_of_all = |remark: &str| self.rows.iter().all(|row| row.remark.as_deref() == Some(remark));
        if let [first, _, _, _, ..] = self.rows.as_slice()
            && let Some(remark) = first.remark.as_deref().filter(|remark| is_of_all(remark))
        {
            return vec![("all".into(), remark)];
        }
        let mut remarks: Vec<(String, &str)> = Vec::new();
        for row in &self.rows {
            let Some(remark) = row.remark.as_deref() else {
                continue;
            };
            let names = row.cells.iter().take(2).filter_map(|cell| match cell {
                Cell::Text(text) => Some(text.as_str()),
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
    /// The mean of several, and their standard deviation where there is one.
    Mean {
        /// The mean.
        mean: f64,
        /// The deviation.
        deviation: Option<f64>,
    },
    /// An interval, and the p value of what is in it being none.
    Interval {
        /// Its least figure.
        least: f64,
        /// Its largest one.
        most: f64,
        /// The p value.
        p: f64,
    },
    /// Not known.
    Missing,
}

impl Cell {
    /// What follows the key of a column with such cells, for each number of them.
    fn parts(&self) -> &'static [&'static str] {
        match self {
            Self::Text(_) | Self::Number(_) | Self::Missing => &[""],
            Self::Mean { .. } => &["", "_deviation"],
            Self::Interval { .. } => &["_least", "_most", "_p"],
        }
    }

    /// The part of it at `place` among these.
    fn part(&self, place: usize) -> Self {
        match self {
            Self::Text(_) | Self::Number(_) | Self::Missing => self.clone(),
            // Of a column with other cells there may be more parts.
            Self::Mean { mean, deviation } => [Some(*mean), *deviation].get(place).copied().flatten().into(),
            Self::Interval { least, most, p } => [*least, *most, *p].get(place).copied().into(),
        }
    }
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
        let signed = [0.224, -0.224, -0.001, 0.001].map(|number| Rounding::Signed(2).apply(number));
        assert_eq!(signed, ["+0.22", "-0.22", "0.00", "0.00"]);
        let column = Column { rounding: Rounding::ThreeDigits, ..Column::new("ms", "ms", 0) };
        let mean = Cell::Mean { mean: 1.031, deviation: Some(0.1812) };
        assert_eq!(column.shown(&mean), "1.03 ± 0.18");
        let four = [0.0, 0.0029123, 5.21437, 12_345.6].map(|number| Rounding::Digits(4).apply(number));
        assert_eq!(four, ["0", "0.002912", "5.214", "12346"]);
        assert_eq!(Column { rounding: Rounding::Digits(4), ..column }.shown(&mean), "1.031 ± 0.181");
    }

    #[test]
    fn a_remark_on_all_of_many_rows_names_none() {
        let row = |name: &str| Row { cells: vec![name.into()], remark: Some("why".into()) };
        let of = |names: &[&str]| {
            let rows = names.iter().map(|name| row(name)).collect();
            let table = Table { title: String::new(), columns: vec![Column::new("model", "model", 0)], rows };
            table.remarks().into_iter().map(|(rows, _)| rows).collect::<Vec<_>>()
        };
        assert_eq!([of(&["a", "b", "c"]), of(&["a", "b", "c", "d"])], [["a; b; c"], ["all"]]);
    }

    #[test]
    fn programs_see_each_number_under_a_key() {
        let columns = ["model", "bleu", "bleu"].map(|key| Column::new(key, key, 2)).into();
        let row =
            |name: &str, mean: Cell, interval: Cell| Row { cells: vec![name.into(), mean, interval], remark: None };
        let interval = Cell::Interval { least: -0.5, most: 1.5, p: 0.25 };
        let rows =
            vec![row("a", Cell::Missing, Cell::Missing), row("b", Cell::Mean { mean: 2.0, deviation: None }, interval)];
        let plain = Table { title: String::new(), columns, rows }.plain();
        let keys: Vec<&str> = plain.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["model", "bleu", "bleu_deviation", "bleu_least", "bleu_most", "bleu_p"]);
        let last: Vec<Cell> = plain.into_iter().map(|(_, cells)| cells[1].clone()).collect();
        let number = Cell::Number;
        assert_eq!(last, ["b".into(), number(2.0), Cell::Missing, number(-0.5), number(1.5), number(0.25)]);
        // A number, or a mean, has nothing more where a column has intervals, too.
        assert_eq!(Cell::Mean { mean: 2.0, deviation: None }.part(2), Cell::Missing);
    }
}
