//! `automoe report`, and the page that a run ends with.

use super::program::{Program, TINY, arguments};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// What a page has: elements by name, rows of tables, paragraphs and titles as they are read.
#[derive(Default)]
struct Page {
    elements: BTreeMap<String, usize>,
    rows: Vec<Vec<String>>,
    texts: Vec<String>,
}

impl Page {
    /// Reads `text`, in which every element that begins ends.
    fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let mut open: Vec<String> = Vec::new();
        let mut reader = Reader::from_str(text);
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => break,
                Event::Start(tag) => {
                    let name = tag.name().as_ref().to_owned();
                    for attribute in tag.attributes() {
                        let key = attribute.unwrap().key.as_ref().to_owned();
                        assert!(!["src", "href"].contains(&key.as_str()) && !key.starts_with("on"), "{name} {key}");
                    }
                    if name == "tr" {
                        page.rows.push(Vec::new());
                    }
                    *page.elements.entry(name).or_default() += 1;
                    open.push(String::new());
                }
                Event::End(tag) => {
                    let text = open.pop().unwrap();
                    if let ("td" | "th", Some(row)) = (tag.name().as_ref(), page.rows.last_mut()) {
                        row.push(text.clone());
                    }
                    if tag.name().as_ref() != "style" {
                        page.texts.push(text.clone());
                    }
                    if let Some(around) = open.last_mut() {
                        around.push_str(&text);
                    }
                }
                Event::Text(text) => {
                    let text = text.xml_content(quick_xml::XmlVersion::Implicit1_0);
                    if let Some(around) = open.last_mut() {
                        around.push_str(&text);
                    }
                }
                Event::GeneralRef(name) => {
                    let letter = quick_xml::escape::resolve_xml_entity(&name).unwrap();
                    open.last_mut().unwrap().push_str(letter);
                }
                _ => {}
            }
        }
        assert!(open.is_empty());
        page
    }

    fn row(&self, first: &str) -> &[String] {
        self.rows.iter().find(|row| row.first().is_some_and(|cell| cell == first)).unwrap_or_else(|| panic!("{first}"))
    }

    fn says(&self, text: &str) -> bool {
        self.texts.iter().any(|known| known.contains(text))
    }
}

