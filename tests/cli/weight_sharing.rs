//! SuperNets whose subnets share weights by any rule, through everything that uses them.

use super::interrupted::interrupt;
use super::program::{Program, TINY, arguments};
use serde_json::Value;

/// What trains a SuperNet by each rule.
const RULES: [&[&str]; 2] = [&[], &["--set", "train.weights=mixture", "--set", "train.mixture=3"]];

const INPUT: &str = "mi lo\nta ri mo\nmi mi ta\n";

/// That the SuperNet in this folder of the run is searched, translates as its winner, hands its weights on and is exported.
fn is_of_use(program: &Program, settings: &[&str], folder: &str) {
    let checkpoint = format!("runs/toy/{folder}");
    let search = ["search", "--fresh", "--checkpoint", &checkpoint];
    let winner = program.output(&arguments(&search, settings));
    program.write("winner.json", &winner);
    let translate = ["translate", "--checkpoint", &checkpoint, "--arch", "winner.json", "--scores"];
    let translated = program.output_of(&translate, INPUT);

    // What is exported is the winner with the weights that it has in the SuperNet.
    let name = format!("of-{folder}");
    let export = ["export", "--checkpoint", &checkpoint, "--arch", "winner.json", "--out", "winner.safetensors"];
    let exported: Value = serde_json::from_str(&program.output(&export)).unwrap();
    let import = ["import", "winner.safetensors", "--name", &name];
    let imported: Value = serde_json::from_str(&program.output(&arguments(&import, settings))).unwrap();
    assert_eq!(imported["architecture"], serde_json::from_str::<Value>(&winner).unwrap());
    assert_eq!(exported["parameters"], imported["parameters"]);
    let checkpoint_of_winner = format!("runs/toy/models/{name}");
    let alone = ["translate", "--checkpoint", &checkpoint_of_winner, "--scores"];
    assert_eq!(program.output_of(&alone, INPUT), translated);

    let inherited = format!("inherited-{folder}");
    let inherit = ["train", "--arch", "winner.json", "--name", &inherited, "--inherit", &checkpoint];
    let summary: Value = serde_json::from_str(&program.output(&arguments(&inherit, settings))).unwrap();
    assert_eq!(summary["updates"], 24);
}

#[test]
fn a_supernet_of_each_rule_is_of_use() {
    for rule in RULES {
        let program = Program::new();
        let settings = arguments(&TINY, rule);
        program.output(&arguments(&["train"], &settings));
        is_of_use(&program, &settings, "supernet");
    }
}

#[test]
fn a_mixture_has_no_weights_but_its_subnets() {
    let program = Program::new();
    let mixture = arguments(&TINY, RULES[1]);
    program.output(&arguments(&["train"], &mixture));
    let export = ["export", "--checkpoint", "runs/toy/supernet", "--out", "supernet.safetensors"];
    let message = program.refusal(&export, "");
    let wanted = "runs/toy/supernet: a SuperNet with train.weights = \"mixture\" of 3, of which subnets alone can be exported; give --arch";
    assert!(message.contains(wanted), "{message}");
    let other = arguments(&["search", "--run-dir", "runs/other", "--checkpoint", "runs/toy/supernet"], &TINY);
    let message = program.refusal_after_start(&other);
    assert!(
        message.contains("a SuperNet trained with train.weights = \"mixture\", and this config's is \"shared\""),
        "{message}"
    );
}

#[test]
#[cfg(unix)]
fn a_mixture_goes_on_to_the_same_bytes_with_any_number_of_threads() {
    let long = ["--set", "train.max_updates=60", "--set", "train.log_every=1"];
    let train = arguments(&arguments(&["train"], &TINY), &arguments(RULES[1], &long));
    let [whole, broken] = [Program::new(), Program::new()];
    whole.command(&train).env("RAYON_NUM_THREADS", "1").assert().success();
    let (code, message) = interrupt(&broken, &train, "-TERM", "runs/toy/supernet/metrics.jsonl");
    assert_eq!(code, Some(130), "{message}");
    broken.command(&train).env("RAYON_NUM_THREADS", "3").assert().success();
    for file in ["last.safetensors", "best.safetensors", "last.json"] {
        let read = |program: &Program| std::fs::read(program.folder().join("runs/toy/supernet").join(file)).unwrap();
        assert!(read(&whole) == read(&broken), "{file} differs");
    }
}
