//! A search as far as it has come, told trial by trial.

use crate::catalog::{COSTS, CostRow, LATENCY_MS, LOSS, cost};
use crate::config::SearchConfig;
use crate::search::{Budget, Course, Trial, TrialState, take_into_front};
use crate::space::{Architecture, Layer, Side};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// So many of the best are kept to be told.
const BEST: usize = 100;

/// A search as far as it has come.
pub struct SearchSoFar {
    /// What its loss is shown against.
    pub(super) axis: &'static CostRow,
    /// The most of it; 0: no limit.
    pub(super) limit: f64,
    /// What is told of a trial: FLOPs, and what is limited or minimised.
    pub(super) costs: Vec<&'static CostRow>,
    pub(super) has_front: bool,
    pub(super) budget: Budget,
    course: Course,
    pub(super) generation: u64,
    complete: u64,
    pruned: u64,
    dropped: u64,
    failed: u64,
    /// What is shown, and the loss, of every complete trial.
    pub(super) points: Vec<(f64, f64)>,
    /// The first of all, by [`Trial::rank`].
    pub(super) best: Vec<Found>,
    /// Those that no other beats in both loss and what it is shown against, by the latter.
    pub(super) front: Vec<Found>,
}

/// A complete trial.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// Its number.
    pub trial: u64,
    /// That in which it was proposed.
    pub generation: u64,
    /// Validation loss, bits a token.
    pub loss: f64,
    /// Its costs by their names.
    #[serde(flatten)]
    pub costs: BTreeMap<&'static str, f64>,
    /// Layers of the encoder and of the decoder.
    pub layers: [usize; 2],
    /// Experts of all layers.
    pub experts: usize,
}

impl SearchSoFar {
    /// One with these settings, before its first trial.
    pub fn new(settings: &SearchConfig) -> Self {
        let objective = settings.objectives.iter().find(|objective| objective.as_str() != LOSS);
        let limited = (settings.limits[LATENCY_MS] > 0.0).then_some(LATENCY_MS);
        let shown = objective.map(|objective| objective.as_str()).or(limited).and_then(cost);
        let axis = shown.unwrap_or_else(gflops);
        let is_told = |row: &&CostRow| row.name == gflops().name || settings.asks_for(row.name);
        Self {
            axis,
            limit: settings.limits[axis.name],
            costs: COSTS.iter().filter(is_told).collect(),
            has_front: settings.objectives.len() > 1,
            budget: Budget::new(settings),
            course: Course::new(&settings.objectives),
            generation: 0,
            complete: 0,
            pruned: 0,
            dropped: 0,
            failed: 0,
            points: Vec::new(),
            best: Vec::new(),
            front: Vec::new(),
        }
    }

    /// Takes in a trial. Those of a search of more generations count for nothing.
    pub fn tell(&mut self, trial: &Trial) {
        if trial.generation > self.budget.last_generation() {
            return;
        }
        self.course.tell(trial);
        self.generation = self.generation.max(trial.generation);
        *match trial.state {
            TrialState::Complete => &mut self.complete,
            TrialState::Pruned => &mut self.pruned,
            TrialState::Dropped => &mut self.dropped,
            TrialState::Failed => &mut self.failed,
        } += 1;
        if let Some(found) = Found::of(trial, &self.costs) {
            self.take(found);
        }
    }

    /// The best trial, or with several objectives the knee of their front. A search ends with it, but where its latency when measured
    /// at length is beyond the limit, or another one is picked.
    pub(super) fn chosen(&self) -> Option<u64> {
        match self.has_front {
            true => self.course.knee().map(|(trial, _)| trial),
            false => self.best.first().map(|best| best.trial),
        }
    }

