//! Trainings that go on with other settings than they were begun with.

use super::program::{Program, TINY, arguments};
use serde_json::{Value, json};

/// The SuperNet's training with some settings replaced.
fn train<'a>(settings: &[&'a str]) -> Vec<&'a str> {
    let replaced: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    [&["train"][..], &TINY, &replaced].concat()
}

fn read(program: &Program, file: &str) -> Vec<u8> {
    std::fs::read(program.folder().join("runs/toy/supernet").join(file)).unwrap()
}

/// Lines of the SuperNet's metrics that say what it went on with.
fn changes(program: &Program) -> Vec<Value> {
    let metrics = String::from_utf8(read(program, "metrics.jsonl")).unwrap();
    let lines = metrics.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line.get("changed").is_some()).collect()
}

#[test]
fn a_training_goes_on_to_more_updates_as_if_it_had_them_from_the_start() {
    let inverse_sqrt = ["train.lr_schedule=inverse-sqrt", "train.warmup_updates=4"];
    let of = |updates| train(&[&inverse_sqrt[..], &[updates]].concat());
    let (long, raised) = (Program::new(), Program::new());
    long.output(&of("train.max_updates=32"));
    raised.output(&of("train.max_updates=16"));
    let told = raised.messages(&of("train.max_updates=32"), "");
    assert!(told.contains("runs/toy: goes on with other settings: train.max_updates = 16 (now 32)\n"), "{told}");
    assert!(told.contains("supernet: going on after update 16\n"), "{told}");
    assert!(told.contains("training supernet: from update 17 on with max_updates = 32 (before: 16)\n"), "{told}");
    assert_eq!(changes(&raised), [json!({"update": 16, "changed": {"max_updates": [16, 32]}})]);
    for file in ["last.safetensors", "best.safetensors"] {
        assert!(read(&long, file) == read(&raised, file), "{file} differs");
    }
    // Neither fewer updates nor another rate change anything any more, and config.toml says what the weights were trained with.
    let config = std::fs::read_to_string(raised.folder().join("runs/toy/config.toml")).unwrap();
    assert!(config.contains("\nmax_updates = 32\n"), "{config}");
    let told = raised.messages(&[&of("train.max_updates=20")[..], &["--set", "train.lr=0.1"]].concat(), "");
    assert!(
        told.contains("supernet: it was trained for 32 updates; max_updates = 20 takes none of them back\n"),
        "{told}"
    );
    let no_more =
        "supernet: it is trained, and these change nothing in it: lr = 0.1 (before: 0.003); a larger max_updates";
    assert!(told.contains(no_more), "{told}");
    assert!(!told.contains("goes on with"), "{told}");
    assert_eq!(std::fs::read_to_string(raised.folder().join("runs/toy/config.toml")).unwrap(), config);
    assert!(read(&long, "last.safetensors") == read(&raised, "last.safetensors"));
}

#[test]
fn a_cosine_that_is_lengthened_says_what_it_does() {
    let program = Program::new();
    program.output(&train(&["train.warmup_updates=4", "train.max_updates=8"]));
    program.output(&[&["search"][..], &TINY, &["--set", "train.warmup_updates=4"]].concat());
    let longer = ["train.warmup_updates=4", "train.max_updates=12", "train.lr=2e-3", "train.clip_norm=1.0"];
    let told = program.messages(&train(&longer), "");
    // Half-way from the warm-up to the end, the mean of lr and min_lr.
    let cosine = "training supernet: the cosine of the learning rate ends with update 12 now: that of update 9 is 1.005e-3, as in \
                  a training of that length; the updates before had those of one of 8\n";
    assert!(told.contains(cosine), "{told}");
    assert!(told.contains("search/ has trials: those of this SuperNet, and their winner, are stale once"), "{told}");
    let changed = json!({"clip_norm": [0.0, 1.0], "lr": [0.003, 0.002], "max_updates": [8, 12]});
    assert_eq!(changes(&program), [json!({"update": 8, "changed": changed})]);
}

#[test]
fn a_run_goes_on_with_a_longer_training_of_what_it_found() {
    let program = Program::new();
    let run = arguments(&["run", "--json"], &TINY);
    let row = |results: &str, index: usize| serde_json::from_str::<Value>(results).unwrap()["rows"][index].clone();
    let first = program.output(&run);
    let supernet = read(&program, "last.safetensors");
    let longer =
        arguments(&run, &["--set", "train_architecture.max_updates=32", "--set", "train_architecture.lr=1e-3"]);
    let output = program.command(&longer).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    for name in ["winner", "baseline"] {
        let goes_on = format!(
            "training {name}: from update 25 on with lr = 0.001 (before: 0.003), max_updates = 32 (before: 24)"
        );
        assert!(told.contains(&goes_on), "{told}");
    }
    let second = String::from_utf8(output.stdout).unwrap();
    assert_eq!(row(&first, 1)["architecture"], row(&second, 1)["architecture"]);
    let trained: Value = serde_json::from_slice(&read(&program, "../models/winner/last.json")).unwrap();
    assert_eq!(trained["update"], 32);
    assert!(read(&program, "last.safetensors") == supernet);
    // Trials do not belong to a SuperNet that has learnt more since.
    let trials = read(&program, "../search/trials.jsonl");
    let longer = arguments(&longer, &["--set", "train.max_updates=40"]);
    let told = program.messages(&longer, "");
    assert!(told.contains("then automoe run puts them aside"), "{told}");
    let aside = "search/trials.jsonl: these trials were measured with other weights than the SuperNet's, and are now \
                 runs/toy/search/trials.jsonl.1; searching anew\n";
    assert!(told.contains(aside), "{told}");
    assert!(read(&program, "../search/trials.jsonl.1") == trials && read(&program, "../search/trials.jsonl") != trials);
    assert!(!program.messages(&longer, "").contains("trials"));
    // Nor to damaged weights, which may be put back.
    let trials = read(&program, "../search/trials.jsonl");
    damage(&program, "best.safetensors");
    let message = program.refusal_after_start(&longer);
    assert!(message.contains("best.safetensors: damaged"), "{message}");
    assert!(read(&program, "../search/trials.jsonl") == trials);
}

