//! Latency: measured, collected across kills, fitted, predicted, plotted, imported; and what is refused.

use super::program::{Program, arguments};
use crate::shared::shared;
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A data set of the toy space with latencies that follow from FLOPs: the file's text.
fn invented_data(program: &Program, rows: usize) -> String {
    let sampled = program.output(&["space", "--sample", &rows.to_string()]);
    let costs = program.output_of(&["cost", "--arch", "-"], &sampled);
    let mut text = "encoder_ms,decoder_ms,architecture\n".to_owned();
    for line in lines(&costs) {
        let gflops = line["gflops"].as_f64().unwrap();
        let json = line["architecture"].to_string().replace('"', "\"\"");
        text += &format!("{},{},\"{json}\"\n", 1.0 + 500.0 * gflops, 2.0 + 4000.0 * gflops);
    }
    text
}

/// The published latencies, where they are.
fn published() -> Option<PathBuf> {
    shared("published latencies", "data/latency")
}

#[test]
fn architectures_are_measured_one_a_line() {
    let program = Program::new();
    let sampled = program.output(&["space", "--sample", "2"]);
    let quick = ["latency", "measure", "--threads", "1", "--passes", "12", "--precision", "99%"];
    let measured = lines(&program.output_of(&arguments(&quick, &["--arch", "-"]), &sampled));
    assert_eq!(measured.iter().map(|line| line["architecture"].clone()).collect::<Vec<_>>(), lines(&sampled));
    for line in &measured {
        let of = |part: &str| line[part]["mean_ms"].as_f64().unwrap();
        assert!((of("encoder") + of("decoder") - line["ms"].as_f64().unwrap()).abs() < 1e-9);
        assert_eq!((&line["passes"], &line["threads"]), (&12.into(), &1.into()));
        assert!(line["noisy"].is_boolean() && line["within_precision"].is_boolean(), "{line}");
        assert!(line["interval_ms"].is_array() && line["undisturbed_ms"].is_f64(), "{line}");
    }
}

#[test]
fn too_few_passes_to_trust_are_told() {
    let program = Program::new();
    let output = program.command(&["latency", "measure", "--passes", "2"]).output().unwrap();
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["noisy"], true);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("too noisy to trust: 2 passes are too few"), "{errors}");
}

