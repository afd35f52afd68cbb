//! What each phase took.

use super::facts::{Facts, Named};
use super::shown::{duration, table};
use crate::report::{Cell, Column, Rounding, Row, Table};
use maud::{Markup, html};

/// Where the wall time of a search is not known.
pub(super) const SUMMED: &str = "the sum of its evaluations, each by its own clock, though some may have gone side by side: the wall time is not known";

/// What is said of models that another has taken the name of.
const ASIDE: &str = "put aside: a model of another shape has the name now";

/// A row for each training and each search.
pub(super) fn costs(facts: &Facts) -> Markup {
    let columns = vec![
        Column::new("phase", "phase", 0),
        Column::new("time", "time", 0),
        Column::new("hours", "hours", 4),
        Column::new("count", "updates, trials", 0),
        Column { key: "tflops", heading: "10¹² FLOPs", rounding: Rounding::ThreeDigits },
        Column::new("memory_mb", "peak memory MB", 0),
    ];
    let row = |name: &str, seconds: f64, count: f64, gflops: Option<f64>, memory: Option<u64>| Row {
        cells: vec![
            name.into(),
            duration(seconds).into(),
            (seconds / 3600.0).into(),
            count.into(),
            gflops.map(|gflops| gflops / 1e3).into(),
            memory.map_or(Cell::Missing, |bytes| (bytes as f64 / 1e6).into()),
        ],
        remark: None,
    };
    let training = |Named { name, training, is_put_aside }: Named| {
        let updates = training.last(|line| Some(line.update)).unwrap_or(0);
        let memory = training.lines.iter().filter_map(|line| line.peak_memory_bytes).max();
        let gflops = training.last(|line| line.trained_gflops);
        let remark = is_put_aside.then(|| ASIDE.to_owned());
        Row { remark, ..row(&name, training.seconds(), updates as f64, gflops, memory) }
    };
    let search = |name: &str, facts: &Facts| {
        let (searched, memory) = (facts.searched(), facts.search_spent.and_then(|spent| spent.peak_memory_bytes));
        let remark = searched.is_sum.then(|| SUMMED.to_owned());
        Row { remark, ..row(name, searched.seconds, facts.trials.len() as f64, None, memory) }
    };
    let own = (!facts.trials.is_empty()).then(|| search("search", facts));
    let beside = facts.beside.iter().map(|other| search(&format!("search of {}", other.name), other));
    let rows = facts.all_trainings().into_iter().map(training).chain(own).chain(beside).collect();
    html! {
        (table(&Table { title: String::new(), columns, rows }))
        p.note { "Peak memory is the largest resident set of the process since the phase was begun, or gone on with (Linux tells it)." }
    }
}
