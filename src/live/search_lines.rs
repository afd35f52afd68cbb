//! A search in lines of text: its front as a plot in characters, and the best beside it.

use super::plot::Plot;
use super::search::{Found, SearchSoFar};
use super::text::{beside, fit, table};
use crate::catalog::CostRow;
use crate::report::digits;

/// The least columns of a plot that has something beside it.
const PLOT: usize = 36;
/// Columns between the two.
const GAP: usize = 2;

impl SearchSoFar {
    /// The front and the best (with several objectives the front's trials), in at most `width` columns and `height` lines; nothing
    /// before the first complete trial. Marks at the left of trials are those of the plot.
    pub fn lines(&self, width: usize, height: usize) -> Vec<String> {
        if self.best.is_empty() {
            return Vec::new();
        }
        let is_beside = width >= PLOT + GAP + self.table(1, 0).map_or(0, |table| widest(&table));
        let lines = if is_beside {
            let list = self.table(height, width - PLOT - GAP).unwrap_or_default();
            let left = width.saturating_sub(widest(&list) + GAP);
            match self.plot(left, height) {
                plot if plot.is_empty() => list,
                plot => beside(plot, left + GAP, list),
            }
        } else {
            let plot = self.plot(width, height - height / 3);
            let list = self.table(height - plot.len(), width).unwrap_or_default();
            [plot, list].concat()
        };
        lines.iter().take(height).map(|line| fit(line, width)).collect()
    }

    fn plot(&self, width: usize, height: usize) -> Vec<String> {
        let point = |found: &Found| Some((found.cost(self.axis)?, found.loss));
        let marked: Vec<(f64, f64)> = self.front.iter().filter_map(point).collect();
        let plot = Plot {
            names: [self.axis.unit, "loss"],
            points: &self.points,
            marked: &marked,
            best: self.chosen_point(),
            limit: (self.limit > 0.0).then_some(self.limit),
        };
        plot.lines(width, height)
    }

    /// The best line by line, `height` lines with their heading; what matters least is left out until they fit into `width`,
    /// as far as that goes.
    fn table(&self, height: usize, width: usize) -> Option<Vec<String>> {
        let mut front: Vec<&Found> = self.front.iter().rev().collect();
        let listed = if self.has_front { &mut front } else { &mut self.best.iter().collect() };
        listed.truncate(height.checked_sub(1)?);
        // Loss, and what it is shown against, stay.
        let further = self.costs.iter().filter(|row| row.name != self.axis.name);
        let further: Vec<&CostRow> = further.copied().collect();
        let of_count = |count: usize| self.rows(listed, &further[..count.min(further.len())], count > further.len());
        let fitting = (0..=further.len() + 1).rev().map(|count| table(&of_count(count)));
        let mut least = None;
        for lines in fitting {
            if widest(&lines) <= width {
                return Some(lines);
            }
            least = Some(lines);
        }
        least
    }

    fn rows(&self, listed: &[&Found], further: &[&CostRow], with_shape: bool) -> Vec<Vec<String>> {
        let costs: Vec<&CostRow> = [self.axis].into_iter().chain(further.iter().copied()).collect();
        let unit = |row: &CostRow| {
            let is_alone = costs.iter().filter(|other| other.unit == row.unit).count() == 1;
            if is_alone { row.unit } else { row.name }.to_owned()
        };
        let shape = |words: [String; 2]| words.into_iter().filter(|_| with_shape);
        let heading = ["", "trial", "gen", "loss"].map(String::from).into_iter();
        let heading = heading.chain(costs.iter().map(|row| unit(row)));
        let heading = heading.chain(shape(["layers", "experts"].map(String::from)));
        let best = self.chosen();
        let row = |found: &&Found| {
            let is_on_front = || self.front.iter().any(|other| other.trial == found.trial);
            let mark = if best == Some(found.trial) {
                "◆"
            } else if is_on_front() {
                "●"
            } else {
                "·"
            };
            let of_cost = |row: &&CostRow| found.cost(row).map_or_else(String::new, |cost| digits(cost, 4));
            let first = [mark.to_owned(), found.trial.to_string(), found.generation.to_string(), digits(found.loss, 5)];
            let shape = shape([format!("{}+{}", found.layers[0], found.layers[1]), found.experts.to_string()]);
            first.into_iter().chain(costs.iter().map(of_cost)).chain(shape).collect()
        };
        [heading.collect()].into_iter().chain(listed.iter().map(row)).collect()
    }
}

fn widest(lines: &[String]) -> usize {
    lines.iter().map(|line| console::measure_text_width(line)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Limits, ObjectiveName, SearchConfig};
    use crate::search::Trial;
    use crate::search::testing::{settings, trial};

    fn search(settings: &SearchConfig, count: u64) -> SearchSoFar {
        let mut search = SearchSoFar::new(settings);
        for id in 0..count {
            let (loss, gflops) = (4.0 - (id % 7) as f64 / 4.0, 0.002 + 0.0005 * (id % 5) as f64);
            let costs = [("latency_ms".to_owned(), 1.0 + id as f64), ("memory_mb".to_owned(), 5.0)].into();
            search.tell(&Trial { gflops, costs, ..trial(id, Some(loss)) });
        }
        search
    }

    #[test]
    fn the_front_stands_beside_the_best() {
        let limits = Limits::from([("gflops", 0.004)]);
        let lines = search(&SearchConfig { limits, ..settings() }, 3).lines(79, 6);
        let expected = [
            "  4.0000 │●                                        trial  gen    loss    GFLOPs",
            "    loss │                  ●                   ◆      2    0  3.5000  0.003000",
            "         │                                      ●      1    0  3.7500  0.002500",
            "  3.5000 │                                   ◆  ●      0    0  4.0000  0.002000",
            "         └────────────────────────────────────",
            "          0.002000 GFLOPs             0.003000",
        ];
        assert_eq!(lines, expected);
        let wide = search(&settings(), 3).lines(110, 6);
        assert!(
            wide[0].ends_with("GFLOPs  layers  experts") && wide[1].ends_with("0.003000     6+1        0"),
            "{wide:#?}"
        );
    }

    #[test]
    fn whatever_the_room_no_line_is_longer_and_none_is_too_many() {
        let limits = Limits::from([("latency_ms", 99.0), ("memory_mb", 50.0)]);
        let limited = SearchConfig { limits, ..settings() };
        let objectives = ["loss", "memory_mb"].map(|name| ObjectiveName::new(name).unwrap()).into();
        let several = SearchConfig { objectives, ..limited.clone() };
        for settings in [settings(), limited, several] {
            for (count, width, height) in (0..120).flat_map(|width| [0, 1, 30].map(|count| (count, width, width / 5))) {
                let lines = search(&settings, count).lines(width, height);
                assert!(lines.len() <= height, "{width} {height}");
                assert!(widest(&lines) <= width, "{width}: {lines:#?}");
                assert!(count > 0 || lines.is_empty());
            }
        }
    }
}
