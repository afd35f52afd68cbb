//! A plot as inline SVG: two axes, and what is drawn within them.

use maud::{Markup, html};

/// Width and height, in units of the picture.
const SIZE: (f64, f64) = (760.0, 380.0);
/// Room for the numbers at the left, below, and beyond the last one, and above.
const LEFT: f64 = 64.0;
const BELOW: f64 = 50.0;
const RIGHT: f64 = 26.0;
const MARGIN: f64 = 14.0;
/// Ticks that an axis has about.
const TICKS: f64 = 6.0;

/// One axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    least: f64,
    most: f64,
    step: f64,
}

impl Axis {
    /// One that has all of `values`, with steps that are easily read. What is not finite, or so large that sums are not, is left out.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        Self::with_steps(values, 0.0)
    }

    /// As [`Self::of`], of numbers that count something: there are no steps between them.
    pub fn of_counts(values: impl Iterator<Item = f64>) -> Self {
        Self::with_steps(values, 1.0)
    }

    fn with_steps(values: impl Iterator<Item = f64>, least_step: f64) -> Self {
        let ends = values.filter(|value| value.abs() <= 1e300);
        let (least, most) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
        let (least, most) = if least <= most { (least, most) } else { (0.0, 1.0) };
        // Equal values, or ones that differ in their last digits only, have the width of a tenth of them.
        let extent = if most - least > 1e-9 * most.abs() { most - least } else { (most.abs() / 10.0).max(1e-9) };
        let step = readable(extent / TICKS).max(least_step);
        let first = (least / step).floor();
        Self { least: first * step, most: (most / step).ceil().max(first + 1.0) * step, step }
    }

    /// Its least and its most value.
    pub fn ends(&self) -> (f64, f64) {
        (self.least, self.most)
    }

    /// Where `value` is, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        (value - self.least) / (self.most - self.least)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let count = ((self.most - self.least) / self.step).round() as usize;
        (0..=count).map(|index| self.least + index as f64 * self.step)
    }

    /// A tick's value as it is written.
    fn shown(&self, value: f64) -> String {
        let decimals = (-self.step.log10().floor()).clamp(0.0, 12.0) as usize;
        // Without the sign of a zero that rounding left.
        format!("{:.decimals$}", if value.abs() < self.step / 2.0 { 0.0 } else { value })
    }
}

/// The least of 1, 2 and 5 times a power of ten that is `step` at least.
fn readable(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= step * 0.999_999).unwrap_or(10.0);
    factor * power
}

/// A plot's axes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plot {
    pub x: Axis,
    pub y: Axis,
}

impl Plot {
    /// Where these values are, in units of the picture.
    pub fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let (width, height) = (SIZE.0 - LEFT - RIGHT, SIZE.1 - BELOW - MARGIN);
        (LEFT + width * self.x.place(x), MARGIN + height * (1.0 - self.y.place(y)))
    }

    /// The `d` of a path through these points.
    pub fn line(&self, points: &[(f64, f64)]) -> String {
        let mut path = String::new();
        for (x, y) in points.iter().map(|point| self.at(*point)) {
            path += &format!("{}{x:.1} {y:.1}", if path.is_empty() { "M" } else { "L" });
        }
        path
    }

    /// The `d` of a path of dots, which takes a tenth of the bytes of as many circles.
    pub fn dots(&self, points: impl Iterator<Item = (f64, f64)>) -> String {
        points.map(|point| self.at(point)).map(|(x, y)| format!("M{x:.1} {y:.1}h0")).collect()
    }

    /// A line at a figure of the axis below, from top to bottom; nothing where it is beyond the axis.
    pub fn upright(&self, x: f64, label: &str) -> Markup {
        let place = self.at((x, self.y.least)).0;
        // Towards the middle, where there is room.
        let (label_place, anchor) = if self.x.place(x) < 0.5 { (place + 5.0, "start") } else { (place - 5.0, "end") };
        html! {
            @if (self.x.least..=self.x.most).contains(&x) {
                line.limit x1=(px(place)) x2=(px(place)) y1=(px(MARGIN)) y2=(px(SIZE.1 - BELOW)) {}
                text.label x=(px(label_place)) y=(px(MARGIN + 12.0)) text-anchor=(anchor) { (label) }
            }
        }
    }

    /// The whole picture: `inside` with the axes called so; `name` is what readers of screens hear.
    pub fn picture(&self, name: &str, [below, beside]: [&str; 2], inside: &Markup) -> Markup {
        let (right, bottom) = (SIZE.0 - RIGHT, SIZE.1 - BELOW);
        html! {
            div.figure { svg viewBox=(format!("0 0 {} {}", SIZE.0, SIZE.1)) role="img" aria-label=(name) {
                @for tick in self.x.ticks() {
                    @let x = self.at((tick, self.y.least)).0;
                    line.grid x1=(px(x)) x2=(px(x)) y1=(px(MARGIN)) y2=(px(bottom)) {}
                    text.tick x=(px(x)) y=(px(bottom + 20.0)) text-anchor="middle" { (self.x.shown(tick)) }
                }
                @for tick in self.y.ticks() {
                    @let y = self.at((self.x.least, tick)).1;
                    line.grid x1=(px(LEFT)) x2=(px(right)) y1=(px(y)) y2=(px(y)) {}
                    text.tick x=(px(LEFT - 6.0)) y=(px(y + 4.0)) text-anchor="end" { (self.y.shown(tick)) }
                }
                text.label x=(px((LEFT + right) / 2.0)) y=(px(SIZE.1 - 8.0)) text-anchor="middle" { (below) }
                text.label x="14" y=(px((MARGIN + bottom) / 2.0)) text-anchor="middle"
                    transform=(format!("rotate(-90 14 {:.1})", (MARGIN + bottom) / 2.0)) { (beside) }
                (inside)
            } }
        }
    }
}

