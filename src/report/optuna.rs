//! The trials of a search as a journal of [Optuna](https://optuna.org)'s: what `JournalStorage(JournalFileBackend(FILE))` reads, and
//! its dashboard shows. A line is an operation of `optuna/storages/journal/_storage.py`.

use crate::config::SearchConfig;
use crate::error::{Error, Result};
use crate::search::{Trial, TrialState};
use crate::space::{NamedValue, Space};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

/// Operations.
const CREATE_STUDY: u8 = 0;
const SET_STUDY_SYSTEM_ATTR: u8 = 3;
const CREATE_TRIAL: u8 = 4;
/// The direction of every objective.
const MINIMIZE: u8 = 1;
/// States of trials.
const COMPLETE: u8 = 1;
const PRUNED: u8 = 2;
const FAIL: u8 = 3;
/// Seconds that a trial takes at most; more is none of this program's.
const LONGEST: f64 = 1e6;
/// Who wrote the lines.
const WORKER: &str = "automoe";

/// The journal of a study called `study`: the `trials` of a search with these settings in `space`. Logs tell how long trials took, and
/// not when: they follow one another, the last ends at `end`. Limits are constraints: a figure less its limit, over it where it is
/// more than 0.
///
/// # Errors
/// A trial whose architecture is not in `space`.
pub fn optuna_journal(
    study: &str,
    trials: &[Trial],
    space: &Space,
    search: &SearchConfig,
    end: DateTime<Utc>,
) -> Result<String> {
    let names: Vec<&str> = search.objectives.iter().map(|objective| objective.as_str()).collect();
    let mut lines = vec![
        json!({"op_code": CREATE_STUDY, "worker_id": WORKER, "study_name": study, "directions": vec![MINIMIZE; names.len()]}),
        json!({"op_code": SET_STUDY_SYSTEM_ATTR, "worker_id": WORKER, "study_id": 0,
            "system_attr": {"study:metric_names": names}}),
    ];
    let seconds = |trial: &Trial| TimeDelta::nanoseconds((trial.seconds.clamp(0.0, LONGEST) * 1e9) as i64);
    let mut time = end.checked_sub_signed(trials.iter().map(seconds).sum()).unwrap_or(end);
    for trial in trials {
        space.contains(&trial.architecture).map_err(|faults| {
            let faults = faults.join("; ");
            Error::input(format!("trial {}: its architecture is not in the run's space: {faults}", trial.id))
        })?;
        let start = time;
        time += seconds(trial);
        lines.push(operation(trial, space, search, [start, time]));
    }
    Ok(lines.into_iter().map(|line| format!("{line}\n")).collect())
}

/// The line that makes a trial.
fn operation(trial: &Trial, space: &Space, search: &SearchConfig, times: [DateTime<Utc>; 2]) -> Value {
    let [start, complete] = times.map(|time| time.naive_utc().format("%Y-%m-%dT%H:%M:%S%.6f").to_string());
    let state = match trial.state {
        TrialState::Complete => COMPLETE,
        TrialState::Pruned | TrialState::Dropped => PRUNED,
        TrialState::Failed => FAIL,
    };
    let values = trial.point(&search.objectives);
    let (value, values) = match values.as_deref() {
        Some([only]) => (json!(only), Value::Null),
        values => (Value::Null, json!(values)),
    };
    let genes = space.named_values(&trial.architecture);
    let distributions: Map<String, Value> =
        genes.iter().map(|gene| (gene.name.clone(), distribution(gene).into())).collect();
    let place = |gene: &NamedValue| gene.choices.iter().position(|choice| *choice == gene.value);
    let params: Map<String, Value> = genes.iter().map(|gene| (gene.name.clone(), json!(place(gene)))).collect();
    let mut user = json!({"id": trial.id, "generation": trial.generation, "parents": trial.parents, "gflops": trial.gflops,
        "architecture": trial.architecture.to_value().to_string()});
    let figures = trial.costs.iter().map(|(name, figure)| (name.clone(), json!(figure)));
    user.as_object_mut()
        .expect("an object")
        .extend(figures.chain(trial.error.clone().map(|error| ("error".into(), json!(error)))));
    let limits = search.limits.iter().filter(|(_, limit)| *limit > 0.0);
    let constraints: Vec<f64> = limits.filter_map(|(row, limit)| Some(trial.figure(row.name)? - limit)).collect();
    // Of a trial that was dropped in a race, the loss is one of a part.
    let of_part = trial.loss.filter(|_| trial.state == TrialState::Dropped);
    json!({
        "op_code": CREATE_TRIAL, "worker_id": WORKER, "study_id": 0,
        "datetime_start": start, "datetime_complete": complete, "state": state, "value": value, "values": values,
        "distributions": distributions, "params": params, "user_attrs": user,
        "system_attrs": {"constraints": constraints},
        "intermediate_values": of_part.map_or(json!({}), |loss| json!({"0": loss})),
    })
}

/// The distribution of a gene: one of its choices.
fn distribution(gene: &NamedValue) -> String {
    json!({"name": "CategoricalDistribution", "attributes": {"choices": gene.choices}}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Limits, ObjectiveName};
    use crate::search::testing;

    fn trial(space: &Space, id: u64, loss: Option<f64>) -> Trial {
        Trial { architecture: space.largest(), ..testing::trial(id, loss) }
    }

    #[test]
    fn a_trial_is_a_line_with_its_genes_objectives_and_constraints() {
        let space = Config::load("toy").unwrap().space().unwrap();
        let objectives: Vec<_> = ["loss", "gflops"].map(|name| ObjectiveName::new(name).unwrap()).into();
        let search = SearchConfig {
            objectives,
            limits: Limits::from([("gflops", 0.75), ("latency_ms", 9.0)]),
            ..SearchConfig::default()
        };
        let dropped = Trial { state: TrialState::Dropped, ..trial(&space, 7, Some(3.0)) };
        let failed = Trial { error: Some("out of memory".into()), state: TrialState::Failed, ..trial(&space, 8, None) };
        let trials = [trial(&space, 3, Some(2.5)), dropped, failed];
        let end = DateTime::from_timestamp(1_000_000_000, 0).unwrap();
        let journal = optuna_journal("toy", &trials, &space, &search, end).unwrap();
        let lines: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[0]["directions"], json!([1, 1]));
        assert_eq!((&lines[2]["values"], &lines[2]["value"]), (&json!([2.5, 1.0]), &Value::Null));
        assert_eq!(lines[2]["system_attrs"]["constraints"], json!([0.25]));
        assert_eq!(lines[2]["datetime_start"], "2001-09-09T01:46:38.500000");
        assert_eq!(lines[4]["datetime_complete"], "2001-09-09T01:46:40.000000");
        assert_eq!(lines[2..].iter().map(|line| line["state"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!((&lines[3]["values"], &lines[3]["intermediate_values"]), (&Value::Null, &json!({"0": 3.0})));
        assert_eq!(
            (&lines[4]["user_attrs"]["id"], &lines[4]["user_attrs"]["error"]),
            (&json!(8), &json!("out of memory"))
        );
        for gene in space.named_values(&trials[0].architecture) {
            let place = lines[2]["params"][&gene.name].as_u64().unwrap() as usize;
            assert_eq!(gene.choices[place], gene.value);
            let text = lines[2]["distributions"][&gene.name].as_str().unwrap();
            assert!(text.ends_with(&format!("{{\"choices\":{}}}}}", json!(gene.choices))), "{text}");
        }
    }
}
