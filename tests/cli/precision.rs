//! Products in other precisions, on the CPU.

use super::lengths::SMALL;
use super::program::{Program, TINY, arguments};
use super::training::{losses, worst};
use crate::devices::skip;
use automoe::config::Precision;
use automoe::model::precision::resolve;
use burn::tensor::Device;
use serde_json::Value;

const IN_BFLOAT16: [&str; 6] = [
    "--set",
    "train.precision=bfloat16",
    "--set",
    "search.precision=bfloat16",
    "--set",
    "translate.precision=bfloat16",
];

/// Whether the processor computes in bfloat16; if not, a line that says that `test` is skipped.
fn bfloat16(test: &str) -> bool {
    resolve("train.precision", Precision::Bfloat16, &Device::flex()).inspect_err(|error| skip(test, error)).is_ok()
}

#[test]
fn precisions_that_the_device_lacks_are_refused() {
    let program = Program::new();
    for key in ["train", "train_architecture", "search", "translate"] {
        let float16 = format!("{key}.precision=float16");
        let message = program.refusal(&arguments(&["train", "--set", &float16], &TINY), "");
        assert!(
            message.contains(&format!("{key}.precision = \"float16\"")) && message.contains("float32"),
            "{message}"
        );
        let unknown = format!("{key}.precision=half");
        let message = program.refusal(&arguments(&["train", "--set", &unknown], &TINY), "");
        assert!(message.contains(&format!("{key}.precision")) && message.contains("bfloat16"), "{message}");
    }
    for key in ["train", "train_architecture", "search"] {
        let message = program.refusal(&arguments(&["train", "--set", &format!("{key}.precision=int8")], &TINY), "");
        assert!(message.contains(&format!("{key}.precision: \"int8\" is for translate.precision alone")), "{message}");
    }
    let measure = ["latency", "measure", "--config", "toy", "--set", "translate.precision=float16"];
    assert!(program.refusal(&measure, "").contains("translate.precision = \"float16\""));
}

#[test]
fn a_training_in_bfloat16_ends_within_one_per_cent() {
    if !bfloat16("training in bfloat16") {
        return;
    }
    let (single, half) = (losses("cpu", "float32", false), losses("cpu", "bfloat16", false));
    let worst = worst(&single, &half);
    println!("training in bfloat16: losses within {:.3} % of float32's", 100.0 * worst);
    assert!(worst > 0.0 && worst < 0.01, "{single:?} {half:?}");
    assert_eq!(losses("cpu", "bfloat16", true), half, "one that was interrupted");
}

#[test]
fn a_run_in_bfloat16_gives_the_same_bytes_with_any_number_of_threads() {
    if !bfloat16("run in bfloat16") {
        return;
    }
    let command = arguments(&arguments(&["run", "--json"], &TINY), &IN_BFLOAT16);
    let [one, two] = ["1", "2"].map(|threads| {
        let program = Program::new();
        program.command(&command).env("RAYON_NUM_THREADS", threads).assert().success();
        let run = program.folder().join("runs/toy");
        let files = ["supernet/last.safetensors", "models/winner/last.safetensors", "search/winner.json"];
        files.map(|file| std::fs::read(run.join(file)).unwrap())
    });
    assert!(one == two, "one thread and two");
}

#[test]
fn a_run_and_its_trials_have_one_precision() {
    if !bfloat16("one precision a run") {
        return;
    }
    let program = Program::new();
    let train = |precision: &'static str| arguments(&arguments(&["train"], &TINY), &["--set", precision]);
    program.output(&train("train.precision=auto"));
    let stored = std::fs::read_to_string(program.folder().join("runs/toy/config.toml")).unwrap();
    let auto = resolve("train.precision", Precision::Auto, &Device::flex()).unwrap();
    assert!(stored.contains(&format!("precision = \"{auto}\"")) && !stored.contains("auto"), "{stored}");
    let (other, changed) = match auto {
        Precision::Bfloat16 => ("train.precision=float32", "train.precision = \"bfloat16\" (now \"float32\")"),
        _ => ("train.precision=bfloat16", "train.precision = \"float32\" (now \"bfloat16\")"),
    };
    let message = program.refusal_after_start(&train(other));
    assert!(message.contains(changed), "{message}");

    let search = |precision: &'static str| {
        arguments(&arguments(&["search"], &TINY), &["--set", "train.precision=auto", "--set", precision])
    };
    let [single, half] = [search("search.precision=float32"), search("search.precision=bfloat16")];
    program.output(&single);
    let message = program.refusal_after_start(&half);
    assert!(message.contains("these trials were evaluated in float32"), "{message}");
    program.output(&arguments(&half, &["--fresh"]));
    let message = program.refusal_after_start(&single);
    assert!(message.contains("these trials were evaluated in bfloat16"), "{message}");

    let translate = ["translate", "--checkpoint", "runs/toy/supernet", "--scores", "--set"];
    let scores = |precision: &str| -> Vec<f64> {
        let text = program.output_of(&arguments(&translate, &[precision]), "mi lo\nta ri mo\n");
        text.lines().map(|line| line.split_once('\t').unwrap().0.parse().unwrap()).collect()
    };
    let (single, half) = (scores("translate.precision=float32"), scores("translate.precision=bfloat16"));
    assert!(single != half && worst(&single, &half) < 0.05, "{single:?} {half:?}");
    let measure = ["latency", "measure", "--passes", "4", "--checkpoint", "runs/toy/supernet", "--set"];
    let measured = program.output(&arguments(&measure, &["translate.precision=auto"]));
    assert_eq!(serde_json::from_str::<Value>(&measured).unwrap()["compute_type"], auto.to_string());
}

