use super::*;
use crate::run::Made;

const SETTINGS: &str = "seed = 1\n\n[train]\nadam_eps = 0.1\nlog_every = 100\n";

fn open(path: &Path, settings: &str) -> Result<RunDirectory> {
    RunDirectory::open(path, settings, "train", false)
}

fn error_of(path: &Path, settings: &str) -> String {
    let error = open(path, settings).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    error.to_string().replace(&path.display().to_string(), "RUN")
}

#[test]
fn a_run_is_begun_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs/a");
    let run = open(&path, SETTINGS).unwrap();
    run.check_data("d1", "d1").unwrap();
    drop(run);
    let run = RunDirectory::open(&path, SETTINGS, "search", false).unwrap();
    run.check_data("d1", "d1").unwrap();
    assert_eq!(fs::read_to_string(run.config()).unwrap(), SETTINGS);
    let manifest = run.made_with().unwrap();
    assert_eq!(manifest.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest.created_by, "train");
    assert_eq!(manifest.data.as_deref(), Some("d1"));
    assert_eq!(run.trials(), path.join("search/trials.jsonl"));
    assert_eq!(run.winner(), path.join("search/winner.json"));
    assert_eq!(run.results(), path.join("results.json"));
    assert!(run.supernet().is_dir() && path.join("models").is_dir());
    assert!(path.join("search").is_dir());
}

#[test]
fn only_one_process_writes_and_others_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let run = open(path, SETTINGS).unwrap();
    let expected =
        format!("run directory RUN is in use by process {}; wait for it, or give another run_dir", std::process::id());
    assert_eq!(error_of(path, SETTINGS), expected);
    assert_eq!(error_of(path, "seed = 2\n"), expected);
    let reader = RunDirectory::read_only(path).unwrap();
    reader.check_data("d1", "d1").unwrap();
    assert_eq!(reader.made_with().unwrap().data, None);
    drop(run);
    open(path, SETTINGS).unwrap();
}

#[test]
fn the_lock_file_and_the_unfinished_files_of_a_dead_process_are_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    drop(open(path, SETTINGS).unwrap());
    fs::write(path.join(".lock"), "4000000000 and more than a number\n").unwrap();
    for model in ["models/dense", "rank/0123"] {
        fs::create_dir(path.join(model)).unwrap();
    }
    let torn = ["", "supernet/", "search/", "rank/", "models/dense/", "rank/0123/"]
        .map(|folder| path.join(folder).join(".automoe-unfinished-x1"));
    for torn in &torn {
        fs::write(torn, "half").unwrap();
    }
    let run = open(path, SETTINGS).unwrap();
    assert!(torn.iter().all(|torn| !torn.exists()));
    let holder = fs::read_to_string(path.join(".lock")).unwrap();
    assert_eq!(holder.split_whitespace().next(), Some(std::process::id().to_string().as_str()));
    drop(run);
}

/// The manifest's fingerprint does not tell: it is as version 0.1.0 made it.
#[test]
fn a_run_of_another_precision_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let settings = |precision: &str| format!("{SETTINGS}precision = \"{precision}\"\n");
    drop(open(path, &settings("float32")).unwrap());
    let expected = "run directory RUN: it was begun with other settings: train.precision = \"float32\" (now \"bfloat16\"); give \
                    another run_dir, or --fresh to discard what is there";
    assert_eq!(error_of(path, &settings("bfloat16")), expected);
    drop(open(path, &settings("float32")).unwrap());
}

/// Some that may change are in fingerprints; the manifest is then of the new ones.
#[test]
fn harmless_settings_that_are_fingerprinted_may_change_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let settings = |save_every: usize| format!("{SETTINGS}\n[train_architecture]\nsave_every = {save_every}\n");
    let with_test = format!("{SETTINGS}\n[data]\ntest = ['test']\n");
    let faster = SETTINGS.replace("[train]", "[train]\nlr = 2.0\nmax_updates = 9");
    for now in [settings(5), settings(6), settings(6), SETTINGS.to_owned(), with_test, faster, settings(7)] {
        drop(open(path, &now).unwrap());
    }
    let error = error_of(path, &settings(8).replace("0.1", "0.2"));
    assert!(error.contains("other settings: train.adam_eps = 0.1 (now 0.2); "), "{error}");
}

#[test]
fn other_settings_are_refused_with_the_lines_that_differ() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    drop(open(path, SETTINGS).unwrap());
    let other = SETTINGS.replace("0.1", "0.2");
    assert_eq!(
        error_of(path, &other),
        "run directory RUN: it was begun with other settings: train.adam_eps = 0.1 (now 0.2); \
             give another run_dir, or --fresh to discard what is there"
    );
    assert_eq!(fs::read_to_string(path.join("config.toml")).unwrap(), SETTINGS);
    let harmless = SETTINGS.replace("100", "7");
    let run = open(path, &harmless).unwrap();
    assert_eq!(fs::read_to_string(path.join("config.toml")).unwrap(), SETTINGS, "nothing was made with them");
    run.keep_settings(Made::Other).unwrap();
    drop(run);
    assert_eq!(fs::read_to_string(path.join("config.toml")).unwrap(), harmless);
    fs::write(path.join("config.toml"), &other).unwrap();
    let error = error_of(path, &other);
    assert!(error.contains("its config.toml was edited after it was begun"), "{error}");
    drop(open(path, SETTINGS).unwrap());
}

