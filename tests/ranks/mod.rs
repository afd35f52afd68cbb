//! Several processes that do one job, as MPI starts them. Without the feature `mpi`, or mpirun, these tests say that they are skipped.

mod hosts;

use crate::cli::program::{Program, TINY, arguments};
use rand::RngExt;
use serde_json::Value;
use std::io::{self, Write};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Updates that can be dealt to 2 and to 4 ranks.
const DEALT: [&str; 4] = ["--set", "train.update_freq=4", "--set", "train.max_tokens=256"];

/// What is read of a training, bit for bit.
const WEIGHTS: [&str; 2] = ["last.safetensors", "best.safetensors"];

/// Whether processes can be started; a line where they cannot.
fn has_mpi(test: &str) -> bool {
    let has = cfg!(feature = "mpi") && Command::new("mpirun").arg("--version").output().is_ok();
    if !has {
        // Not by println!, which the harness keeps to itself.
        let line = format!("{test}: skipped, no MPI (build with the feature mpi, install openmpi-bin)\n");
        io::stderr().write_all(line.as_bytes()).unwrap();
    }
    has
}

/// `mpirun` as tests need it: as many processes as they like, whoever they run as.
fn mpirun(program: &Program, options: &[&str]) -> Command {
    let mut command = Command::new("mpirun");
    command.args(["--oversubscribe", "--bind-to", "none"]).args(options).current_dir(program.folder());
    command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    command
}

/// The program, started as so many processes.
fn ranks(program: &Program, count: usize, arguments: &[&str]) -> Command {
    let mut command = mpirun(program, &["-n", &count.to_string()]);
    command.arg(assert_cmd::cargo::cargo_bin!("automoe")).args(arguments);
    command
}