#[test]
fn a_killed_collection_goes_on_where_it_was() {
    let program = Program::new();
    let collect = ["latency", "collect", "--precision", "99%", "--out", "here.csv", "--samples", "8"];
    let file = program.folder().join("here.csv");
    let mut child = program.start(&collect);
    let start = Instant::now();
    let rows = |text: &str| text.lines().count().saturating_sub(1);
    while std::fs::read_to_string(&file).map_or(0, |text| rows(&text)) == 0 {
        assert!(start.elapsed() < Duration::from_secs(300), "nothing is collected");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = std::fs::read_to_string(&file).unwrap();

    let summary = &lines(&program.output(&collect))[0];
    let after = std::fs::read_to_string(&file).unwrap();
    assert!(after.starts_with(&before), "rows that were there have changed");
    assert_eq!((rows(&after), summary["rows"].as_u64()), (8, Some(8)));
    assert_eq!(summary["measured"].as_u64().unwrap(), 8 - rows(&before) as u64);
    // Given once more, there is nothing left to do.
    assert_eq!(lines(&program.output(&collect))[0]["measured"], 0);
    let message = program.refusal(&arguments(&collect, &["--set", "cost.sentence_length=9"]), "");
    assert!(message.contains("here.csv:2: measured with sentence_length = 12, not 9"), "{message}");
    let message = program.refusal(&["latency", "fit", "here.csv"], "");
    assert!(message.contains("here.csv: 8 rows are too few"), "{message}");
}

#[test]
fn two_collections_do_not_share_a_file() {
    let program = Program::new();
    let collect = ["latency", "collect", "--precision", "99%", "--out", "here.csv", "--samples", "200"];
    let mut child = program.start(&collect);
    let start = Instant::now();
    while !program.folder().join("here.csv").exists() {
        assert!(start.elapsed() < Duration::from_secs(300), "nothing is collected");
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = program.command(&collect).output().unwrap();
    let message = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(2), "{message}");
    assert!(message.contains("process") && message.contains(" collects into here.csv"), "{message}");
    child.kill().unwrap();
    child.wait().unwrap();
    // The lock ends with its holder.
    program.output(&["latency", "collect", "--precision", "99%", "--out", "here.csv", "--samples", "1"]);
}

#[test]
fn data_become_a_profile_that_predicts_and_plots() {
    let program = Program::new();
    program.write("here.csv", &invented_data(&program, 120));
    let fit = ["latency", "fit", "here.csv", "--out", "here.json"];
    let fitted = &lines(&program.output(&fit))[0];
    assert!(fitted["test"]["mape"].as_f64().unwrap() < 0.05, "{fitted}");
    let profile = || lines(&std::fs::read_to_string(program.folder().join("here.json")).unwrap().replace('\n', ""));
    assert!(profile()[0].get("conditions").is_none(), "the data do not tell");
    let silent = program.command(&["latency", "predict", "--profile", "here.json"]).output().unwrap();
    let warnings = String::from_utf8(silent.stderr).unwrap();
    assert!(warnings.contains("the profile does not tell the sentence length, beam and vocabulary"), "{warnings}");
    let columns = "device,threads,sentence_length,beam,vocab_size,qkv_dim";
    let conditions = "cpu,2,30,4,40,64";
    let told = invented_data(&program, 120).replace('\n', &format!(",{conditions}\n")).replacen(conditions, columns, 1);
    program.write("here.csv", &told);
    program.output(&fit);
    let kept = serde_json::json!({
        "device": "cpu", "threads": 2, "sentence_length": 30, "beam": 4, "vocab_size": 40, "qkv_dim": 64
    });
    assert_eq!(profile()[0]["conditions"], kept);
    let message = program.refusal(&["latency", "fit", "here.csv", "--out", "here.csv"], "");
    assert!(message.contains("here.csv: not a latency profile, and would be lost"), "{message}");
    assert_eq!(std::fs::read_to_string(program.folder().join("here.csv")).unwrap(), told);
    let sampled = program.output(&["space", "--sample", "3"]);
    let predict = ["latency", "predict", "--profile", "here.json"];
    let predicted = lines(&program.output_of(&arguments(&predict, &["--arch", "-"]), &sampled));
    assert_eq!(predicted.len(), 3);
    for line in &predicted {
        let number = |key: &str| line[key].as_f64().unwrap();
        assert!(number("low") <= number("ms") && number("ms") <= number("high"));
        assert!((number("encoder_ms") + number("decoder_ms") - number("ms")).abs() < 1e-9);
    }
    assert_eq!(program.output(&predict).lines().count(), 1, "without --arch: the largest");

    let wide = program.command(&arguments(&predict, &["--set", "space.decoder_layer_num=[6]"])).output().unwrap();
    let line: Value = serde_json::from_slice(&wide.stdout).unwrap();
    assert_eq!(line["beyond_data"], serde_json::json!(["decoder_layer_num"]));
    let warnings = String::from_utf8(wide.stderr).unwrap();
    assert!(warnings.contains("1 of 1 architectures are unlike those"), "{warnings}");
    assert!(warnings.contains("measured with sentence_length 30, not 12; vocab_size 40, not 400"), "{warnings}");
    let sample = ["space", "--sample", "3", "--max-latency-ms", "1000", "--latency-profile", "here.json"];
    let wide = program.command(&arguments(&sample, &["--set", "space.decoder_layer_num=[6]"])).output().unwrap();
    let warnings = String::from_utf8(wide.stderr).unwrap();
    assert!(warnings.contains("3 of 3 architectures are unlike those"), "{warnings}");
    assert!(warnings.contains("measured with sentence_length 30, not 12"), "{warnings}");
    for source in ["here.json", "here.csv"] {
        let text = std::fs::read_to_string(program.folder().join(source)).unwrap();
        for text in [format!("\u{feff}{text}"), text] {
            program.write(source, &text);
            program.output(&["latency", "plot", source, "--out", "here.svg"]);
            let svg = std::fs::read_to_string(program.folder().join("here.svg")).unwrap();
            assert!(svg.contains("here: 12 test rows"), "{source}");
        }
    }
}

#[test]
fn published_predictors_become_profiles_with_the_errors_that_are_known_of_them() {
    let Some(folder) = published() else { return };
    let program = Program::new();
    for (name, output_ms, rmse) in [("iwslt14deen_gpu_titanxp", "200", 5.06), ("wmt14ende_cpu_xeon", "300", 13.8)] {
        let [predictor, data] = [format!("{name}.pt"), format!("{name}_all.csv")].map(|file| folder.join(file));
        let (predictor, data) = (predictor.to_str().unwrap(), data.to_str().unwrap());
        let import = ["latency", "import", predictor, "--out", "a.json", "--output-ms", output_ms];
        let report = &lines(&program.output(&arguments(&import, &["--data", data])))[0];
        let found = report["test"]["rmse_ms"].as_f64().unwrap();
        assert!((found - rmse).abs() < 0.05, "{name}: {found}");
        let with_data = program.output(&["latency", "predict", "--profile", "a.json", "--config", "wmt14-en-de"]);
        assert_eq!(program.output(&import), "{}\n", "without data there are no figures");
        let without = program.output(&["latency", "predict", "--profile", "a.json", "--config", "wmt14-en-de"]);
        assert_eq!(lines(&with_data)[0]["ms"], lines(&without)[0]["ms"]);
        assert!(lines(&without)[0].get("low").is_none(), "an interval out of nothing");
        assert_eq!(
            lines(&without)[0]["beyond_data"],
            serde_json::json!(["encoder_n_experts_avg", "decoder_n_experts_avg"])
        );
        let message = program.refusal(&["latency", "plot", "a.json", "--out", "a.svg"], "");
        assert!(message.contains("a.json"), "{message}");
    }
}

#[test]
fn what_is_no_data_profile_or_predictor_is_refused() {
    let program = Program::new();
    program.write("a.csv", "a,b\n1,2\n");
    program.write("short.csv", "architecture,encoder_ms,decoder_ms\n\"{}\",1\n");
    program.write("a.json", "{\"format\":\"something else\"}");
    program.write("arch.json", "[]");
    let tensors = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/tensors.pt");
    for (arguments, expected) in [
        (&["latency", "fit", "a.csv", "--out", "b.json"][..], "a.csv:1:1: expected a header"),
        (&["latency", "fit", "absent.csv"], "absent.csv"),
        (&["latency", "fit", "short.csv"], "short.csv:2:1: 2 fields where the header has 3"),
        (&["latency", "plot", "a.csv", "--out", "b.svg"], "a.csv:1:1: expected a header"),
        (&["latency", "plot", "a.json", "--out", "b.svg"], "a.json: not a latency profile"),
        (&["latency", "plot", "a.csv", "--out", "b.png"], "b.png: the plot is SVG: expected a name that ends in .svg"),
        (&["latency", "import", tensors, "--out", "b.json"], "give --data, or the milliseconds"),
        (&["latency", "plot", "absent.json", "--out", "b.svg"], "absent.json"),
        (&["latency", "predict", "--profile", "a.json"], "a.json: not a latency profile"),
        (&["latency", "predict", "--profile", "a.csv"], "a.csv: not a latency profile"),
        (&["latency", "import", "a.csv", "--output-ms", "200", "--out", "b.json"], "a.csv: not a PyTorch file"),
        (&["latency", "import", tensors, "--output-ms", "200", "--out", "b.json"], "not a latency predictor"),
        (&["latency", "collect", "--out", "a.csv"], "a.csv:1: not a file that was collected here"),
        (&["latency", "collect", "--device", "tpu", "--out", "b.csv"], "tpu"),
        (&["latency", "measure", "--arch", "arch.json"], "arch.json"),
        (&["latency", "measure", "--device", "tpu"], "tpu"),
        (&["latency", "measure", "--set", "cost.sentence_length=100000"], "cost.sentence_length"),
    ] {
        let message = program.refusal(arguments, "");
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    for wrong in [&["--precision", "0%"][..], &["--threads", "0"], &["--passes", "0"]] {
        let command = arguments(&["latency", "measure"], wrong);
        assert_eq!(program.command(&command).output().unwrap().status.code(), Some(2), "{wrong:?}");
    }
}
