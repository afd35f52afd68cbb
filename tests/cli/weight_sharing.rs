//! SuperNets whose subnets share weights by any rule, through everything that uses them.

use super::interrupted::interrupt;
use super::program::{Program, TINY, arguments};
use automoe::run::Checkpoint;
use serde_json::Value;
use std::collections::BTreeMap;

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
    assert_eq!(summary["updates"], 6);
}

#[test]
fn a_supernet_of_each_rule_is_of_use_adapted_too() {
    for rule in RULES {
        let program = Program::new();
        let settings = arguments(
            &arguments(&TINY, rule),
            &["--set", "adapt.max_updates=12", "--set", "adapt.rank=2", "--set", "finetune.max_updates=6"],
        );
        program.output(&arguments(&["train"], &settings));
        is_of_use(&program, &settings, "supernet");
        let adapted: Value =
            serde_json::from_str(&program.output(&arguments(&["train", "--adapt"], &settings))).unwrap();
        assert_eq!(adapted["updates"], 12);
        is_of_use(&program, &settings, "adapted");
        corrections_alone_are_new(&program);
        are_ranked(&program, &settings);
        let message = program
            .refusal_after_start(&arguments(&["train", "--adapt"], &arguments(&settings, &["--set", "adapt.rank=3"])));
        assert!(message.contains("with 8 corrections of rank 2, not as"), "{message}");
    }
}

/// That both SuperNets are compared on one set of architectures.
fn are_ranked(program: &Program, settings: &[&str]) {
    let rank = ["rank", "--samples", "2", "--set", "rank.max_updates=2"];
    let supernets = ["--checkpoint", "runs/toy/supernet", "--checkpoint", "runs/toy/adapted"];
    let ranked = program.output(&arguments(&arguments(&rank, &supernets), settings));
    let ranked: Value = serde_json::from_str(&ranked).unwrap();
    let of_first = ranked["architectures"][0]["supernets"].as_array().unwrap();
    assert_eq!(of_first.len(), 2, "{ranked}");
    assert_ne!(of_first[0]["loss"], of_first[1]["loss"]);
}

/// That the weights that were adapted have the same bits as before.
fn corrections_alone_are_new(program: &Program) {
    let tensors = |file| {
        let tensors = Checkpoint::load(&program.folder().join("runs/toy").join(file)).unwrap().tensors.into_iter();
        let bits = |data: Vec<f32>| data.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        tensors.map(|tensor| (tensor.name, bits(tensor.data))).collect::<BTreeMap<_, _>>()
    };
    let (before, mut after) = (tensors("supernet/best.safetensors"), tensors("adapted/last.safetensors"));
    for (name, data) in before {
        assert!(after.remove(&name) == Some(data), "{name} has changed");
    }
    assert!(after.len() > 12 && after.keys().all(|name| name.contains(".adapt.")), "{:?}", after.keys());
}

#[test]
fn a_mixture_has_no_weights_but_its_subnets() {
    let program = Program::new();
    let mixture = arguments(&TINY, RULES[1]);
    program.output(&arguments(&["train"], &mixture));
    let export = ["export", "--checkpoint", "runs/toy/supernet", "--out", "supernet.safetensors"];
    let message = program.refusal(&export, "");
    let wanted = "runs/toy/supernet: a SuperNet whose weights are shared as \"mixture\" of 3: its subnets alone can be exported; give --arch";
    assert!(message.contains(wanted), "{message}");
    let other = arguments(&["search", "--run-dir", "runs/other", "--checkpoint", "runs/toy/supernet"], &TINY);
    let message = program.refusal_after_start(&other);
    assert!(
        message.contains("a SuperNet trained with train.weights = \"mixture\", and this config's is \"shared\""),
        "{message}"
    );
    let adapt = ["train", "--run-dir", "runs/other", "--adapt", "runs/toy/supernet"];
    let message = program.refusal_after_start(&arguments(&adapt, &TINY));
    let wanted = "runs/toy/supernet: its weights are shared as \"mixture\" of 3; what is adapted has those of the config, \"shared\"";
    assert!(message.contains(wanted), "{message}");
    let wider = arguments(&mixture, &["--set", "model.qkv_dim=128"]);
    let message = program.refusal_after_start(&arguments(&adapt, &wider));
    assert!(message.contains("not the SuperNet of this config's [space] and [model]"), "{message}");
}

#[test]
#[cfg(unix)]
fn a_training_of_each_kind_goes_on_to_the_same_bytes_with_any_number_of_threads() {
    let settings =
        arguments(&arguments(&TINY, RULES[1]), &["--set", "train.max_updates=40", "--set", "train.log_every=1"]);
    let [whole, broken] = [Program::new(), Program::new()];
    for (command, folder) in [(&["train"][..], "supernet"), (&["train", "--adapt"], "adapted")] {
        let train = arguments(command, &arguments(&settings, &["--set", "adapt.max_updates=40"]));
        whole.command(&train).env("RAYON_NUM_THREADS", "1").assert().success();
        let (code, message) = interrupt(&broken, &train, "-TERM", &format!("runs/toy/{folder}/metrics.jsonl"));
        assert_eq!(code, Some(130), "{message}");
        broken.command(&train).env("RAYON_NUM_THREADS", "3").assert().success();
        for file in ["last.safetensors", "best.safetensors", "last.json"] {
            let file = format!("runs/toy/{folder}/{file}");
            let read = |program: &Program| std::fs::read(program.folder().join(&file)).unwrap();
            assert!(read(&whole) == read(&broken), "{file} differs");
        }
    }
}
