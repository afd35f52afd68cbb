//! Points in a frame of characters.

use super::text::{at_both_ends, fit};
use crate::report::digits;

/// Columns of the figures at the left, and of the frame.
const LEFT: usize = 10;
/// The least columns and rows of points that say anything.
const LEAST: (usize, usize) = (10, 2);

/// Points, and what is on top of them.
pub(super) struct Plot<'a> {
    /// What is to the right, and what is upwards.
    pub names: [&'a str; 2],
    /// Each a dot.
    pub points: &'a [(f64, f64)],
    /// Each a disc.
    pub marked: &'a [(f64, f64)],
    /// A diamond.
    pub best: Option<(f64, f64)>,
    /// A line upright, where it is among the points.
    pub limit: Option<f64>,
}

/// From the least figure to the largest.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Extent {
    least: f64,
    most: f64,
}

impl Plot<'_> {
    /// The plot in at most `width` columns and `height` lines; nothing where there is no point, or no room.
    pub fn lines(&self, width: usize, height: usize) -> Vec<String> {
        let (columns, rows) = (width.saturating_sub(LEFT), height.saturating_sub(2));
        let (Some(x), Some(y)) = (self.extent(|point| point.0), self.extent(|point| point.1)) else {
            return Vec::new();
        };
        if columns < LEAST.0 || rows < LEAST.1 {
            return Vec::new();
        }
        let mut cells = vec![vec![' '; columns]; rows];
        if let Some(column) = self.limit.and_then(|limit| x.cell(limit, columns)) {
            cells.iter_mut().for_each(|row| row[column] = '┊');
        }
        let best: Vec<(f64, f64)> = self.best.into_iter().collect();
        for (points, mark) in [(self.points, '·'), (self.marked, '●'), (&best, '◆')] {
            for point in points {
                if let (Some(column), Some(row)) = (x.cell(point.0, columns), y.cell(point.1, rows)) {
                    cells[rows - 1 - row][column] = mark;
                }
            }
        }
        let label = |row: usize| match row {
            0 => digits(y.most, 5),
            row if row + 1 == rows => digits(y.least, 5),
            1 => self.names[1].to_owned(),
            _ => String::new(),
        };
        let line = |(row, cells): (usize, Vec<char>)| {
            let cells: String = cells.into_iter().collect();
            format!("{:>left$} │{}", fit(&label(row), LEFT - 2), cells.trim_end(), left = LEFT - 2)
        };
        let mut lines: Vec<String> = cells.into_iter().enumerate().map(line).collect();
        lines.push(format!("{:>LEFT$}{}", "└", "─".repeat(columns)));
        let is_counted = x.least.fract() == 0.0 && x.most.fract() == 0.0 && x.most.abs() < 1e9;
        let figure = |end: f64| if is_counted { end.to_string() } else { digits(end, 4) };
        let least = format!("{:LEFT$}{} {}", "", figure(x.least), self.names[0]);
        lines.push(at_both_ends(&least, &figure(x.most), width));
        lines
    }

    /// The extent of a figure over all points; `None` where there is none.
    fn extent(&self, figure: impl Fn(&(f64, f64)) -> f64) -> Option<Extent> {
        let all = self.points.iter().chain(self.marked).chain(&self.best);
        Extent::of(all.filter(|point| point.0.is_finite() && point.1.is_finite()).map(figure))
    }
}

impl Extent {
    fn of(figures: impl Iterator<Item = f64>) -> Option<Self> {
        let (least, most) = figures.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
        // A single figure stands in the middle.
        let margin = if most > least { 0.0 } else { (least.abs() / 20.0).max(f64::MIN_POSITIVE) };
        (least <= most).then_some(Self { least: least - margin, most: most + margin })
    }

    /// Which of `count` cells a figure is in; `None` where it is outside.
    fn cell(self, figure: f64, count: usize) -> Option<usize> {
        let place = (figure - self.least) / (self.most - self.least);
        (0.0..=1.0).contains(&place).then(|| (place * (count - 1) as f64).round() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot<'a>(points: &'a [(f64, f64)], marked: &'a [(f64, f64)]) -> Plot<'a> {
        Plot { names: ["GFLOPs", "loss"], points, marked, best: marked.first().copied(), limit: None }
    }

    #[test]
    fn the_ends_of_the_points_are_those_of_the_frame() {
        let points = [(1.0, 5.0), (2.0, 4.0), (3.0, 3.0), (3.0, 5.0), (2.5, f64::NAN), (f64::INFINITY, 4.0)];
        let lines = Plot { limit: Some(2.0), ..plot(&points, &points[2..3]) }.lines(31, 7);
        let expected = [
            "  5.0000 │·         ┊         ·",
            "    loss │          ┊",
            "         │          ·",
            "         │          ┊",
            "  3.0000 │          ┊         ◆",
            "         └─────────────────────",
            "          1 GFLOPs            3",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_single_point_is_in_the_middle_and_without_any_there_is_no_frame() {
        let lines = plot(&[(2.0, 4.0)], &[]).lines(31, 7);
        assert_eq!(lines[2], format!("{:9}│{:10}·", "", ""));
        assert!(lines[0].contains("4.2000") && lines[4].contains("3.8000"), "{lines:?}");
        assert_eq!(plot(&[(0.0, 0.0)], &[]).lines(31, 7).len(), 7);
        let none: [(f64, f64); 2] = [(f64::NAN, 1.0), (1.0, f64::INFINITY)];
        for points in [&[][..], &none] {
            assert!(plot(points, &[]).lines(31, 7).is_empty());
        }
    }

    #[test]
    fn a_limit_beyond_the_points_is_not_drawn_and_far_figures_are() {
        let points = [(1.0, -1e300), (2.0, 1e300)];
        let lines = Plot { limit: Some(9.0), ..plot(&points, &[]) }.lines(40, 6);
        assert!(!lines.concat().contains('┊'));
        assert_eq!(lines.concat().matches('·').count(), 2, "{lines:?}");
    }

    #[test]
    fn no_line_is_longer_than_the_width() {
        let points = [(1e-7, 1234567.0), (1e12, 0.1)];
        for (width, height) in (0..60).flat_map(|width| (0..9).map(move |height| (width, height))) {
            let lines = plot(&points, &points[1..]).lines(width, height);
            assert!(lines.len() <= height, "{width} {height}");
            assert!(lines.iter().all(|line| console::measure_text_width(line) <= width), "{width}: {lines:?}");
            assert_eq!(lines.is_empty(), width < LEFT + LEAST.0 || height < 2 + LEAST.1);
        }
    }
}
