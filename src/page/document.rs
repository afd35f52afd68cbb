//! The page: its head, and the sections in order.

use super::facts::Facts;
use super::settings::different;
use super::shown::{duration, gflops, table};
use super::{architecture, costs, curves, experts, generations, genes, headline, latency, settings, trials};
use crate::report::{Column, Row, Table, rank_tables, results_tables, seeds_tables};
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
        @if let Some(results) = &facts.results {
            (section("What was tested", &html! { @for one in &results_tables(results) { (table(one)) } }))
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
        @if !facts.trainings.is_empty() { (section("Training", &curves::curves(facts))) }
        @if let Some(ranking) = &facts.ranking {
            (section("How well architectures are ordered", &html! { @for one in &rank_tables(ranking) { p.note { (one.title) } (table(one)) } }))
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
        let best = facts.best_trials().first().copied().cloned();
        let trained: f64 = facts.all_trainings().iter().map(|(_, training)| training.seconds()).sum();
        let bleu = |name: &str| facts.tested(name).and_then(|row| row.bleu);
        let cells = vec![
            facts.name.as_str().into(),
            facts.config.seed.to_string().into(),
            (facts.trials.len() as f64).into(),
            best.as_ref().and_then(|best| best.loss).into(),
            best.map(|best| gflops(best.gflops)).into(),
            bleu("winner").into(),
            bleu("baseline").into(),
            duration(trained + facts.searched_seconds()).into(),
        ];
        Row { cells, remark: None }
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
