//! A run in lines of text.

use super::plot::Plot;
use super::scene::{Phase, Scene};
use super::search::SearchSoFar;
use super::text::{at_both_ends, fit, table, time, wrapped};
use super::training::TrainingSoFar;
use crate::report::{TestedModel, digits};
use indicatif::HumanCount;

/// What was not written for so many seconds is told: a process that is at work writes more often, mostly.
const QUIET: f64 = 5.0;
/// Remarks that are shown, at most.
const REMARKS: usize = 3;
/// Columns of names, at most.
const NAMES: usize = 18;

impl Scene {
    /// The run in at most `width` columns and `height` lines.
    pub fn lines(&self, width: usize, height: usize) -> Vec<String> {
        let mut lines = self.head(width);
        lines.extend(self.of_trainings(width, height / 3));
        lines.extend(self.search.iter().flat_map(|search| self.of_search(search, width)));
        let mut below = self.of_results(width, height / 3);
        if !self.subruns.is_empty() {
            below.push(fit(
                &format!("{} beside it, in subruns/: {}", self.subruns.len(), self.subruns.join(", ")),
                width,
            ));
        }
        let room = height.saturating_sub(lines.len() + below.len());
        lines.extend(self.picture(width, room));
        lines.extend(below);
        lines.truncate(height);
        lines
    }

    /// What it is at, and which files are left out.
    pub(super) fn head(&self, width: usize) -> Vec<String> {
        let remarks = self.remarks.iter().take(REMARKS);
        let remarks = remarks.map(|remark| fit(&format!("left out, for it cannot be read: {remark}"), width));
        [self.title(width)].into_iter().chain(remarks).collect()
    }

    fn title(&self, width: usize) -> String {
        let is_quiet = |age: &f64| *age >= QUIET && self.phase != Phase::Finished;
        let age = self.age.filter(is_quiet).map_or_else(String::new, |age| format!("last written {} ago", time(age)));
        let phase = match self.interrupted {
            Some(true) => format!("interrupted: {}", self.phase),
            _ => self.phase.to_string(),
        };
        at_both_ends(&fit(&format!("{} · {phase}", self.name), width), &age, width)
    }

    /// Each training; of those that are over the last ones that there is room for, and that under way after all others.
    fn of_trainings(&self, width: usize, height: usize) -> Vec<String> {
        let longest = self.trainings.iter().map(|training| console::measure_text_width(&training.log.name)).max();
        let indent = longest.unwrap_or(0).min(NAMES).min(width / 4) + 2;
        let is_current =
            |training: &&TrainingSoFar| matches!(&self.phase, Phase::Training(name) if *name == training.log.name);
        let (current, others): (Vec<&TrainingSoFar>, Vec<&TrainingSoFar>) = self.trainings.iter().partition(is_current);
        let lines_of = |training: &&TrainingSoFar| training.lines(indent, width);
        let current: Vec<String> = current.iter().flat_map(lines_of).collect();
        let shown = height.saturating_sub(current.len() + 1).max(1);
        let left = others.len().saturating_sub(shown);
        let more = (left > 0).then(|| fit(&format!("… and {left} trainings before these"), width));
        let others = others.iter().skip(left).flat_map(lines_of);
        more.into_iter().chain(others).chain(current).collect()
    }

    fn of_search(&self, search: &SearchSoFar, width: usize) -> Vec<String> {
        let generation = format!("search: generation {} of {}", search.generation, search.budget.last_generation());
        let others = search.others().into_iter().filter(|(count, _)| *count > 0);
        let others: String = others.map(|(count, kind)| format!(", {count} {kind}")).collect();
        let trials = format!("{} of {} trials{others}", HumanCount(search.trials()), HumanCount(search.expected()));
        let best = search.best.first().map(|best| format!("best loss {}", digits(best.loss, 5)));
        let front = search.course().front();
        let front = front.map(|(count, volume)| format!("front of {count}, hypervolume {volume:.4}"));
        let limit = (search.limit > 0.0).then(|| format!("limit {} {}", search.limit, search.axis.unit));
        let left = self.search_seconds_left.map(|seconds| format!("{} left", time(seconds)));
        // What is drawn is the front of two.
        let chosen = match search.course().objectives().len() {
            0 | 1 => "best",
            2 => "knee of the front",
            _ => "knee by all objectives",
        };
        let marks = format!("◆ {chosen}, ● on the front, · others");
        wrapped([Some(generation), Some(trials), best, front, limit, left, Some(marks)], 8, width)
    }

