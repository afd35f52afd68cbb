//! `automoe watch`, and what a search shows on a terminal.

use super::program::{Program, TINY, arguments};
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io::Write;

/// What a watch tells other programs, without what passes by itself.
fn told(program: &Program) -> Value {
    let mut told: Value = serde_json::from_str(&program.output(&["watch", "runs/toy", "--json"])).unwrap();
    told.as_object_mut().unwrap().remove("seconds_since_written").unwrap();
    told
}

/// Appends to a file of the run.
fn append(program: &Program, file: &str, text: &str) {
    let path = program.folder().join("runs/toy").join(file);
    OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_run_is_told_whatever_it_is_at() {
    let program = Program::new();
    program.output(&arguments(&["run"], &TINY));
    let run = program.folder().join("runs/toy");
    let files = program.files();
    // Nothing is locked: a process that is at work has the lock.
    let lock = File::open(run.join(".lock")).unwrap();
    lock.lock().unwrap();

    let finished = told(&program);
    assert_eq!((&finished["run"], &finished["phase"]), (&"toy".into(), &"finished".into()));
    let names: Vec<&str> =
        finished["trainings"].as_array().unwrap().iter().map(|training| training["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["supernet", "baseline", "winner"]);
    assert_eq!((&finished["trainings"][0]["update"], &finished["trainings"][0]["updates"]), (&24.into(), &24.into()));
    let trials = fs::read_to_string(run.join("search/trials.jsonl")).unwrap();
    let trials: Vec<Value> = trials.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let losses = trials.iter().filter_map(|trial| trial["loss"].as_f64());
    let least = losses.fold(f64::INFINITY, f64::min);
    assert_eq!(finished["search"]["best"]["loss"], least);
    assert_eq!(finished["search"]["trials"], trials.len());
    assert_eq!(finished["results"].as_array().unwrap().len(), 3);

    // Earlier versions did not note down what they were asked for; a run that is asked for more is not finished.
    let request = run.join("run.json");
    let asked = fs::read_to_string(&request).unwrap();
    fs::remove_file(&request).unwrap();
    assert_eq!(told(&program), finished);
    let mut more: Value = serde_json::from_str(&asked).unwrap();
    more["done"] = false.into();
    more.as_object_mut().unwrap().remove("checksum");
    fs::write(&request, more.to_string()).unwrap();
    assert_eq!(told(&program)["phase"], "between phases");
    fs::write(&request, asked).unwrap();

    let text = program.output(&["watch", "runs/toy"]);
    let winner = format!("{:.2}", finished["results"][1]["bleu"].as_f64().unwrap());
    for part in ["toy · finished", "supernet  24 updates", "search: generation 2 of 2", "◆", "│", winner.as_str()]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains('\u{1b}') && text.lines().all(|line| line.chars().count() <= 80), "{text}");

    // What is damaged costs no more than what it tells.
    let intact = fs::read(run.join("search/winner.json")).unwrap();
    fs::write(run.join("search/winner.json"), "{").unwrap();
    let damaged = told(&program);
    assert_eq!(damaged["phase"], "finished");
    let remark = damaged["remarks"][0].as_str().unwrap();
    assert!(remark.starts_with("runs/toy/search/winner.json: "), "{remark}");
    assert!(program.output(&["watch", "runs/toy"]).contains("left out, for it cannot be read: runs/toy/search/win"));
    let page = program.output(&["report", "runs/toy", "--out", "-"]);
    assert!(page.contains("Left out, for it cannot be read: runs/toy/search/winner.json: "), "{page}");
    fs::write(run.join("search/winner.json"), intact).unwrap();

    // A line that is being written, or was when the process was killed.
    append(&program, "models/winner/metrics.jsonl", "{\"upd");
    append(&program, "search/trials.jsonl", "{\"id\":99,\"gener");
    assert_eq!(told(&program), finished);

    // Nothing that was tested is of a search that was done anew, or is being done.
    let winner = fs::read_to_string(run.join("search/winner.json")).unwrap();
    fs::remove_file(run.join("search/winner.json")).unwrap();
    assert_eq!(told(&program)["phase"], "searching");
    let page = |program: &Program| program.output(&["report", "runs/toy", "--out", "-"]);
    assert!(page(&program).contains("The search was done anew since its winner was tested"));
    fs::write(run.join("search/winner.json"), winner).unwrap();
    assert!(!page(&program).contains("The search was done anew"));
    fs::create_dir(run.join("rank/0123")).unwrap();
    program.write("runs/toy/rank/0123/metrics.jsonl", "");
    assert_eq!(told(&program)["phase"], "ranking");
    fs::remove_dir_all(run.join("rank/0123")).unwrap();

    // As it was before, file by file.
    fs::remove_file(&request).unwrap();
    fs::remove_file(run.join("results.json")).unwrap();
    fs::remove_dir_all(run.join("models")).unwrap();
    fs::remove_file(run.join("search/winner.json")).unwrap();
    append(&program, "search/trials.jsonl", "a");
    assert_eq!((&told(&program)["phase"], &told(&program)["results"]), (&"searching".into(), &Value::Null));
    fs::remove_dir_all(run.join("search")).unwrap();
    assert_eq!(told(&program)["phase"], "nothing under way");
    let metrics = run.join("supernet/metrics.jsonl");
    let half: String = fs::read_to_string(&metrics).unwrap().lines().take(2).map(|line| format!("{line}\n")).collect();
    fs::write(&metrics, half).unwrap();
    let begun = told(&program);
    assert_eq!((&begun["phase"], &begun["training"]), (&"training".into(), &"supernet".into()));
    assert!(program.output(&["watch", "runs/toy"]).contains("toy · training supernet"));
    assert_eq!(begun["interrupted"], false);
    // Nobody is at work in it any more, which the lock tells on the machine that had it last.
    lock.unlock().unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(told(&program)["interrupted"], true);
        assert!(program.output(&["watch", "runs/toy"]).contains("toy · interrupted: training supernet"));
        let elsewhere = fs::read_to_string(run.join(".lock")).unwrap().replace('\n', "-elsewhere\n");
        fs::write(run.join(".lock"), elsewhere).unwrap();
        assert_eq!(told(&program)["interrupted"], Value::Null);
    }
    lock.lock().unwrap();
    fs::remove_dir_all(run.join("supernet")).unwrap();
    fs::remove_file(run.join("config.toml")).unwrap();
    assert_eq!(told(&program)["phase"], "preparing");
    let left: Vec<String> = program.files();
    assert!(left.iter().all(|file| files.contains(file)), "{left:?}");
}

#[test]
fn a_run_beside_it_is_told_while_it_is_under_way() {
    let program = Program::new();
    let train = |folder: &str| {
        program.output(&arguments(&["train", "--set", "train.max_updates=4", "--run-dir", folder], &TINY));
    };
    train("runs/toy");
    train("runs/toy/subruns/compare/nas");
    let over = told(&program);
    assert_eq!(
        (&over["phase"], &over["beside"], &over["inside"]),
        (&"beside".into(), &"compare/nas".into(), &Value::Null)
    );
    fs::create_dir(program.folder().join("runs/toy/subruns/compare/nas/models/nas")).unwrap();
    program.write("runs/toy/subruns/compare/nas/models/nas/metrics.jsonl", "{\"update\":1}\n");
    let inside = &told(&program)["inside"];
    assert_eq!([&inside["run"], &inside["phase"], &inside["training"]], ["nas", "training", "nas"]);
    let text = program.output(&["watch", "runs/toy"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("toy · ") && lines[1].starts_with("nas · "), "{text}");
}

#[test]
fn what_is_no_run_or_damaged_is_refused() {
    let program = Program::new();
    for folder in ["runs/absent", "."] {
        let message = program.refusal(&["watch", folder], "");
        assert!(message.contains(&format!("{folder}: no run here")), "{message}");
    }
    let train = arguments(&["train", "--set", "train.max_updates=1"], &TINY);
    program.output(&train);
    program.write("runs/toy/search/trials.jsonl", "{\"id\":\n{}\n");
    let message = program.refusal(&["watch", "runs/toy"], "");
    assert!(message.contains("runs/toy/search/trials.jsonl:1: not a line of this log"), "{message}");
}

/// On a terminal of its own, made by `script` of util-linux.
#[cfg(target_os = "linux")]
mod on_a_terminal {
    use super::*;
    use std::io::Read;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    /// A search that lasts longer than the test.
    const LONG: [&str; 4] = ["--set", "search.population=20", "--set", "search.generations=100000"];
    /// What is long enough for anything here.
    const LIMIT: Duration = Duration::from_secs(300);

    /// Starts the program with these arguments on a terminal; none where there is no `script`.
    fn start(program: &Program, arguments: &[&str]) -> Option<Child> {
        let quoted: Vec<String> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
        let call = format!(
            "stty rows 24 columns 80; exec {} {}",
            assert_cmd::cargo::cargo_bin!("automoe").display(),
            quoted.join(" ")
        );
        let script = Command::new("script")
            .args(["-qefc", &call, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .current_dir(program.folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        script.map_err(|error| println!("skipped: script: {error}")).ok()
    }

    /// Reads what is drawn until that is among it.
    fn read_until(child: &mut Child, part: &str) -> String {
        let output = child.stdout.as_mut().unwrap();
        let (mut drawn, mut bytes, start) = (Vec::new(), [0; 4096], Instant::now());
        loop {
            let text = String::from_utf8_lossy(&drawn).into_owned();
            if text.contains(part) {
                return text;
            }
            let count = output.read(&mut bytes).unwrap();
            assert!(count > 0 && start.elapsed() < LIMIT, "no {part} in {text}");
            drawn.extend(&bytes[..count]);
        }
    }

    #[test]
    fn a_search_shows_its_front_and_a_watch_shows_it_too_and_ends_by_ctrl_c() {
        let program = Program::new();
        program.output(&arguments(&["train"], &TINY));
        let search = arguments(&["search"], &[&TINY[..], &LONG].concat());
        let Some(mut shown) = start(&program, &search) else { return };
        let drawn = read_until(&mut shown, "◆");
        assert!(drawn.contains("GFLOPs") && drawn.contains("│"), "{drawn}");
        let mut watched = start(&program, &["watch", "runs/toy"]).unwrap();
        let drawn = read_until(&mut watched, "◆");
        assert!(drawn.contains("toy · searching") && drawn.contains("of 100000"), "{drawn}");
        // What the terminal makes a signal of.
        watched.stdin.take().unwrap().write_all(b"\x03").unwrap();
        assert_eq!(watched.wait().unwrap().code(), Some(0));
        shown.kill().unwrap();
        shown.wait().unwrap();
    }

    #[test]
    fn a_search_without_a_terminal_shows_nothing_of_it() {
        let program = Program::new();
        program.output(&arguments(&["train"], &TINY));
        let search = arguments(&["search"], &[&TINY[..], &LONG].concat());
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("automoe"))
            .args(search)
            .current_dir(program.folder())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // As long as it takes on a terminal until something is drawn, and a few trials more.
        let trials = program.folder().join("runs/toy/search/trials.jsonl");
        let count = || fs::read_to_string(&trials).unwrap_or_default().lines().count();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(4) || count() < 40 {
            assert!(start.elapsed() < LIMIT);
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("searching: generation 0") && !told.contains(['│', '◆', '\u{1b}']), "{told}");
        assert!(output.stdout.is_empty());
    }
}
