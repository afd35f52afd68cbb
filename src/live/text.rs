//! How text is laid out on a terminal.

use console::{measure_text_width, pad_str, truncate_str};
use indicatif::HumanDuration;
use std::borrow::Cow;
use std::time::Duration;

/// What stands between parts of a line.
const BETWEEN: &str = " · ";

/// `text` in at most `width` columns; what controls a terminal is taken out.
pub(super) fn fit(text: &str, width: usize) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    // It would keep the dots where there is no room for them.
    if width == 0 { String::new() } else { truncate_str(&plain, width, "…").into_owned() }
}

/// Those parts that are there one after another, as many to a line as fit into `width`; further lines are indented.
pub(super) fn wrapped(parts: impl IntoIterator<Item = Option<String>>, indent: usize, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts.into_iter().flatten() {
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + BETWEEN.chars().count() + measure_text_width(&part) <= width => {
                *line += &format!("{BETWEEN}{part}");
            }
            Some(_) => lines.push(format!("{:indent$}{part}", "")),
            None => lines.push(part),
        }
    }
    lines.iter().map(|line| fit(line, width)).collect()
}

/// `left` and `right` in one line of `width` columns; `right` only where there is room for both.
pub(super) fn at_both_ends(left: &str, right: &str, width: usize) -> String {
    let taken = measure_text_width(left) + measure_text_width(right);
    match !right.is_empty() && taken + 2 <= width {
        true => fit(&format!("{left}{:space$}{right}", "", space = width - taken), width),
        false => fit(left, width),
    }
}

/// Lines beside each other; those at the left take `width` columns.
pub(super) fn beside(left: Vec<String>, width: usize, right: Vec<String>) -> Vec<String> {
    let count = left.len().max(right.len());
    let line = |lines: &[String], index: usize| lines.get(index).cloned().unwrap_or_default();
    let both = |index| {
        format!("{}{}", pad_str(&line(&left, index), width, console::Alignment::Left, None), line(&right, index))
    };
    (0..count).map(|index| both(index).trim_end().to_owned()).collect()
}

/// Rows with their cells below each other: the first column of text, the others of figures.
pub(super) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| measure_text_width(cell)).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let cell = |(column, text): (usize, &String)| -> String {
        let side = if column == 0 { console::Alignment::Left } else { console::Alignment::Right };
        let padded: Cow<str> = pad_str(text, widths[column], side, None);
        padded.into_owned()
    };
    rows.iter()
        .map(|row| row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned())
        .collect()
}

/// A time as the bars tell it: `3m`.
pub(super) fn time(seconds: f64) -> String {
    let duration = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
    format!("{:#}", HumanDuration(duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_to_their_width() {
        assert_eq!([fit("abcdef", 4), fit("abcdef", 1), fit("abcdef", 0)], ["abc…", "…", ""]);
        assert_eq!(fit("a\u{1b}[31mb\n", 20), "a?[31mb?");
        let parts = || [Some("one"), Some("two"), None, Some("three")].map(|part| part.map(String::from));
        assert_eq!(wrapped(parts(), 2, 9), ["one · two", "  three"]);
        assert_eq!(wrapped(parts(), 2, 80), ["one · two · three"]);
        assert_eq!(wrapped([Some("too long".to_owned())], 2, 5), ["too …"]);
        assert_eq!(at_both_ends("name", "5s", 10), "name    5s");
        assert_eq!([at_both_ends("name", "5s", 7), at_both_ends("name", "", 10)], ["name", "name"]);
        assert_eq!(beside(vec!["a".into()], 4, vec!["b".into(), "c".into()]), ["a   b", "    c"]);
        let rows = [vec!["name", "x"], vec!["n", "12.5"]].map(|row| row.into_iter().map(String::from).collect());
        assert_eq!(table(&rows), ["name     x", "n     12.5"]);
    }

    #[test]
    fn times_are_short() {
        assert_eq!((time(-1.0), time(30.0)), ("0s".into(), "30s".into()));
        assert!(time(f64::INFINITY).ends_with('y'));
    }
}
