//! The page: its head, and the sections in order.

use super::costs::SUMMED;
use super::facts::Facts;
use super::settings::different;
use super::shown::{duration, gflops, table};
use super::{architecture, costs, curves, experts, generations, genes, headline, latency, settings, tested, trials};
use crate::report::{Column, Row, Table, WINNER, rank_tables, seeds_tables};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::collections::BTreeSet;

const STYLE: &str = include_str!("style.css");
/// What has no end in HTML is written as XML has it.
const META: &str = "<meta charset=\"utf-8\"/><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>";

/// The page of these runs, one at least; several are laid side by side before each is told.
pub fn page(runs: &[Facts]) -> String {
    let names: Vec<&str> = runs.iter().map(|facts| facts.name.as_str()).collect();
    let title = format!("automoe: {}", names.join(", "));
    let markup = html! {
        (DOCTYPE)
        html lang="en" xmlns="http://www.w3.org/1999/xhtml" {
            head { (PreEscaped(META)) title { (title) } style { (PreEscaped(STYLE)) } }
            body {
                @if runs.len() > 1 { h1 { (title) } (section("Side by side", &side_by_side(runs))) (section("Settings that differ", &differing(runs))) }
                @for facts in runs { (run(facts)) }
            }
        }
    };
    markup.into_string()
}

/// The sections of a run.
fn run(facts: &Facts) -> Markup {
    let searched = !facts.trials.is_empty();
    html! {
        h1 { "Run " (facts.name) } p.note { code { (facts.folder) } }
        (headline::headline(facts))
        @for remark in &facts.remarks { p.note { "Left out, for it cannot be read: " (remark) } }
        @if let Some(results) = &facts.results {
            (section("What was tested", &tested::tested(facts, results)))
        }
        @if let Some(seeds) = &facts.seeds {
            (section("With several seeds", &html! { @for one in &seeds_tables(seeds) { (table(one)) } }))
        }
        @if searched {
            (section("Trials", &trials::trials(facts)))
            (section("Generation by generation", &generations::generations(facts)))
        }
        (section("The architecture", &architecture::architecture(facts)))
        @if searched {
            (section("Which genes matter", &genes::genes(facts)))
            (section("Where experts go", &experts::experts(facts)))
        }
        @if !facts.all_trainings().is_empty() { (section("Training", &curves::curves(facts))) }
        @if let Some(ranking) = &facts.ranking {
            (section("How well architectures are ordered", &html! { @for one in &rank_tables(ranking) { (table(one)) } }))
        }
        @if let Some(latency) = latency::latency(facts) { (section("Latency", &latency)) }
        (section("What it took", &costs::costs(facts)))
        (section("Settings", &settings::settings(facts)))
    }
}

fn section(title: &str, content: &Markup) -> Markup {
    html! { section { h2 { (title) } (content) } }
}

/// A row for each run.
fn side_by_side(runs: &[Facts]) -> Markup {
    let columns = vec![
        Column::new("run", "run", 0),
        Column::new("seed", "seed", 0),
        Column::new("trials", "trials", 0),
        Column::new("loss", "best loss", 4),
        Column::new("gflops", "its GFLOPs", 0),
        Column::new("bleu", "BLEU of the winner", 2),
        Column::new("baseline_bleu", "of the dense model", 2),
        Column::new("time", "time", 0),
    ];
    let row = |facts: &Facts| {
        let best = facts.best_trials().first().copied();
        let trained: f64 = facts.all_trainings().iter().map(|named| named.training.seconds()).sum();
        let searched = facts.all_searched();
        let cells = vec![
            facts.name.as_str().into(),
            facts.config.seed.to_string().into(),
            (facts.trials.len() as f64).into(),
            best.and_then(|best| best.loss).into(),
            best.map(|best| gflops(best.gflops)).into(),
            facts.tested(WINNER).and_then(|row| row.bleu).into(),
            facts.dense().and_then(|row| row.bleu).into(),
            duration(trained + searched.seconds).into(),
        ];
        Row { cells, remark: searched.is_sum.then(|| format!("of the time, that of searches is {SUMMED}")) }
    };
    table(&Table { title: String::new(), columns, rows: runs.iter().map(row).collect() })
}

/// The settings that are not the same in all runs.
fn differing(runs: &[Facts]) -> Markup {
    let settings: Vec<_> = runs.iter().map(|facts| different(&facts.config)).collect();
    let keys: BTreeSet<&String> = settings.iter().flatten().map(|(key, ..)| key).collect();
    let value = |run: usize, key: &String| {
        let found = settings[run].iter().find(|(known, ..)| known == key);
        found.map_or_else(|| "default".to_owned(), |(_, value, _)| value.to_string())
    };
    let differ = |key: &&&String| (1..runs.len()).any(|run| value(run, key) != value(0, key));
    html! {
        div.wide { table {
            thead { tr { th.text { "key" } @for facts in runs { th.text { (facts.name) } } } }
            tbody { @for key in keys.iter().filter(differ) { tr {
                td.text { code { (key) } } @for run in 0..runs.len() { td.text.long { code { (value(run, key)) } } }
            } } }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BUILT_IN, Config};
    use crate::run::RunDirectory;
    use crate::search::testing::trial;
    use crate::search::{Trial, TrialState};
    use std::fs;

    /// The page of a run of the toy config with these trials and results.
    fn page_of(trials: &[Trial], results: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let settings = BUILT_IN[0].1.replace("\nmax_parameters = 0", "\nmax_parameters = 9");
        let run = RunDirectory::open(folder.path(), &settings, "run", false).unwrap();
        let lines: String = trials.iter().map(|trial| serde_json::to_string(trial).unwrap() + "\n").collect();
        fs::create_dir_all(run.search()).unwrap();
        fs::write(run.trials(), lines).unwrap();
        if !results.is_empty() {
            fs::write(run.results(), results).unwrap();
        }
        page(&Facts::read_all(&[folder.path().into()]).unwrap())
    }

    #[test]
    fn what_is_not_there_is_told_as_it_is() {
        let space = Config::load("toy").unwrap().space().unwrap();
        let complete = |id, loss| {
            let costs = [("parameters".to_owned(), 1.0)].into();
            Trial { architecture: space.smallest(), costs, ..trial(id, Some(loss)) }
        };
        let failed = Trial { state: TrialState::Failed, ..complete(0, 1.0) };
        let winner = |unfinished: bool| {
            format!(r#"{{"unfinished": {unfinished}, "rows": [{{"name": "winner", "bleu": 3.0}}]}}"#)
        };
        for (trials, results, told, not_told) in [
            (
                vec![failed],
                String::new(),
                vec!["nothing; trials: 0 complete, 1 failed.", "No trial is complete."],
                "begun.",
            ),
            (
                vec![complete(0, 1.0), complete(1, 2.0)],
                winner(false),
                vec![
                    "no dense model was tested beside it.",
                    "2 trials: 2 complete.",
                    "against its GFLOPs",
                    "against its M parameters",
                    "Too few complete trials: 2 of 20",
                ],
                "against its ms",
            ),
            (vec![], winner(true), vec!["GFLOPs."], "no dense model"),
        ] {
            let page = page_of(&trials, &results);
            assert!(told.iter().all(|told| page.contains(told)), "{told:?}: {page}");
            assert!(!page.contains(not_told), "{not_told}: {page}");
        }
    }
}
