//! How well SuperNets order architectures that are trained alone.

use super::program::{Program, TINY, arguments};
use serde_json::Value;
use std::time::{Duration, Instant};

/// A few architectures with trainings of a second.
const FEW: [&str; 6] = ["--samples", "4", "--set", "rank.max_updates=6", "--set", "rank.repeated=2"];

fn command<'a>(more: &[&'a str]) -> Vec<&'a str> {
    arguments(&arguments(&arguments(&["rank"], &TINY), &FEW), more)
}

fn ranking(program: &Program, more: &[&str]) -> Value {
    serde_json::from_str(&program.output(&command(more))).unwrap()
}

/// The lines of what was evaluated.
fn evaluations(program: &Program) -> Vec<String> {
    let text = std::fs::read_to_string(program.folder().join("runs/toy/rank/evaluations.jsonl")).unwrap();
    text.lines().map(String::from).collect()
}

/// The files of trainings alone that end so.
fn trained(program: &Program, ending: &str) -> Vec<String> {
    let files = program.files().into_iter();
    files.filter(|file| file.starts_with("runs/toy/rank/") && file.ends_with(ending)).collect()
}

#[test]
fn supernets_and_sizes_are_compared_on_one_trained_set() {
    let program = Program::new();
    // Without a SuperNet the set is trained all the same.
    let sizes = ranking(&program, &[]);
    let names = |ranking: &Value| -> Vec<String> {
        let measures = ranking["measures"].as_array().unwrap().iter();
        measures.map(|measure| measure["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&sizes), ["GFLOPs", "parameters"]);
    let models = trained(&program, "last.safetensors");
    assert_eq!((models.len(), evaluations(&program).len()), (4, 4));
    let written = |file: &String| std::fs::metadata(program.folder().join(file)).unwrap().modified().unwrap();
    let times: Vec<_> = models.iter().map(written).collect();

    program.output(&arguments(&["train"], &TINY));
    let best = ranking(&program, &[]);
    assert_eq!(names(&best), ["runs/toy/supernet", "GFLOPs", "parameters"]);
    let both = ["runs/toy/supernet/best.safetensors", "runs/toy/supernet/last.safetensors"];
    let both = ranking(&program, &["--seeds", "2", "--checkpoint", both[0], "--checkpoint", both[1]]);
    assert_eq!(names(&both).len(), 4);
    assert_eq!(both["differences"].as_array().unwrap().len(), 6);
    assert_eq!((&both["ceiling"]["architectures"], &both["ceiling"]["seeds"]), (&2.into(), &2.into()));
    assert_eq!(both["measures"][0]["tau"], best["measures"][0]["tau"]);
    for (row, before) in
        both["architectures"].as_array().unwrap().iter().zip(sizes["architectures"].as_array().unwrap())
    {
        assert_eq!(row["alone"][0], before["alone"][0]);
        assert_eq!(row["supernets"].as_array().unwrap().len(), 2);
        assert!(row["supernets"][0]["loss"].as_f64().unwrap() > 0.0 && row["supernets"][0]["bleu"].is_f64());
    }
    let measure = &both["measures"][0];
    for key in ["error_bits", "error_bleu", "regret_bits", "regret_bleu"] {
        assert!(measure[key].as_f64().unwrap() >= 0.0, "{measure}");
    }
    assert_eq!(measure["tau"]["all"]["pairs"], 6);
    // Nothing was trained or evaluated twice: four alone, two of these once more, and four with each SuperNet.
    assert_eq!(evaluations(&program).len(), 4 + 2 + 4 + 4);
    assert_eq!(models.iter().map(written).collect::<Vec<_>>(), times);
    assert_eq!(trained(&program, "last.safetensors").len(), 6);
    let table = program.command(&command(&[])).output().unwrap();
    let table = String::from_utf8(table.stderr).unwrap();
    assert!(table.contains("τ equal FLOPs") && table.contains("runs/toy/supernet − GFLOPs"), "{table}");

    // What other commands drew is ranked, too, each once.
    let drawn = program.output(&["space", "--sample", "2"]);
    let archs = arguments(&arguments(&["rank", "--archs", "-"], &TINY), &FEW[2..]);
    let ranked: Value = serde_json::from_str(&program.output_of(&archs, &format!("{drawn}{drawn}"))).unwrap();
    assert_eq!(ranked["architectures"].as_array().unwrap().len(), 2);
}

#[test]
fn what_cannot_be_ranked_is_told_in_one_line() {
    let program = Program::new();
    for (more, message) in [
        (&["--band", "0.05"][..], "rank.band: needs the GFLOPs in its middle: set rank.at (--at), or this to 0"),
        (&["--band", "0.01", "--at", "5"], "rank.samples: 0 of 4 architectures: no other was found within 1 % of 5 "),
        (&["--checkpoint", "absent"], "absent: there is nothing here; train first"),
    ] {
        let told = program.refusal_after_start(&command(more));
        assert!(told.contains(message), "{told}");
    }
    let one = program.output(&["space", "--largest"]);
    let archs = arguments(&["rank", "--archs", "-"], &TINY);
    let output = program.command(&archs).write_stdin(one).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("--archs: an order needs two different architectures or more"), "{told}");
    assert!(program.files().iter().all(|file| !file.starts_with("runs/")), "{:?}", program.files());
}

#[test]
fn a_ranking_killed_at_any_moment_goes_on_and_trains_nothing_twice() {
    let whole = Program::new();
    let start = Instant::now();
    let expected = whole.output(&command(&["--seeds", "2"]));
    let time = start.elapsed();
    let broken = Program::new();
    let run_for = |limit: Duration| {
        let mut child = broken.start(&command(&["--seeds", "2"]));
        let start = Instant::now();
        while start.elapsed() < limit {
            if child.try_wait().unwrap().is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        false
    };
    let kills = [0.3, 0.4, 0.3, 0.5, 0.4].into_iter().take_while(|share| !run_for(time.mul_f64(*share))).count();
    assert!(kills > 0, "never killed");
    assert_eq!(broken.output(&command(&["--seeds", "2"])), expected);
    assert_eq!(evaluations(&broken), evaluations(&whole));
    for file in trained(&whole, "last.safetensors") {
        let read = |program: &Program| std::fs::read(program.folder().join(&file)).unwrap();
        assert!(read(&broken) == read(&whole), "{file} differs");
    }
}