/// They are what trials that are there were made with.
#[test]
fn settings_of_a_search_become_others_by_trials_alone() {
    let folder = tempfile::tempdir().unwrap();
    let settings = |population: usize| format!("{SETTINGS}[search]\npopulation = {population}\n");
    let run = open(folder.path(), &settings(1)).unwrap();
    drop(run);
    let kept = |population: usize, made: Made| {
        let run = open(folder.path(), &settings(population)).unwrap();
        run.keep_settings(made).unwrap();
        fs::read_to_string(run.config()).unwrap().contains(&format!("population = {population}\n"))
    };
    assert!(kept(2, Made::Weights));
    fs::write(RunDirectory::read_only(folder.path()).unwrap().trials(), "{}\n").unwrap();
    assert!(!kept(3, Made::Weights) && !kept(3, Made::Other) && kept(3, Made::Trials));
}

#[test]
fn other_data_is_refused_but_for_the_test_text() {
    let folder = tempfile::tempdir().unwrap();
    let run = open(folder.path(), SETTINGS).unwrap();
    assert_eq!(run.check_data("d1 t1", "d1").unwrap(), "d1 t1");
    let reader = RunDirectory::read_only(folder.path()).unwrap();
    for run in [run, reader] {
        assert_eq!(run.check_data("d1 t1", "d1").unwrap(), "d1 t1");
        // What models are tied to stays.
        assert_eq!(run.check_data("d1 t2", "d1").unwrap(), "d1 t1");
        let error = run.check_data("d2 t1", "d2").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("the data has changed"), "{error}");
    }
}

/// Version 0.1.0 noted down the whole alone.
#[test]
fn data_of_a_run_of_0_1_are_known_once_they_were_found_the_same() {
    for (noted, first, taken) in [
        ("d1 t1", ["d1 t1", "d1"], true),
        ("d1 t1", ["d1 t2", "d1"], false),
        ("d1", ["d1 t1", "d1"], true),
        ("d1", ["d1", "d1"], true),
        ("d1 t1", ["d2 t1", "d2"], false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path(), SETTINGS).unwrap());
        let path = folder.path().join("manifest.json");
        let mut manifest: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        manifest["data"] = noted.into();
        manifest.as_object_mut().unwrap().remove("checksum");
        fs::write(&path, manifest.to_string()).unwrap();
        let run = open(folder.path(), SETTINGS).unwrap();
        assert_eq!(run.check_data(first[0], first[1]).is_ok(), taken, "{noted}, {first:?}");
        if taken {
            assert_eq!(run.check_data("d1 t3", "d1").unwrap(), noted);
        }
    }
}

#[test]
fn fresh_discards_the_run_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let run = open(path, SETTINGS).unwrap();
    run.check_data("d1", "d1").unwrap();
    let model = run.model("winner").unwrap();
    fs::create_dir_all(&model).unwrap();
    for file in [model.join("last.safetensors"), run.trials(), run.results()] {
        fs::write(file, "x").unwrap();
    }
    fs::write(path.join("notes.txt"), "x").unwrap();
    drop(run);
    let run = RunDirectory::open(path, "seed = 2\n", "run", true).unwrap();
    assert!(!model.exists() && !run.trials().exists() && !run.results().exists());
    assert!(path.join("notes.txt").exists());
    let manifest = run.made_with().unwrap();
    assert_eq!((manifest.created_by.as_str(), manifest.data), ("run", None));
    assert_eq!(fs::read_to_string(run.config()).unwrap(), "seed = 2\n");
}

#[test]
fn a_folder_that_is_no_run_is_never_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let theirs = path.join("models/theirs");
    fs::create_dir_all(&theirs).unwrap();
    drop(RunDirectory::open(path, SETTINGS, "train", true).unwrap());
    assert!(theirs.exists());
    fs::write(path.join("manifest.json"), "{\"name\":\"a web page\"}").unwrap();
    for fresh in [false, true] {
        let error = RunDirectory::open(path, SETTINGS, "train", fresh).unwrap_err();
        assert!(error.to_string().contains("not the manifest of a run"), "{error}");
    }
    assert!(theirs.exists());
}

#[test]
fn a_run_that_was_killed_while_it_began_begins_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    drop(open(path, SETTINGS).unwrap());
    // The manifest is written first.
    fs::remove_file(path.join("config.toml")).unwrap();
    let error = error_of(path, "seed = 2\n");
    assert!(error.contains("it was begun with other settings;"), "{error}");
    let run = open(path, SETTINGS).unwrap();
    assert_eq!(fs::read_to_string(run.config()).unwrap(), SETTINGS);
}

#[test]
fn a_config_of_the_user_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("config.toml"), "seed = 7\n").unwrap();
    assert_eq!(RunDirectory::read_only(path).unwrap_err().exit_code(), 2);
    for fresh in [false, true] {
        let error = RunDirectory::open(path, SETTINGS, "train", fresh).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("is no run's"), "{error}");
    }
    assert_eq!(fs::read_to_string(path.join("config.toml")).unwrap(), "seed = 7\n");
    assert!(!path.join("manifest.json").exists());
}

#[test]
fn names_of_models_lead_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let run = open(folder.path(), SETTINGS).unwrap();
    let expected = folder.path().join("models/dense-6_v1.0");
    assert_eq!(run.model("dense-6_v1.0").unwrap(), expected);
    assert_eq!([check_model_name("dense-6_v1.x").is_ok(), check_model_name("v1.10").is_ok()], [true, false]);
    for bad in ["", ".", "..", "../x", "a/b", "a\\b", "/etc", ".hidden", "a\nb"] {
        let error = run.model(bad).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert_eq!(error.to_string().lines().count(), 1);
    }
}

#[test]
fn folders_of_others_are_not_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("models")).unwrap();
    std::fs::write(folder.path().join("models/mine.txt"), "x").unwrap();
    for fresh in [false, true] {
        let error = RunDirectory::open(folder.path(), "seed = 1\n", "train", fresh).unwrap_err();
        assert!(error.to_string().contains("models: this folder is no run's"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "something was left");
    }
}
