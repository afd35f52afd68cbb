//! `automoe table`.

use super::program::Program;
use serde_json::Value;
use std::fs;

/// A folder of results, and of settings where there are some.
fn put_run(program: &Program, name: &str, config: Option<&str>) {
    let folder = program.folder().join("runs").join(name);
    fs::create_dir_all(&folder).unwrap();
    let winner = r#"{"name": "winner", "bleu": 26.5, "gflops": 0.25, "parameters": 1e6}"#;
    fs::write(folder.join("results.json"), format!(r#"{{"rows": [{winner}]}}"#)).unwrap();
    if let Some(config) = config {
        fs::write(folder.join("config.toml"), config).unwrap();
    }
}

#[test]
fn tables_of_runs_come_in_every_format() {
    let program = Program::new();
    put_run(&program, "a_b", None);
    put_run(&program, "c", None);
    for (format, parts) in [
        ("markdown", &["## a_b\n", "\n## c\n", "| winner | 26.50 |"][..]),
        ("csv", &["table,model,bleu,", "a_b,winner,26.5,", "\nc,winner,26.5,"]),
        ("latex", &["\\caption{a\\_b}", "\\toprule", "winner & 26.50 & -- & 0.2500 & 1.000 &", "\\caption{c}"]),
        ("json", &["\"title\": \"a_b\"", "\"bleu\": 26.5"]),
        ("text", &["a_b", "26.50"]),
    ] {
        let text = program.output(&["table", "run", "runs/a_b", "runs/c", "--format", format]);
        assert!(parts.iter().all(|part| text.contains(part)), "{format}:\n{text}");
        assert_eq!(program.output(&["table", "--format", format, "run", "runs/a_b", "runs/c"]), text);
    }
    let message = program.refusal(&["table", "run", "runs/absent"], "");
    assert!(message.starts_with("automoe: runs/absent"), "{message}");
}

#[test]
fn every_table_of_a_run_tells_whose_it_is() {
    let program = Program::new();
    let folder = program.folder().join("runs/c");
    fs::create_dir_all(&folder).unwrap();
    let compared = r#"{"reference": "dense", "with": "small", "gflops": 0.5, "bleu": 1.25, "bleu_interval": [-0.5, 3], "p_value": 0.1}"#;
    let rows = format!(r#"{{"rows": [{{"name": "winner", "bleu": 26.5, "compared": [{compared}]}}]}}"#);
    fs::write(folder.join("results.json"), rows).unwrap();
    let text = program.output(&["table", "run", "runs/c", "--format", "json"]);
    let tables: Value = serde_json::from_str(&text).unwrap();
    let title = tables[1]["title"].as_str().unwrap();
    assert!(tables[0]["title"] == "c" && title.starts_with("c: Beside small; "), "{text}");
    // Numbers: the difference, its interval and its p value.
    let row = &tables[1]["rows"][0];
    let figures = ["", "_least", "_most", "_p"].map(|part| row[format!("bleu_over_dense{part}")].as_f64());
    assert_eq!(figures, [1.25, -0.5, 3.0, 0.1].map(Some));
}

#[test]
fn runs_on_the_papers_data_are_found_and_follow_its_rows() {
    let program = Program::new();
    let rows = |options: &[&str]| -> Vec<Value> {
        let text = program.output(&[&["table", "paper", "--format", "json"], options].concat());
        let tables: Value = serde_json::from_str(&text).unwrap();
        tables[0]["rows"].as_array().unwrap().clone()
    };
    let published = rows(&[]).len();
    put_run(&program, "wmt14-en-fr", Some("[data]\ndir = \"/elsewhere/wmt14.en-fr\"\ntarget_lang = \"fr\"\n"));
    put_run(&program, "mine", None);
    // A file called as a config that ships is none.
    fs::create_dir(program.folder().join("configs")).unwrap();
    fs::write(program.folder().join("configs/wmt14-en-fr.toml"), "[data]\ndir = \"/other\"\n").unwrap();
    let place = |rows: &[Value], data: &str, model: &str| {
        rows.iter().position(|row| row["data"] == data && row["model"] == model).unwrap()
    };
    let found = rows(&[]);
    assert_eq!(found.len(), published + 1);
    let own = place(&found, "WMT'14 En-Fr", "winner (wmt14-en-fr)");
    assert_eq!(found[own]["bleu_measured"], 26.5);
    assert!(found[own - 1]["data"] == "WMT'14 En-Fr" && found[own + 1]["data"] == "WMT'19 En-De");
    let given = rows(&["--run", "runs/mine", "--run", "runs/wmt14-en-fr"]);
    assert_eq!(place(&given, "mine", "winner"), published + 1);
    assert_eq!(place(&given, "WMT'14 En-Fr", "winner (wmt14-en-fr)"), own);
}
