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

/// The place in `front`, whose first is the knee, of the one that `pick` means; `figure` tells the cost called so of a trial.
///
/// # Errors
/// None is within the figure; a cost that is not told.
pub fn picked(front: &[Trial], pick: Pick, figure: &dyn Fn(&Trial, &str) -> Option<f64>) -> Result<usize> {
    let lowest = |places: &mut dyn Iterator<Item = usize>| places.min_by(|&a, &b| front[a].rank(&front[b]));
    let all = 0..front.len();
    match pick {
        Pick::Knee => Ok(0),
        Pick::Loss => Ok(lowest(&mut all.into_iter()).unwrap_or(0)),
        Pick::AtMost(name, most) => {
            let figure = |place: usize| figure(&front[place], name);
            let mut within = all.clone().filter(|&place| figure(place).is_some_and(|figure| figure <= most));
            lowest(&mut within).ok_or_else(|| {
                let least = all.filter_map(figure).fold(f64::INFINITY, f64::min);
                if !least.is_finite() {
                    return untold(name);
                }
                let message = format!("no trial of the front has {name} ≤ {most}: the least is {least}");
                Error::input(message).at("--pick")
            })
        }
    }
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
        let id = |pick: &str| picked(&front, pick.parse().unwrap(), &figure).map(|place| front[place].id);
        assert_eq!(["knee", "loss", "gflops=5.5", "gflops=0"].map(|pick| id(pick).unwrap()), [1, 0, 2, 3]);
        let message = |pick: &str| id(pick).unwrap_err().to_string();
        assert_eq!(message("gflops=-1"), "--pick: no trial of the front has gflops ≤ -1: the least is 0");
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
