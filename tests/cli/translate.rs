//! Translations line by line: what each depends on, when it comes, and how many there are.

use super::program::{Program, TINY, arguments};
use crate::shared::shared;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const TRANSLATE: [&str; 3] = ["translate", "--checkpoint", "runs/toy/supernet"];
/// Lines of unlike lengths; the second is blank.
const LINES: &str = "mi lo\n\nta ri mo mi lo ta ri\nlo\nmi ta mi lo mo ri\nri mo\n";

/// A program with a SuperNet of `runs/toy`, trained for seconds.
fn trained(settings: &[&str]) -> Program {
    let program = Program::new();
    program.output(&arguments(&arguments(&["train"], &TINY), settings));
    program
}

/// A small input of what people ran into, where it is there.
fn field(path: &str) -> Option<String> {
    let file = shared("a translation depends on its line alone", &format!("field/{path}"))?;
    Some(std::fs::read_to_string(file).unwrap())
}

/// `text` with its lines in the opposite order.
fn reversed(text: &str) -> String {
    text.lines().rev().map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_translation_depends_on_its_line_alone() {
    let program = trained(&["--set", "model.drop_tokens=true"]);
    let short = ["--set", "translate.max_len_a=0.5", "--set", "translate.max_len_b=1"];
    for options in [&[][..], &short] {
        let scored = arguments(&arguments(&TRANSLATE, &["--scores", "--nbest", "2"]), options);
        let translated = |input: &str| program.output_of(&scored, input);
        let texts = [Some(LINES.to_owned()), field("T14-capacity/lines"), field("T05-neighbours/with-long")];
        for text in texts.into_iter().flatten() {
            let together = translated(&text);
            let one_by_one: String = text.lines().map(|line| translated(&format!("{line}\n"))).collect();
            assert_eq!(together, one_by_one, "{options:?}");
            let pairs: Vec<&str> = together.split_inclusive('\n').collect();
            let backwards: String = pairs.chunks(2).rev().flatten().copied().collect();
            assert_eq!(translated(&reversed(&text)), backwards, "{options:?}");
            for buffer in ["1", "3"] {
                assert_eq!(program.output_of(&arguments(&scored, &["--buffer", buffer]), &text), together);
            }
        }
    }
}

#[test]
fn a_line_is_answered_while_more_may_follow() {
    let program = trained(&[]);
    let want = program.output_of(&TRANSLATE, LINES);
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("automoe"))
        .args(TRANSLATE)
        .current_dir(program.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let (sender, answers) = mpsc::channel();
    let output = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let answer = || answers.recv_timeout(Duration::from_secs(100)).expect("a line is answered");
    let mut want = want.lines();
    let (first, rest) = LINES.split_once('\n').unwrap();
    writeln!(input, "{first}").unwrap();
    assert_eq!(Some(answer().as_str()), want.next());
    // A line that has not ended is none yet.
    let (most, last) = rest.trim_end().rsplit_once('\n').unwrap();
    input.write_all(format!("{most}\n{last}").as_bytes()).unwrap();
    for _ in most.lines() {
        assert_eq!(Some(answer().as_str()), want.next());
    }
    drop(input);
    assert_eq!(Some(answer().as_str()), want.next());
    assert!(child.wait().unwrap().success() && want.next().is_none() && answers.recv().is_err());
}

#[test]
fn there_are_as_many_translations_as_were_asked_for() {
    let program = trained(&[]);
    let room_for_few =
        ["--set", "translate.beam=500", "--set", "translate.max_len_a=0", "--set", "translate.max_len_b=1"];
    let asked = arguments(&arguments(&TRANSLATE, &room_for_few), &["--set", "translate.min_len=1"]);
    let scored = arguments(&asked, &["--nbest", "500", "--scores"]);
    let output = program.command(&scored).write_stdin("mi lo\nta\n").output().unwrap();
    let (text, messages) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{messages}");
    assert_eq!(text.lines().count(), 1000);
    let empty = text.lines().take(500).filter(|line| *line == "-inf\t").count();
    let found = text.lines().take(500).take_while(|line| *line != "-inf\t").count();
    assert!(found > 0 && empty > 0 && found + empty == 500, "{found} were found, {empty} are empty");
    let told: Vec<&str> = messages.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(told.len(), 1, "{messages}");
    assert!(
        told[0].contains(&format!("stdin: line 1: only {found} ")) && told[0].contains("--nbest 500"),
        "{messages}"
    );
    // Where all are found, nothing is told.
    let output = program.command(&arguments(&TRANSLATE, &["--nbest", "2"])).write_stdin("mi\n").output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 2);
}