/// A length in units of the picture.
pub(super) fn px(length: f64) -> String {
    format!("{length:.1}")
}

/// A colour between the first (0) and the last (1) of many, to be seen on light and on dark.
pub(super) fn colour(share: f64) -> String {
    format!("hsl({:.0} 65% 52%)", 265.0 - 230.0 * share.clamp(0.0, 1.0))
}

/// What colours stand for: a patch and a word each.
pub(super) fn legend(entries: &[(String, String)]) -> Markup {
    html! {
        p.legend {
            @for (colour, word) in entries {
                span { span.patch style=(format!("background:{colour}")) {} (word) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(values: &[f64]) -> Vec<String> {
        let axis = Axis::of(values.iter().copied());
        axis.ticks().map(|tick| axis.shown(tick)).collect()
    }

    #[test]
    fn ticks_are_easily_read_and_hold_all_values() {
        assert_eq!(ticks(&[0.0, 1.0]), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(ticks(&[0.0021, 0.0029]), ["0.0020", "0.0022", "0.0024", "0.0026", "0.0028", "0.0030"]);
        assert_eq!(ticks(&[-1.0, 9.0, f64::NAN, f64::INFINITY]), ["-2", "0", "2", "4", "6", "8", "10"]);
        for values in [vec![], vec![0.0], vec![3.0, 3.0], vec![-7.5], vec![1e300, -1e300], vec![1e-300, 2e-300]] {
            let axis = Axis::of(values.iter().copied());
            assert!((1..20).contains(&axis.ticks().count()), "{values:?}");
            assert!(values.iter().all(|value| (-1e-9..=1.0 + 1e-9).contains(&axis.place(*value))), "{values:?}");
        }
    }

    #[test]
    fn between_counts_there_are_no_ticks() {
        let ticks = |counts: &[f64]| {
            let axis = Axis::of_counts(counts.iter().copied());
            axis.ticks().map(|tick| axis.shown(tick)).collect::<Vec<_>>()
        };
        assert_eq!(ticks(&[1.0, 3.0, f64::INFINITY]), ["1", "2", "3"]);
        assert_eq!([ticks(&[4.0]), ticks(&[])], [["4", "5"], ["0", "1"]]);
        assert_eq!(ticks(&[0.0, 20.0]), ["0", "5", "10", "15", "20"]);
    }

    #[test]
    fn paths_are_of_the_picture() {
        let plot = Plot { x: Axis::of([0.0, 10.0].into_iter()), y: Axis::of([0.0, 1.0].into_iter()) };
        assert_eq!(plot.line(&[(0.0, 0.0), (10.0, 1.0)]), "M64.0 330.0L734.0 14.0");
        assert_eq!(plot.dots([(10.0, 0.0)].into_iter()), "M734.0 330.0h0");
    }

    #[test]
    fn a_line_is_named_where_there_is_room() {
        let plot = Plot { x: Axis::of([0.0, 10.0].into_iter()), y: Axis::of([0.0, 1.0].into_iter()) };
        let named = |x: f64| plot.upright(x, "limit").into_string();
        assert!(named(0.0).contains(r#"x="69.0" y="26.0" text-anchor="start">limit"#), "{}", named(0.0));
        assert!(named(10.0).contains(r#"x="729.0" y="26.0" text-anchor="end">limit"#), "{}", named(10.0));
        assert_eq!(named(11.0), "");
    }
}
