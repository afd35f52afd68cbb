//! Which of a front is taken.

use super::front::{Point, by_knee, fronts};
use super::trial::Trial;
use crate::catalog::{COSTS, LOSS};
use crate::config::ObjectiveName;
use crate::error::{Error, Result, listed};
use std::str::FromStr;

/// How one trial is picked among several.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pick {
    /// The knee of the front, or with one objective the best.
    Knee,
    /// The lowest loss.
    Loss,
    /// The lowest loss of those whose figure of this cost is no more than that.
    AtMost(&'static str, f64),
}

impl FromStr for Pick {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || listed(&COSTS.map(|row| row.name), ", ");
        match text.split_once('=') {
            None if text == "knee" => Ok(Self::Knee),
            None if text == LOSS => Ok(Self::Loss),
            None => Err("expected knee, loss, or COST=MOST".into()),
            Some((name, most)) => {
                let row = COSTS.iter().find(|row| row.name == name);
                let row = row.ok_or_else(|| format!("no cost is called so; expected one of {}", names()))?;
                let most = most.parse().ok().filter(|most: &f64| most.is_finite());
                Ok(Self::AtMost(row.name, most.ok_or("expected a number after =")?))
            }
        }
    }
}

/// The trials that no other of `trials` dominates by `objectives`, the knee first (see [`by_knee`]); the same with one objective:
/// the best alone, or all as good. Of `trials` with equal figures the first is taken.
pub fn front(trials: &[Trial], objectives: &[ObjectiveName]) -> Vec<Trial> {
    let with_point = trials.iter().filter_map(|trial| Some((trial, trial.point(objectives)?)));
    let (trials, points): (Vec<&Trial>, Vec<Point>) = with_point.unzip();
    let mut first = fronts(&points).next().unwrap_or_default();
    let mut seen: Vec<&Point> = Vec::new();
    first.retain(|&place| {
        let is_new = !seen.contains(&&points[place]);
        seen.push(&points[place]);
        is_new
    });
    let of_front: Vec<Point> = first.iter().map(|&place| points[place].clone()).collect();
    by_knee(&of_front).into_iter().map(|place| trials[first[place]].clone()).collect()
}

/// Finds out before a search whether its trials will have the figure that `pick` is about: one of `objectives`, limited, or
/// counted, as `is_known` says of a cost's name.
///
/// # Errors
/// They will not.
pub fn check_pick(pick: Pick, is_known: impl FnOnce(&str) -> bool) -> Result<()> {
    match pick {
        Pick::AtMost(name, _) if !is_known(name) => Err(untold(name)),
        _ => Ok(()),
    }
}

fn untold(name: &str) -> Error {
    let message = format!("the trials do not tell {name}: make it one of search.objectives, or limit it");
    Error::input(message).at("--pick")
}

/// The places in `front`, whose first is the knee, of those that `pick` allows, the one that it means first, and the others as they
/// would follow if it were not there; `figure` tells the cost called so of a trial.
///
/// # Errors
/// None is within the figure; a cost that is not told.
pub fn picked(front: &[Trial], pick: Pick, figure: &dyn Fn(&Trial, &str) -> Option<f64>) -> Result<Vec<usize>> {
    let mut places: Vec<usize> = (0..front.len()).collect();
    if let Pick::AtMost(name, most) = pick {
        let figure = |place: usize| figure(&front[place], name);
        let least = places.iter().filter_map(|&place| figure(place)).fold(f64::INFINITY, f64::min);
        places.retain(|&place| figure(place).is_some_and(|figure| figure <= most));
        if places.is_empty() && !least.is_finite() {
            return Err(untold(name));
        }
        if places.is_empty() {
            let message = format!(
                "nothing that was found has {name} ≤ {most}: the least is {least}; as a limit the search keeps to it"
            );
            return Err(Error::input(message).at("--pick"));
        }
    }
    if pick != Pick::Knee {
        places.sort_by(|&a, &b| front[a].rank(&front[b]));
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::testing::trial;

    fn found() -> Vec<Trial> {
        let figures = [(1.0, 20.0), (2.0, 6.0), (6.0, 5.0), (11.0, 0.0), (7.0, 7.0), (2.0, 6.0)];
        let trials = figures.iter().zip(0..);
        trials.map(|((loss, gflops), id)| Trial { gflops: *gflops, ..trial(id, Some(*loss)) }).collect()
    }

    #[test]
    fn a_front_has_no_dominated_trial_and_equal_ones_once() {
        let ids = |objectives: &[&str]| -> Vec<u64> {
            let objectives: Vec<_> = objectives.iter().map(|name| ObjectiveName::new(name).unwrap()).collect();
            front(&found(), &objectives).iter().map(|trial| trial.id).collect()
        };
        assert_eq!(ids(&["loss", "gflops"]), [1, 2, 0, 3]);
        assert_eq!(ids(&["loss"]), [0]);
    }

    #[test]
    fn one_is_picked_by_the_knee_the_loss_or_a_cost() {
        let objectives = ["loss", "gflops"].map(|name| ObjectiveName::new(name).unwrap());
        let front = front(&found(), &objectives);
        let figure = |trial: &Trial, name: &str| trial.figure(name);
        let ids = |pick: &str| -> Result<Vec<u64>> {
            let places = picked(&front, pick.parse().unwrap(), &figure)?;
            Ok(places.into_iter().map(|place| front[place].id).collect())
        };
        assert_eq!(ids("knee").unwrap(), [1, 2, 0, 3]);
        assert_eq!(ids("loss").unwrap(), [0, 1, 2, 3]);
        assert_eq!(ids("gflops=5.5").unwrap(), [2, 3]);
        assert_eq!(ids("gflops=0").unwrap(), [3]);
        let message = |pick: &str| ids(pick).unwrap_err().to_string();
        assert_eq!(
            message("gflops=-1"),
            "--pick: nothing that was found has gflops ≤ -1: the least is 0; as a limit the search keeps to it"
        );
        assert!(message("parameters=1").contains("do not tell parameters"));
        let checked =
            |pick: &str| check_pick(pick.parse().unwrap(), |name| name == "gflops").map_err(|e| e.to_string());
        assert_eq!(["knee", "gflops=-1"].map(checked), [Ok(()), Ok(())]);
        assert!(checked("parameters=1").unwrap_err().contains("do not tell parameters"));
        for wrong in ["kneee", "flops=1", "gflops=", "gflops=nan"] {
            assert!(wrong.parse::<Pick>().is_err(), "{wrong}");
        }
    }
}