#[test]
fn a_model_translates_and_is_measured_in_int8() {
    let program = Program::new();
    program.output(&arguments(&["train"], &TINY));
    let translate = ["translate", "--checkpoint", "runs/toy/supernet", "--scores", "--set"];
    let in_int8 = arguments(&translate, &["translate.precision=int8"]);
    if let Err(error) = resolve("translate.precision", Precision::Int8, &Device::flex()) {
        skip("translation in int8", &error);
        assert!(program.refusal(&in_int8, "mi lo\n").contains("translate.precision = \"int8\""));
        return;
    }
    let input = "mi lo\nta ri mo\nmi lo ta ri\nlo mi\n";
    let scores = |text: &str| -> Vec<f64> {
        text.lines().map(|line| line.split_once('\t').unwrap().0.parse().unwrap()).collect()
    };
    let single = scores(&program.output_of(&arguments(&translate, &["translate.precision=float32"]), input));
    let text = program.output_of(&in_int8, input);
    assert!(single != scores(&text) && worst(&single, &scores(&text)) < 0.05, "{single:?} {text}");
    for threads in ["1", "2"] {
        let again = program.output_of(&arguments(&in_int8, &["--threads", threads]), input);
        assert_eq!(again, text, "{threads} threads");
    }
    let measure = ["latency", "measure", "--passes", "4", "--checkpoint", "runs/toy/supernet", "--set"];
    let measured = program.output(&arguments(&measure, &["translate.precision=int8"]));
    assert_eq!(serde_json::from_str::<Value>(&measured).unwrap()["compute_type"], "int8");
    // Losses are compared in single precision, whatever translates.
    let rank = ["rank", "--samples", "2", "--set", "rank.max_updates=6", "--set", "rank.repeated=2"];
    let ranked = |precision: &str| -> Vec<[Value; 2]> {
        let precision = format!("translate.precision={precision}");
        let text = program.output(&arguments(&arguments(&rank, &TINY), &["--set", &precision]));
        let ranking: Value = serde_json::from_str(&text).unwrap();
        let rows = ranking["architectures"].as_array().unwrap().iter();
        rows.map(|row| [&row["alone"], &row["supernets"]].map(|scores| scores[0]["loss"].clone())).collect()
    };
    assert_eq!(ranked("int8"), ranked("float32"));
    let collect = ["latency", "collect", "--precision", "99%", "--out", "here.csv", "--samples", "1"];
    program.output(&arguments(&collect, &["--set", "translate.precision=int8"]));
    let message = program.refusal(&collect, "");
    assert!(message.contains("here.csv:2: measured with compute_type = int8, not float32"), "{message}");
}

/// Pairs for a model to learn: each word of the source stands for another one. Texts that begin elsewhere hold other lines.
fn pairs(count: usize, start: usize) -> [String; 2] {
    let words = ["ab", "ba", "abc", "cab", "ca", "bac"];
    let line = |i: usize, shift: usize| -> String {
        let word = |j| words[(i * 7 + j * (i % 5 + 1) * 3 + i / 6 + shift) % words.len()];
        (0..3 + i * 5 % 4).map(word).collect::<Vec<_>>().join(" ") + "\n"
    };
    [0, 1].map(|shift| (start..start + count).map(|i| line(i, shift)).collect())
}

#[test]
fn bleu_in_int8_is_near_that_in_float32() {
    if let Err(error) = resolve("translate.precision", Precision::Int8, &Device::flex()) {
        return skip("BLEU in int8", &error);
    }
    let program = Program::new();
    program.write("small.toml", SMALL);
    for (name, count, start) in [("train", 400, 0), ("valid", 20, 1000), ("test", 100, 2000)] {
        let [source, target] = pairs(count, start);
        program.write(&format!("{name}.xx"), &source);
        program.write(&format!("{name}.yy"), &target);
    }
    let longer = ["--set", "train.max_updates=150", "--set", "train.max_tokens=256"];
    program.output(&arguments(&["train", "--config", "small.toml"], &longer));
    let [source, _] = pairs(100, 2000);
    let translate = ["translate", "--checkpoint", "runs/small/supernet", "--set"];
    let [single, int8] = ["translate.precision=float32", "translate.precision=int8"].map(|precision| {
        let translated = program.output_of(&arguments(&translate, &[precision]), &source);
        let scored = program.output_of(&["score", "--reference", "test.yy", "--json"], &translated);
        let bleu: Value = serde_json::from_str(scored.lines().next().unwrap()).unwrap();
        bleu["score"].as_f64().unwrap()
    });
    println!("BLEU in float32 {single}, in int8 {int8}");
    assert!(single > 50.0 && (single - int8).abs() < 2.0, "{single} {int8}");
}