    /// What is shown of it, and its loss.
    pub(super) fn chosen_point(&self) -> Option<(f64, f64)> {
        if !self.has_front {
            return self.best.first().and_then(|best| Some((best.cost(self.axis)?, best.loss)));
        }
        let (_, figures) = self.course.knee()?;
        let figure = |name: &str| {
            let place = self.course.objectives().iter().position(|objective| objective.as_str() == name);
            place.map(|place| figures[place])
        };
        Some((figure(self.axis.name)?, figure(LOSS)?))
    }

    fn take(&mut self, found: Found) {
        if let Some(figure) = found.cost(self.axis) {
            self.points.push((figure, found.loss));
            let axis = self.axis;
            let figures = |found: &Found| [found.cost(axis).unwrap_or(f64::INFINITY), found.loss];
            take_into_front(&mut self.front, found.clone(), figures);
        }
        let rank = |found: &Found| (found.loss, found.cost(gflops()), found.trial);
        let place = self.best.partition_point(|other| rank(other) < rank(&found));
        self.best.insert(place, found);
        self.best.truncate(BEST);
    }

    /// How far it has come by its objectives.
    pub fn course(&self) -> &Course {
        &self.course
    }

    /// Trials so far.
    pub fn trials(&self) -> u64 {
        self.complete + self.pruned + self.dropped + self.failed
    }

    /// Trials that there will be, as far as that is known; fewer where the search ends earlier.
    pub fn expected(&self) -> u64 {
        self.budget.total().saturating_add(self.pruned)
    }