#[test]
fn a_training_that_diverged_goes_on_with_a_lower_rate() {
    let program = Program::new();
    // The second update breaks the weights; the loss would show it at the third.
    let diverging = train(&["train.lr=1e300", "train.save_every=1", "train.checkpoint_every=1"]);
    for _ in 0..2 {
        let output = program.command(&diverging).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{message}");
        let advice = "is not finite after update 2; lower train.lr, set train.clip_norm or lengthen train.warmup_updates, and the \
                      same command goes on after update 1 (where it was too late by then, remove runs/toy/supernet to begin anew)";
        assert!(message.trim_end().ends_with(advice), "{message}");
    }
    let saved = |name: &str| program.folder().join(format!("runs/toy/supernet/{name}.safetensors")).is_file();
    assert!(saved("last") && saved("step-1") && !saved("step-2"));
    let translate = ["translate", "--checkpoint", "runs/toy/supernet/last.safetensors"];
    program.output_of(&translate, "mi lo\n");
    let told = program.messages(&train(&["train.save_every=1", "train.checkpoint_every=1"]), "");
    assert!(told.contains("training supernet: from update 2 on with lr = 0.003 (before: 1e"), "{told}");
    let trained: Value = serde_json::from_slice(&read(&program, "last.json")).unwrap();
    assert_eq!(trained["update"], 24);

    // Before anything was saved.
    let fresh = [&["train"][..], &TINY, &["--fresh", "--set", "train.lr=1e300"]].concat();
    let output = program.command(&fresh).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("training supernet: the loss is not finite at update 3; lower train.lr"), "{message}");
    assert!(message.trim_end().ends_with("and the same command begins anew"), "{message}");
    program.output(&train(&[]));
}

/// Flips a bit in the middle of a checkpoint of the SuperNet.
fn damage(program: &Program, file: &str) {
    let mut bytes = read(program, file);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(program.folder().join("runs/toy/supernet").join(file), bytes).unwrap();
}

#[test]
fn a_damaged_last_is_needed_until_the_training_is_over() {
    let program = Program::new();
    let steps = ["train.checkpoint_every=8", "train.keep_checkpoints=2"];
    let to = |updates| train(&[&steps[..], &[updates]].concat());
    let checksum = "the contents do not have the checksum they were saved with";
    program.output(&to("train.max_updates=9"));
    damage(&program, "last.safetensors");
    let told = program.messages(&to("train.max_updates=9"), "");
    let over = "supernet: trained already (9 updates), but no further: runs/toy/supernet/last.safetensors: damaged: ";
    assert!(told.contains(&format!("{over}{checksum}\n")), "{told}");
    assert_eq!(program.output(&to("train.max_updates=9")).lines().count(), 1);

    let message = program.refusal_after_start(&to("train.max_updates=16"));
    let advice = "a training does not go on without it: put back a copy, or remove it to train anew (the 9 updates so far are \
                  lost then, with best.safetensors and step-N)";
    assert!(message.ends_with(&format!("last.safetensors: damaged: {checksum}; {advice}")), "{message}");
    let average = ["translate", "--checkpoint", "runs/toy/supernet", "--set", "translate.average_checkpoints=2"];
    let message = program.refusal(&average, "mi lo\n");
    let advice = "put back a copy, or take best.safetensors (translate.average_checkpoints = 0)\n";
    assert!(message.ends_with(&format!("{checksum}; {advice}")), "{message}");

    std::fs::remove_file(program.folder().join("runs/toy/supernet/last.safetensors")).unwrap();
    program.output(&to("train.max_updates=16"));
    let whole = Program::new();
    whole.output(&to("train.max_updates=16"));
    for file in ["last.safetensors", "best.safetensors", "step-8.safetensors"] {
        assert!(read(&whole, file) == read(&program, file), "{file} differs");
    }

    damage(&program, "best.safetensors");
    let translate = ["translate", "--checkpoint", "runs/toy/supernet"];
    let message = program.refusal(&translate, "mi lo\n");
    let advice = "put back a copy, or remove it: last.safetensors is taken then\n";
    assert!(message.ends_with(&format!("best.safetensors: damaged: {checksum}; {advice}")), "{message}");
    damage(&program, "step-8.safetensors");
    let message = program.refusal(&[&translate[..], &average[3..]].concat(), "mi lo\n");
    let advice = "put back a copy, or remove it: an average is without it then\n";
    assert!(message.ends_with(&format!("step-8.safetensors: damaged: {checksum}; {advice}")), "{message}");
}
