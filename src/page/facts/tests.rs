use super::*;
use crate::config::BUILT_IN;
use crate::search::testing::trial;
use serde_json::json;
use std::fs;

/// A run of the toy config, or one beside it that was begun just now.
fn begin(folder: &Path) -> RunDirectory {
    RunDirectory::open(folder, BUILT_IN[0].1, "run", false).unwrap()
}

fn read(folder: &Path) -> Facts {
    Facts::read_all(&[folder.into()]).unwrap().remove(0)
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn trainings_go_by_the_names_of_tables() {
    let folder = tempfile::tempdir().unwrap();
    let run = begin(folder.path());
    let limited = begin(&run.search_beside("winner", Some("gflops=1")));
    let dense = begin(&run.search_beside("nas", None));
    for (run, name) in [(&run, "adapted"), (&limited, "winner"), (&limited, "winner.1"), (&dense, "nas")] {
        put(&run.model(name).unwrap().join(METRICS), "{\"update\":1}\n");
    }
    for folder in [run.supernet(), run.adapted(), dense.supernet()] {
        put(&folder.join(METRICS), "{\"update\":1}\n");
    }
    let facts = read(folder.path());
    let names = |trainings: Vec<Named>| trainings.into_iter().map(|named| named.name).collect::<Vec<_>>();
    assert_eq!(names(facts.all_supernets()), ["supernet", "adapted", "nas-supernet"]);
    assert_eq!(names(facts.all_models()), ["adapted", "nas", "winner@gflops=1", "winner.1@gflops=1"]);
    let aside = facts.all_models().into_iter().filter(|model| model.is_put_aside).collect();
    assert_eq!(names(aside), ["winner.1@gflops=1"]);
}

#[test]
fn runs_are_told_apart_by_the_ends_of_their_paths() {
    let paths = ["/r/sd", "/r/seeds/2", "/r/low/winner", "/r/high/winner"].map(PathBuf::from);
    assert_eq!(apart(&paths), ["sd", "2", "low/winner", "high/winner"]);
    let folder = tempfile::tempdir().unwrap();
    begin(folder.path());
    let twice = Facts::read_all(&[folder.path().into(), folder.path().join(".")]).map(|_| ()).unwrap_err();
    assert!(twice.to_string().ends_with("this run is given twice"), "{twice}");
}

#[test]
fn a_search_beside_that_has_no_settings_yet_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let run = begin(folder.path());
    fs::remove_file(begin(&run.search_beside("nas", None)).config()).unwrap();
    let facts = read(folder.path());
    assert!(facts.beside.is_empty() && facts.remarks.is_empty());
}

#[test]
fn a_damaged_file_costs_no_more_than_what_it_tells() {
    let folder = tempfile::tempdir().unwrap();
    let run = begin(folder.path());
    put(&run.trials(), &(serde_json::to_string(&trial(0, Some(2.0))).unwrap() + "\n"));
    let beside = begin(&run.search_beside("nas", None));
    let files = [
        run.results(),
        run.request(),
        run.search_spent(),
        run.winner(),
        run.finalists(),
        run.ranking(),
        beside.config(),
    ];
    for path in &files {
        put(path, "{\n{");
    }
    put(&begin(&run.search_beside("other", None)).search_spent(), "{");
    let facts = read(folder.path());
    assert!(facts.results.is_none() && facts.found.is_none() && !facts.is_searched_anew, "{:?}", facts.remarks);
    assert_eq!((facts.trials.len(), facts.beside.len(), facts.remarks.len()), (1, 1, files.len() + 1));
    for path in files {
        assert!(facts.remarks.iter().any(|remark| remark.contains(&path.display().to_string())), "{path:?}");
    }
}

#[test]
fn the_winner_is_what_the_search_found_and_its_time_is_by_the_wall() {
    let folder = tempfile::tempdir().unwrap();
    let run = begin(folder.path());
    let space = Config::load("toy").unwrap().space().unwrap();
    let trials = [(0, 2.0, space.largest()), (1, 3.0, space.smallest())]
        .map(|(id, loss, architecture)| Trial { architecture, ..trial(id, Some(loss)) });
    let lines = trials.iter().map(|trial| serde_json::to_string(trial).unwrap() + "\n");
    put(&run.trials(), &lines.collect::<String>());
    let read = || read(folder.path());
    let facts = read();
    assert_eq!((facts.winner(), facts.states().as_str()), (Some(space.largest()), "2 complete"));
    assert_eq!(facts.searched(), Searched { seconds: 1.0, is_sum: true });
    put(&run.winner(), &serde_json::to_string(&space.smallest()).unwrap());
    SearchSpent::note(&run.search_spent(), 0.75, false).unwrap();
    let facts = read();
    assert_eq!(facts.winning_trial().map(|trial| trial.id), Some(1));
    assert_eq!(facts.all_searched(), Searched { seconds: 0.75, is_sum: false });
    // What was tested counts before that.
    let winner = json!({"name": "winner", "architecture": space.largest(), "compared": [
        {"reference": "dense", "with": "small", "gflops": 0.5, "bleu": 1.0, "bleu_interval": [0.5, 1.5], "p_value": 0.1}]});
    let rows = json!({"rows": [winner, {"name": "small", "bleu": 3.0}]});
    put(&run.results(), &rows.to_string());
    let facts = read();
    assert_eq!(facts.winning_trial().map(|trial| trial.id), Some(0));
    assert_eq!(facts.dense().and_then(|dense| dense.bleu), Some(3.0));
}
