//! Which checkpoints of a training are translated with.

use super::program::{Program, TINY, arguments};

#[test]
fn what_is_averaged_is_told_and_the_final_weights_are_in_it() {
    let program = Program::new();
    let steps =
        ["--set", "train.max_updates=25", "--set", "train.checkpoint_every=10", "--set", "train.keep_checkpoints=4"];
    program.output(&arguments(&arguments(&["train"], &TINY), &steps));
    let translate = |set: &str| {
        let supernet = ["translate", "--checkpoint", "runs/toy/supernet", "--set", set];
        program.messages(&supernet, "mi lo\n")
    };
    let told = translate("translate.average_checkpoints=3");
    assert!(told.contains("runs/toy/supernet: averaged last, step-20, step-10\n"), "{told}");
    let told = translate("translate.average_checkpoints=4");
    let fewer = "averaged last, step-20, step-10: 3 checkpoints where translate.average_checkpoints asks for 4";
    assert!(told.contains(fewer), "{told}");
    assert_eq!(translate("translate.average_checkpoints=0"), "");
    for step in [10, 20] {
        std::fs::remove_file(program.folder().join(format!("runs/toy/supernet/step-{step}.safetensors"))).unwrap();
    }
    let told = translate("translate.average_checkpoints=3");
    assert!(told.contains("no step-N checkpoints to average (train.checkpoint_every); its best is taken"), "{told}");
}

#[test]
fn a_missing_best_is_told() {
    let program = Program::new();
    program.output(&arguments(&["train"], &TINY));
    std::fs::remove_file(program.folder().join("runs/toy/supernet/best.safetensors")).unwrap();
    let told = program.messages(&["translate", "--checkpoint", "runs/toy/supernet"], "mi lo\n");
    assert!(told.ends_with("runs/toy/supernet: there is no best.safetensors; last.safetensors is taken\n"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    let file = ["translate", "--checkpoint", "runs/toy/supernet/last.safetensors"];
    assert_eq!(program.messages(&file, "mi lo\n"), "");
}