fn lines(path: &std::path::Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A folder and a setting that would be elements of the page.
const FOLDER: &str = "runs/<script>alert(1)&amp;'\"";
const CACHE: &str = "data.cache_dir=<b onclick=x>cache & 'more'\"";

#[test]
fn a_run_ends_with_a_page_that_says_what_its_files_say() {
    let program = Program::new();
    program.output(&[&arguments(&["run"], &TINY)[..], &["--run-dir", FOLDER, "--set", CACHE]].concat());
    let run = program.folder().join(FOLDER);
    let text = fs::read_to_string(run.join("report.html")).unwrap();
    let page = Page::parse(&text);
    assert!(text.starts_with("<!DOCTYPE html>") && !text.contains("<script") && !text.contains("<b "), "{text}");
    assert!(page.says(FOLDER) && page.says(&FOLDER["runs/".len()..]));
    assert_eq!(page.row("data.cache_dir")[1], Value::from(&CACHE["data.cache_dir=".len()..]).to_string());

    let results: Value = serde_json::from_str(&fs::read_to_string(run.join("results.json")).unwrap()).unwrap();
    for row in results["rows"].as_array().unwrap() {
        let shown = page.row(row["name"].as_str().unwrap());
        let figure = |key: &str, decimals: usize| format!("{:.decimals$}", row[key].as_f64().unwrap());
        let gflops = automoe::report::digits(row["gflops"].as_f64().unwrap(), 4);
        assert_eq!(shown[1..4], [figure("bleu", 2), figure("chrf", 2), gflops]);
    }
    let figure = |row: usize, key: &str| results["rows"][row][key].as_f64().unwrap();
    let share = 100.0 * figure(1, "gflops") / figure(2, "gflops");
    let difference = figure(1, "bleu") - figure(2, "bleu");
    let end = |end: usize| {
        let end = results["rows"][1]["compared"][0]["bleu_interval"][end].as_f64().unwrap();
        automoe::report::Rounding::Signed(2).apply(end)
    };
    let interval = format!("95 % interval of the difference {} to {}", end(0), end(1));
    let more = if difference < 0.0 { "less" } else { "more" };
    assert!(
        page.says(&format!(
            "{share:.1} % of the dense model's, and {:.2} BLEU {more} than it ({interval})",
            difference.abs()
        )),
        "{:?}",
        page.texts
    );

    let trials = lines(&run.join("search/trials.jsonl"));
    let complete: Vec<_> = trials.iter().filter(|trial| trial["state"] == "complete").collect();
    assert!(page.says(&format!("{} trials: {} complete", trials.len(), complete.len())));
    // Each is a point, and the winner has a ring; and each of what was tested.
    assert_eq!(page.elements["circle"], complete.len() + 1 + results["rows"].as_array().unwrap().len());
    for trial in complete {
        let told = format!(
            "trial {}, generation {}: loss {:.4}, ",
            trial["id"],
            trial["generation"],
            trial["loss"].as_f64().unwrap()
        );
        assert!(page.says(&told), "{told}");
    }
    let metrics = lines(&run.join("supernet/metrics.jsonl"));
    let seconds: f64 = metrics.iter().filter_map(|line| line["seconds"].as_f64()).sum();
    // The last table of as many columns: how models compare comes first.
    let cost = page.rows.iter().rfind(|row| row[0] == "supernet" && row.len() == 6).unwrap();
    assert_eq!(cost[1..4], [format!("{seconds:.1} s"), format!("{:.4}", seconds / 3600.0), "24".into()]);
    let spent: Value = serde_json::from_str(&fs::read_to_string(run.join("search/spent.json")).unwrap()).unwrap();
    let megabytes = spent["peak_memory_bytes"].as_f64().map_or("–".into(), |bytes| format!("{:.0}", bytes / 1e6));
    assert_eq!(page.row("search")[5], megabytes);
    assert_eq!(page.row("search")[2], format!("{:.4}", spent["seconds"].as_f64().unwrap() / 3600.0));
    assert!(page.says("Beside baseline; BLEU's differences"));
    let manifest: Value = serde_json::from_str(&fs::read_to_string(run.join("manifest.json")).unwrap()).unwrap();
    assert!(page.says(manifest["data"].as_str().unwrap()));

    assert_eq!(program.output(&["report", FOLDER]), "");
    assert_eq!(fs::read_to_string(run.join("report.html")).unwrap(), text);
    // What is noted of the search beside it cannot make it fail.
    fs::write(run.join("search/spent.json"), "{}x").unwrap();
    program.output(&[&arguments(&["search"], &TINY)[..], &["--run-dir", FOLDER, "--set", CACHE]].concat());
    // As a run of an older version.
    fs::remove_file(run.join("search/spent.json")).unwrap();
    program.output(&["report", FOLDER]);
    assert!(Page::parse(&fs::read_to_string(run.join("report.html")).unwrap()).says("the sum of its evaluations"));
}

#[test]
fn a_page_has_the_table_of_rank() {
    let program = Program::new();
    program.output(&arguments(&["train"], &TINY));
    let few = ["--samples", "4", "--set", "rank.max_updates=4"];
    let ranking = program.output(&arguments(&arguments(&["rank"], &TINY), &few));
    let ranking: Value = serde_json::from_str(&ranking).unwrap();
    program.output(&["report", "runs/toy"]);
    let page = Page::parse(&fs::read_to_string(program.folder().join("runs/toy/report.html")).unwrap());
    for measure in ranking["measures"].as_array().unwrap() {
        let row = page.row(measure["name"].as_str().unwrap());
        let figure = |figure: &Value, decimals: usize| format!("{:.decimals$}", figure.as_f64().unwrap());
        assert_eq!(row[1], figure(&measure["tau"]["all"]["tau"], 2));
        assert_eq!(row[9..], [figure(&measure["regret_bits"], 3), figure(&measure["regret_bleu"], 2)]);
    }
}

#[test]
fn runs_under_way_have_pages_and_several_are_laid_side_by_side() {
    let program = Program::new();
    let train = |run: &str, seed: &str| {
        program.output(&[&arguments(&["train"], &TINY)[..], &["--run-dir", run, "--set", seed]].concat());
    };
    train("runs/a", "seed=1");
    train("runs/b", "seed=2");
    program.output(&["report", "runs/a"]);
    assert!(
        Page::parse(&fs::read_to_string(program.folder().join("runs/a/report.html")).unwrap())
            .says("the search has not begun")
    );
    program.output(&["report", "runs/a", "runs/b", "--out", "both.html"]);
    let page = Page::parse(&fs::read_to_string(program.folder().join("both.html")).unwrap());
    assert_eq!([&page.row("a")[1], &page.row("b")[1]], ["1", "2"]);
    assert_eq!(page.row("seed")[1..], ["default", "2"]);
    let message = program.refusal(&["report", "runs/absent"], "");
    assert!(message.contains("runs/absent: no run here"), "{message}");
    let message = program.refusal(&["report", "runs/a", "--optuna", "a.journal"], "");
    assert!(message.contains("trials.jsonl: no trials here"), "{message}");
    let message = program.refusal(&["report", "runs/a", "runs/b", "--optuna", "a.journal"], "");
    assert!(message.contains("--optuna: expected one run directory"), "{message}");
}
