//! One evaluated candidate, as it stands in the log, and the order from best to worst.

use super::front::{Point, by_rank};
use crate::catalog::LOSS;
use crate::config::ObjectiveName;
use crate::space::Architecture;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// An evaluated candidate: one line of `trials.jsonl`, keys in this order. Further keys may follow, a checksum the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Number of the candidate in its search. A number may be missing where the search found nothing new to try.
    pub id: u64,
    /// Generation that the candidate was proposed in; 0 is the first, random one.
    pub generation: u64,
    /// Trials that it descends from: none when random, one of a mutant, two of a crossover.
    pub parents: Vec<u64>,
    /// What was evaluated.
    pub architecture: Architecture,
    /// How the evaluation ended.
    pub state: TrialState,
    /// Validation loss; none when failed or pruned, of a part of the set when dropped.
    pub loss: Option<f64>,
    /// Of one that was dropped, the loss to be expected on the whole set: its own, and what complete trials lose more on the
    /// whole set than on that part of it. None where there was none to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_expected: Option<f64>,
    /// Target tokens that the loss is the mean of; 0 when failed or pruned.
    pub tokens: u64,
    /// FLOPs in units of 10⁹, output projection left out.
    pub gflops: f64,
    /// Wall time of the evaluation: with measured latency, and what follows from it, all that differs between two runs of
    /// the same search.
    pub seconds: f64,
    /// The other costs that the search limits, each under its name, such as `"latency_ms":12.5`; and `gflops_expected`, FLOPs
    /// under the routing that the evaluation showed, which tell from `gflops` how unevenly experts of different sizes are used.
    #[serde(flatten, deserialize_with = "numbers")]
    pub costs: BTreeMap<String, f64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How an evaluation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrialState {
    /// Measured on the whole validation set.
    Complete,
    /// Beyond a limit that was measured, and not evaluated.
    Pruned,
    /// Clearly worse than others on the first parts of the validation set, which its loss is of.
    Dropped,
    /// Not measured.
    Failed,
}

/// The further keys of a line that are numbers.
fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let further = BTreeMap::<String, Value>::deserialize(deserializer)?;
    Ok(further.into_iter().filter_map(|(key, value)| Some((key, value.as_f64()?))).collect())
}

impl Trial {
    /// The cost called `name`, where the trial has it.
    pub fn figure(&self, name: &str) -> Option<f64> {
        if name == "gflops" { Some(self.gflops) } else { self.costs.get(name).copied() }
    }

    /// The loss, where it compares with that of other trials.
    pub fn complete_loss(&self) -> Option<f64> {
        self.loss.filter(|_| self.state == TrialState::Complete)
    }

    /// The loss on the whole set, as far as it is known or to be expected.
    pub fn whole_loss(&self) -> Option<f64> {
        self.complete_loss().or(self.loss_expected)
    }

    /// Its figures by `objectives`; `None` where it is not complete, or has not all of them.
    pub fn point(&self, objectives: &[ObjectiveName]) -> Option<Point> {
        self.complete_loss()?;
        self.figures(objectives)
    }

    /// Its figure by `objective`; where it was dropped, the loss to be expected.
    pub fn expected(&self, objective: &ObjectiveName) -> Option<f64> {
        match objective.as_str() {
            LOSS => self.whole_loss(),
            cost => self.figure(cost),
        }
    }

    /// As [`Self::point`], where it was dropped with the loss to be expected.
    pub fn figures(&self, objectives: &[ObjectiveName]) -> Option<Point> {
        objectives.iter().map(|objective| self.expected(objective)).collect()
    }

    /// Best first: by loss, then by FLOPs, then by id. Trials without a comparable loss come last.
    pub fn rank(&self, other: &Self) -> Ordering {
        let loss = |trial: &Self| trial.complete_loss().unwrap_or(f64::INFINITY);
        loss(self).total_cmp(&loss(other)).then(self.gflops.total_cmp(&other.gflops)).then(self.id.cmp(&other.id))
    }
}

/// The `count` best complete trials, best first (see [`Trial::rank`]); fewer when there are not so many.
pub fn best<'a>(trials: impl IntoIterator<Item = &'a Trial>, count: usize) -> Vec<&'a Trial> {
    let mut complete: Vec<&Trial> = trials.into_iter().filter(|trial| trial.complete_loss().is_some()).collect();
    complete.sort_by(|a, b| a.rank(b));
    complete.truncate(count);
    complete
}

/// The complete ones of `trials`, best first by `objectives`: with the loss alone by [`Trial::rank`], with several front by front
/// (as NSGA-II ranks them); those that do not tell all of them come last, by their loss.
pub fn ranked<'t>(trials: Vec<&'t Trial>, objectives: &[ObjectiveName]) -> Vec<&'t Trial> {
    if objectives.len() < 2 {
        return best(trials, usize::MAX);
    }
    let (told, others): (Vec<&Trial>, Vec<&Trial>) =
        trials.into_iter().partition(|trial| trial.point(objectives).is_some());
    let points: Vec<Point> = told.iter().filter_map(|trial| trial.point(objectives)).collect();
    by_rank(&points).map(|place| told[place]).chain(best(others, usize::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::testing;

    #[test]
    fn a_line_has_the_documented_keys_in_order() {
        let trial = testing::trial(3, Some(4.25));
        let architecture = serde_json::to_string(&trial.architecture).unwrap();
        assert_eq!(
            serde_json::to_string(&trial).unwrap(),
            format!(
                r#"{{"id":3,"generation":0,"parents":[],"architecture":{architecture},"state":"complete","loss":4.25,"tokens":100,"gflops":1.0,"seconds":0.5}}"#
            )
        );
    }

    #[test]
    fn a_line_reads_back_with_further_keys_and_costs() {
        let mut trial = testing::trial(3, None);
        trial.state = TrialState::Failed;
        trial.error = Some("out of memory".into());
        trial.costs.insert("latency_ms".into(), 12.5);
        let line = serde_json::to_string(&trial).unwrap();
        assert!(line.contains(r#""state":"failed","loss":null,"#), "{line}");
        assert!(line.ends_with(r#""seconds":0.5,"latency_ms":12.5,"error":"out of memory"}"#), "{line}");
        assert_eq!((trial.figure("latency_ms"), trial.figure("memory_mb")), (Some(12.5), None));
        let longer = line.replacen('{', r#"{"note":"new","#, 1);
        assert_eq!(serde_json::from_str::<Trial>(&longer).unwrap(), trial);
    }

    #[test]
    fn best_orders_by_loss_then_flops_then_id_and_skips_what_does_not_compare() {
        let mut trials: Vec<Trial> =
            [2.0, 1.0, 1.0, 1.0, 0.1, 0.2].iter().zip(0..).map(|(&loss, id)| testing::trial(id, Some(loss))).collect();
        trials[3].gflops = 0.5;
        trials[4].state = TrialState::Pruned;
        trials[5].state = TrialState::Failed;
        let ids = |count| -> Vec<u64> { best(&trials, count).iter().map(|t| t.id).collect() };
        assert_eq!(ids(9), [3, 1, 2, 0]);
        assert_eq!(ids(1), [3]);
    }
}