    /// What was tested, `height` lines at most.
    fn of_results(&self, width: usize, height: usize) -> Vec<String> {
        let Some(results) = &self.results else { return Vec::new() };
        let heading = ["test", "BLEU", "chrF", "GFLOPs", "params M", "validation"].map(String::from);
        let row = |row: &TestedModel| {
            let fixed = |figure: Option<f64>| figure.map(|figure| format!("{figure:.2}"));
            let short = |figure: Option<f64>| figure.map(|figure| digits(figure, 4));
            let costs = [row.gflops, row.parameters_m(), row.validation_loss].map(short);
            let figures = [fixed(row.bleu), fixed(row.chrf)].into_iter().chain(costs);
            [row.name.clone()].into_iter().chain(figures.map(Option::unwrap_or_default)).collect()
        };
        let rows: Vec<Vec<String>> = [heading.into()].into_iter().chain(results.rows.iter().map(row)).collect();
        table(&rows).iter().take(height.max(3)).map(|line| fit(line, width)).collect()
    }

    /// The front of the search; before it, how the loss of the last training falls.
    fn picture(&self, width: usize, height: usize) -> Vec<String> {
        if let Some(search) = &self.search {
            return search.lines(width, height);
        }
        let Some(training) = self.trainings.last() else { return Vec::new() };
        let points: Vec<(f64, f64)> =
            training.log.lines.iter().filter_map(|line| Some((line.update as f64, line.nll?))).collect();
        let valid = training.log.validations();
        Plot { names: ["updates", "loss"], points: &points, marked: &valid, best: None, limit: None }
            .lines(width, height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Results;
    use crate::search::testing::{settings, trial};
    use crate::train::Training;

    fn training(name: &str, done: u64) -> TrainingSoFar {
        let line = |update: u64| {
            let line = format!(
                "{{\"update\":{update},\"nll\":{},\"tokens\":90,\"seconds\":0.5,\"valid\":{{\"largest\":3.0,\"smallest\":4.0}}}}",
                9.0 - update as f64 / 100.0
            );
            serde_json::from_str(&line).unwrap()
        };
        TrainingSoFar::new(
            Training { name: name.into(), lines: (0..=done / 20).map(|at| line(at * 20)).collect() },
            200,
        )
    }

    fn scene(phase: Phase) -> Scene {
        let mut search = SearchSoFar::new(&settings());
        (0..5).for_each(|id| search.tell(&trial(id, Some(4.0 + id as f64))));
        let rows = r#"{"rows":[{"name":"winner","bleu":31.25,"gflops":0.00123,"parameters":1500000}]}"#;
        Scene {
            name: "a\u{1b}run".into(),
            phase,
            interrupted: None,
            age: Some(30.0),
            trainings: vec![
                training("supernet", 200),
                training("a-name-that-is-longer-than-most", 200),
                training("winner", 100),
            ],
            search: Some(search),
            search_seconds_left: Some(60.0),
            results: Some(serde_json::from_str::<Results>(rows).unwrap()),
            subruns: vec!["seeds/2".into()],
            remarks: vec!["results.json: not the results of a run".into()],
        }
    }

    #[test]
    fn a_run_is_told_at_a_glance() {
        let lines = scene(Phase::Training("winner".into())).lines(79, 24);
        assert_eq!(lines.len(), 24);
        let at = |part: &str| {
            lines.iter().position(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {lines:#?}"))
        };
        assert!(at("a?run · training winner") == 0 && lines[0].ends_with("last written 30s ago"), "{}", lines[0]);
        assert!(at("supernet") < at("update 100 of 200"));
        assert!(
            at("validation after 100 · largest 3.000")
                < at("search: generation 0 of 4 · 5 of 38 trials · best loss 4.0000")
        );
        assert!(at("│") < at("31.25") && lines[23] == "1 beside it, in subruns/: seeds/2");
        assert_eq!(lines[1], "left out, for it cannot be read: results.json: not the results of a run");
        assert!(!scene(Phase::Finished).lines(79, 24)[0].contains("ago"));
        let interrupted = Scene { interrupted: Some(true), ..scene(Phase::Searching) };
        assert!(interrupted.lines(79, 24)[0].starts_with("a?run · interrupted: searching"));
    }

    #[test]
    fn before_the_search_the_loss_falls() {
        let early = Scene { search: None, results: None, ..scene(Phase::Training("winner".into())) };
        let lines = early.lines(60, 20);
        assert!(lines.iter().any(|line| line.contains("updates")) && lines.concat().contains('●'), "{lines:#?}");
    }

    #[test]
    fn it_keeps_to_its_room() {
        for (width, height) in (0..100).flat_map(|width| [0, 1, 5, 24, 60].map(|height| (width, height))) {
            for phase in [Phase::Preparing, Phase::Training("winner".into()), Phase::Searching, Phase::Finished] {
                let lines = scene(phase).lines(width, height);
                assert!(lines.len() <= height, "{height}");
                assert!(lines.iter().all(|line| console::measure_text_width(line) <= width), "{width}: {lines:#?}");
            }
        }
    }
}