    /// How many trials of each kind there are beside complete ones.
    pub(super) fn others(&self) -> [(u64, &'static str); 3] {
        [(self.pruned, "pruned"), (self.dropped, "dropped"), (self.failed, "failed")]
    }

    /// The figures for other programs.
    pub fn to_json(&self) -> Value {
        let (front, volume) = self.course.front().unzip();
        json!({
            "generation": self.generation,
            "generations": self.budget.last_generation(),
            "trials": self.trials(),
            "expected_trials": self.expected(),
            "complete": self.complete,
            "pruned": self.pruned,
            "dropped": self.dropped,
            "failed": self.failed,
            "best": self.best.first(),
            "chosen": self.chosen(),
            "front_size": front,
            "hypervolume": volume,
            "front_of": [LOSS, self.axis.name],
            "front": self.front,
        })
    }
}

impl Found {
    /// What is told of a trial; `None` where it has no loss that compares.
    fn of(trial: &Trial, costs: &[&'static CostRow]) -> Option<Self> {
        let loss = trial.complete_loss().filter(|loss| loss.is_finite())?;
        let of_row =
            |row: &&'static CostRow| Some((row.name, trial.figure(row.name).filter(|figure| figure.is_finite())?));
        Some(Self {
            trial: trial.id,
            generation: trial.generation,
            loss,
            costs: costs.iter().filter_map(of_row).collect(),
            layers: Side::BOTH.map(|side| trial.architecture.stack(side).layers.len()),
            experts: experts(&trial.architecture),
        })
    }

    /// The cost of that row.
    pub(super) fn cost(&self, row: &CostRow) -> Option<f64> {
        self.costs.get(row.name).copied()
    }
}

/// The cost that every trial has.
fn gflops() -> &'static CostRow {
    cost("gflops").expect("FLOPs are a cost")
}

fn experts(architecture: &Architecture) -> usize {
    Side::BOTH.into_iter().flat_map(|side| &architecture.stack(side).layers).map(Layer::expert_count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Limits, ObjectiveName};
    use crate::search::testing::{settings, trial};

    fn told(settings: &SearchConfig, trials: &[Trial]) -> SearchSoFar {
        let mut search = SearchSoFar::new(settings);
        trials.iter().for_each(|trial| search.tell(trial));
        search
    }

    fn ids(found: &[Found]) -> Vec<u64> {
        found.iter().map(|found| found.trial).collect()
    }

    #[test]
    fn the_front_is_of_complete_trials_that_no_other_beats() {
        let of = |id, loss, gflops| Trial { gflops, ..trial(id, loss) };
        let dropped = Trial { state: TrialState::Dropped, ..of(6, Some(0.1), 0.1) };
        let failed = Trial { state: TrialState::Failed, ..of(7, None, 0.1) };
        let pruned = Trial { state: TrialState::Pruned, ..of(8, None, 0.1) };
        let beyond = Trial { generation: u64::MAX, ..of(9, Some(0.1), 0.1) };
        let infinite = of(10, Some(f64::INFINITY), 0.05);
        let trials = [
            of(0, Some(4.0), 2.0),
            of(1, Some(3.0), 3.0),
            of(2, Some(5.0), 2.5),
            of(3, Some(3.0), 3.0),
            of(4, Some(6.0), 1.0),
            of(5, Some(3.5), 2.0),
            dropped,
            failed,
            pruned,
            beyond,
            infinite,
        ];
        let search = told(&settings(), &trials);
        assert_eq!(ids(&search.front), [4, 5, 1]);
        assert_eq!(ids(&search.best), [1, 3, 5, 0, 2, 4]);
        assert_eq!((search.trials(), search.expected()), (10, 39));
        assert_eq!(search.others(), [(1, "pruned"), (1, "dropped"), (1, "failed")]);
        assert_eq!(search.points.len(), 6);
        assert_eq!(search.to_json()["best"]["loss"], 3.0);
    }

    #[test]
    fn what_is_minimised_or_else_a_limited_latency_is_shown() {
        let limits = Limits::from([("latency_ms", 9.0), ("memory_mb", 5.0)]);
        let limited = SearchConfig { limits, ..settings() };
        let objectives = ["memory_mb", "loss"].map(|name| ObjectiveName::new(name).unwrap()).into();
        let several = SearchConfig { objectives, ..limited.clone() };
        let of = |settings: &SearchConfig| {
            let search = SearchSoFar::new(settings);
            (search.axis.name, search.limit, search.costs.iter().map(|row| row.name).collect::<Vec<_>>())
        };
        let figures = [(1.0, 20.0), (2.0, 6.0), (11.0, 0.5), (7.0, 7.0)].into_iter().zip(0..);
        let trials = figures.map(|((loss, gflops), id)| Trial { gflops, ..trial(id, Some(loss)) }).collect::<Vec<_>>();
        let objectives = ["loss", "gflops"].map(|name| ObjectiveName::new(name).unwrap()).into();
        let chosen = |search: SearchSoFar| (search.chosen(), search.chosen_point());
        let several_told = told(&SearchConfig { objectives, ..settings() }, &trials);
        assert_eq!(chosen(several_told), (Some(1), Some((6.0, 2.0))));
        assert_eq!(chosen(told(&settings(), &trials)), (Some(0), Some((20.0, 1.0))));
        // The knee of three objectives need not be on the front of the two that are drawn.
        let objectives = ["loss", "gflops", "parameters"].map(|name| ObjectiveName::new(name).unwrap()).into();
        let with = |(loss, gflops, parameters), id| {
            let costs = [("parameters".to_owned(), parameters)].into();
            Trial { gflops, costs, ..trial(id, Some(loss)) }
        };
        let trials = [with((1.0, 1.0, 9.0), 0), with((1.2, 1.2, 1.0), 1), with((3.0, 2.0, 0.5), 2)];
        let three = told(&SearchConfig { objectives, ..settings() }, &trials);
        assert_eq!((ids(&three.front), chosen(three)), (vec![0], (Some(1), Some((1.2, 1.2)))));
        assert_eq!(of(&settings()), ("gflops", 0.0, vec!["gflops"]));
        assert_eq!(of(&limited), ("latency_ms", 9.0, vec!["gflops", "latency_ms", "memory_mb"]));
        assert_eq!(of(&several), ("memory_mb", 5.0, vec!["gflops", "latency_ms", "memory_mb"]));
    }
}