/// That of a call that succeeds.
fn output(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    output
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Our own lines among those of mpirun.
fn refusal(output: &Output) -> String {
    let errors = errors(output);
    let own: Vec<&str> = errors.lines().filter(|line| line.starts_with("automoe: ")).collect();
    assert_eq!((own.len(), output.status.code()), (1, Some(2)), "{errors}");
    own[0].to_owned()
}

fn lines(program: &Program, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(program.folder().join("runs/toy").join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn weights(program: &Program) -> [Vec<u8>; 2] {
    WEIGHTS.map(|file| std::fs::read(program.folder().join("runs/toy/supernet").join(file)).unwrap())
}

#[test]
fn a_training_is_the_same_with_any_number_of_ranks() {
    if !has_mpi("a_training_is_the_same_with_any_number_of_ranks") {
        return;
    }
    for rules in [&[][..], &["--set", "train.sampling=sandwich", "--set", "train.weights=mixture"]] {
        let train = arguments(&arguments(&["train"], &TINY), &[&DEALT, rules].concat());
        let trained = |counts: &[usize]| {
            let program = Program::new();
            for (place, count) in counts.iter().enumerate() {
                let until = format!("train.max_updates={}", 24 * (place + 1) / counts.len());
                output(ranks(&program, *count, &arguments(&train, &["--set", &until])));
            }
            program
        };
        let one = trained(&[1]);
        for counts in [&[2][..], &[4], &[4, 1, 2]] {
            let several = trained(counts);
            let logs = [&one, &several].map(|program| lines(program, "supernet/metrics.jsonl"));
            let losses = |log: &[Value]| -> Vec<f64> {
                log.iter().filter_map(|line| line["loss"].as_f64().or(line["valid_mean"].as_f64())).collect()
            };
            let [want, got] = [&logs[0], &logs[1]].map(|log| losses(log));
            // One that goes on logs where it went on, too.
            if counts.len() == 1 {
                assert_eq!(got.len(), want.len());
            }
            let last = |losses: &[f64]| losses[losses.len() - 1];
            let pairs = got.iter().zip(&want).filter(|_| counts.len() == 1).map(|(a, b)| (*a, *b));
            for (got, want) in pairs.chain([(last(&got), last(&want))]) {
                assert!((got - want).abs() < 1e-4 * want, "{counts:?}: {got}, expected {want}");
            }
            assert!(weights(&trained(counts)) == weights(&several), "{counts:?} gave other bytes");
        }
    }
}

#[test]
fn a_search_has_the_trials_of_one_process() {
    if !has_mpi("a_search_has_the_trials_of_one_process") {
        return;
    }
    let trials = |count: usize, further: &[&str]| {
        let program = Program::new();
        program.output(&arguments(&["train"], &TINY));
        let search = arguments(&arguments(&["search"], &TINY), further);
        let found = output(ranks(&program, count, &search)).stdout;
        let mut trials = lines(&program, "search/trials.jsonl");
        for trial in &mut trials {
            for measured in ["seconds", "crc32c"] {
                trial.as_object_mut().unwrap().remove(measured);
            }
        }
        (found, trials)
    };
    for further in [&[][..], &["--set", "search.racing=true"]] {
        let want = trials(1, further);
        for count in [2, 4] {
            assert!(trials(count, further) == want, "{count} ranks, {further:?}");
        }
    }
}

#[test]
fn all_phases_run_on_several_ranks_and_end_again_at_once() {
    if !has_mpi("all_phases_run_on_several_ranks_and_end_again_at_once") {
        return;
    }
    let program = Program::new();
    let beside = ["--set", "compare=[{kind=\"dense-search\"}]"];
    let run = arguments(&arguments(&["run", "--json"], &TINY), &[&DEALT[..], &beside].concat());
    let whole = output(ranks(&program, 2, &run)).stdout;
    assert!(output(ranks(&program, 4, &run)).stdout == whole);
    let ranked = ["--set", "rank.samples=2", "--set", "rank.seeds=1"];
    output(ranks(&program, 2, &arguments(&arguments(&["rank"], &TINY), &[&DEALT[..], &ranked].concat())));
}

/// One of two ranks is killed this often, each time at a random moment.
const KILLS: usize = 20;

#[test]
fn a_killed_rank_ends_the_job_and_the_same_command_goes_on() {
    if !has_mpi("a_killed_rank_ends_the_job_and_the_same_command_goes_on") {
        return;
    }
    let train = arguments(&arguments(&["train"], &TINY), &[&DEALT[..], &["--set", "train.max_updates=120"]].concat());
    let [whole, mut broken] = [Program::new(), Program::new()];
    output(ranks(&whole, 2, &train));
    let (mut kills, mut rng) = (0, rand::rng());
    while kills < KILLS {
        let job = ranks(&broken, 2, &train).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(rng.random_range(300..2000)));
        let is_killed = rank_of(job.id(), kills as u32 % 2)
            .is_some_and(|rank| Command::new("kill").args(["-KILL", &rank.to_string()]).status().unwrap().success());
        let killed = Instant::now();
        let output = job.wait_with_output().unwrap();
        assert!(killed.elapsed() < Duration::from_secs(30), "{:?}", killed.elapsed());
        if output.status.success() {
            assert!(weights(&broken) == weights(&whole));
            broken = Program::new();
        } else {
            assert!(is_killed && errors(&output).contains("signal 9"), "{}", errors(&output));
            kills += 1;
        }
    }
    output(ranks(&broken, 2, &train));
    assert!(weights(&broken) == weights(&whole));
}

/// The process of the child of `mpirun` with that rank, while there is one.
fn rank_of(mpirun: u32, rank: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{mpirun}/task/{mpirun}/children")).ok()?;
    children.split_whitespace().filter_map(|id| id.parse().ok()).find(|id: &u32| {
        let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        let wanted = format!("OMPI_COMM_WORLD_RANK={rank}");
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    })
}

#[test]
fn what_ranks_cannot_do_together_is_refused_in_one_line() {
    if !has_mpi("what_ranks_cannot_do_together_is_refused_in_one_line") {
        return;
    }
    let program = Program::new();
    let train = arguments(&["train"], &TINY);
    let uneven = ranks(&program, 2, &train).output().unwrap();
    let told = "--set train.update_freq=2 --set train.max_tokens=512 keeps an update's size";
    assert!(refusal(&uneven).ends_with(told), "{}", errors(&uneven));
    assert!(!program.folder().join("runs/toy").exists());

    let binary = assert_cmd::cargo::cargo_bin!("automoe");
    let different = |first: &[&str], second: &[&str]| {
        let mut command = mpirun(&program, &["-n", "1"]);
        command.arg(binary).args(first).args([":", "-n", "1"]).arg(binary).args(second);
        command.output().unwrap()
    };
    let train = arguments(&train, &DEALT);
    let other = different(&train, &arguments(&train, &["--set", "train.lr=0.5"]));
    let line = refusal(&other);
    assert!(
        line.contains("has another command, config or version than rank 0: `lr = 0.5`, not `lr = 0.003`"),
        "{line}"
    );
    assert!(line.starts_with("automoe: rank 1 ("), "{line}");
    assert!(program.files().iter().all(|file| file.starts_with("cache")), "{:?}", program.files());

    let wrong = different(&train, &arguments(&train, &["--device", "gpu:77"]));
    assert!(refusal(&wrong).contains("`--device gpu:77`, not `--device cpu`"));
    // Whichever of them it is.
    let nowhere = ["train", "--config", "nowhere"];
    assert!(refusal(&different(&train, &nowhere)).starts_with("automoe: rank 1 ("));
    assert!(refusal(&different(&nowhere, &train)).contains("nowhere"));
    let mistyped = different(&train, &["train", "--frobnicate"]);
    assert!(errors(&mistyped).contains("--frobnicate"), "{}", errors(&mistyped));
    let mistaken = ranks(&program, 4, &["train", "--config", "nowhere"]).output().unwrap();
    assert!(refusal(&mistaken).contains("nowhere"));
}

/// Whatever MPI there is: the environment shows that several were started.
#[test]
#[cfg(not(feature = "mpi"))]
fn several_processes_without_mpi_are_refused_before_anything_is_written() {
    for variables in [
        ["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"],
        ["PMI_RANK", "PMI_SIZE"],
        ["SLURM_PROCID", "SLURM_STEP_NUM_TASKS"],
    ] {
        let program = Program::new();
        let call = |rank: &str| {
            let mut command = program.command(&arguments(&["run"], &TINY));
            command.env(variables[0], rank).env(variables[1], "8").output().unwrap()
        };
        assert!(refusal(&call("0")).contains("started as one of 8 processes, but this program was built without MPI"));
        let other = call("3");
        assert_eq!((other.status.code(), errors(&other).as_str()), (Some(2), ""));
        assert_eq!(program.files(), Vec::<String>::new());
    }
}
