//! What a search keeps to, from its settings, and whether a logged trial was judged by the same.

use super::trial::{Trial, TrialState};
use crate::catalog::{CostRow, Origin};
use crate::config::{LatencySource, SearchConfig};
use crate::cost::{Constraint, Cost, Costs, Limit};
use crate::space::Architecture;
use std::sync::Arc;

/// Relative difference within which a logged figure is the same as one computed now: perhaps by another machine.
const SAME: f64 = 1e-9;

/// All that a search keeps to.
#[derive(Clone, Default)]
pub struct Constraints {
    /// Demands on the shape that are no figure to report.
    pub rules: Vec<Constraint>,
    /// Limits on what the architecture alone tells: nothing beyond them is proposed.
    pub counted: Vec<Constraint>,
    /// What trials tell of the architecture besides, though nothing limits it: objectives.
    pub told: Vec<Arc<dyn Cost>>,
    /// The limit on latency where that is measured, which takes time and comes out a little different each time. So it is
    /// a part of the evaluation: a candidate beyond it becomes a pruned trial, and another is proposed in its place.
    /// Infinite where latency is an objective only.
    pub measured: Option<Limit<'static>>,
}

impl Constraints {
    /// Those that `settings` ask for; a limit of 0 is none. `costs` are those that are counted, and latency where that is
    /// predicted.
    pub fn new(settings: &SearchConfig, costs: &Costs) -> Self {
        let mut constraints = Self::default();
        if settings.encoder_at_least_decoder {
            constraints.rules.push(Constraint { cost: Arc::new(DecoderExcess), limit: 0.0 });
        }
        for cost in costs.iter() {
            match settings.limits.get(cost.name()) {
                Some(limit) if limit > 0.0 => constraints.counted.push(Constraint { cost: cost.clone(), limit }),
                Some(_) if settings.asks_for(cost.name()) => constraints.told.push(cost.clone()),
                _ => {}
            }
        }
        if settings.latency == LatencySource::Measured {
            let asked = |(row, _): &(&CostRow, f64)| row.origin == Origin::Measured && settings.asks_for(row.name);
            let asked = settings.limits.iter().find(asked);
            // An objective need have no limit.
            let most = |limit| if limit > 0.0 { limit } else { f64::INFINITY };
            constraints.measured =
                asked.map(|(row, limit)| Limit { name: row.name, unit: row.unit, most: most(limit) });
        }
        constraints
    }

    /// The limits on figures that trials report.
    pub fn limits(&self) -> impl Iterator<Item = Limit<'_>> {
        self.counted.iter().map(Limit::from).chain(self.measured.filter(|limit| limit.most.is_finite()))
    }

    /// What a proposal keeps to: all but what has to be measured.
    pub fn before_evaluation(&self) -> impl Iterator<Item = &Constraint> {
        self.rules.iter().chain(&self.counted)
    }

    /// The limit that `trial` comes nearest to, and its figure there; `None` without limits.
    pub fn tightest(&self, trial: &Trial) -> Option<(Limit<'_>, f64)> {
        let figures = self.limits().filter_map(|limit| Some((limit, trial.figure(limit.name)?)));
        figures.max_by(|(a, x), (b, y)| (x / a.most).total_cmp(&(y / b.most)))
    }

    /// What trials tell of the architecture before it is evaluated.
    pub fn costs(&self) -> impl Iterator<Item = &Arc<dyn Cost>> {
        self.counted.iter().map(|constraint| &constraint.cost).chain(&self.told)
    }

    /// How far `trial` is beyond the measured limit, relative to it; infinite where it was not measured.
    pub fn measured_excess(&self, trial: &Trial) -> f64 {
        self.measured.map_or(0.0, |Limit { name, most, .. }| {
            trial.figure(name).map_or(f64::INFINITY, |figure| (figure / most - 1.0).max(0.0))
        })
    }

    /// Whether `trial`, from a log, holds the figures that these constraints find, and was pruned exactly where they
    /// prune. Another profile or another limit shows here, where both happen to propose the same candidates.
    pub fn agree_with(&self, trial: &Trial) -> bool {
        let is_same = |cost: &Arc<dyn Cost>| {
            let now = cost.of(&trial.architecture);
            trial.figure(cost.name()).is_some_and(|logged| (logged - now).abs() <= SAME * now.abs())
        };
        let is_pruned = trial.state == TrialState::Pruned;
        let is_judged_alike = match self.measured {
            None => !is_pruned,
            Some(Limit { name, most, .. }) => match trial.figure(name) {
                Some(figure) => is_pruned == (figure > most),
                None => trial.state == TrialState::Failed,
            },
        };
        is_judged_alike && self.costs().all(is_same)
    }
}

/// Decoder layers less encoder layers; at most 0 where the encoder must be at least as deep.
pub struct DecoderExcess;

impl Cost for DecoderExcess {
    fn name(&self) -> &str {
        "decoder layers - encoder layers"
    }

    fn unit(&self) -> &str {
        "layers"
    }

    fn of(&self, architecture: &Architecture) -> f64 {
        architecture.decoder.layers.len() as f64 - architecture.encoder.layers.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::search::testing::{constraints, settings, space, trial};

    #[test]
    fn only_what_the_settings_ask_for_is_limited() {
        let none = constraints(&settings());
        assert_eq!((none.before_evaluation().count(), none.limits().count()), (0, 0));

        let limits = [
            ("gflops", 2.5),
            ("parameters", 4.0),
            ("active_parameters", 3.0),
            ("memory_mb", 100.0),
            ("latency_ms", 7.0),
        ];
        let settings = SearchConfig { limits: Limits::from(limits), encoder_at_least_decoder: true, ..settings() };
        let all = constraints(&settings);
        let names = |constraints: &Constraints| -> Vec<(String, f64)> {
            constraints.limits().map(|limit| (limit.name.to_owned(), limit.most)).collect()
        };
        assert_eq!(names(&all), limits.map(|(name, limit)| (name.to_owned(), limit)));
        assert!(all.measured.is_none());
        let mut deep = space().largest();
        deep.encoder.layers.truncate(1);
        assert!(!all.rules[0].allows(&deep));
        deep.decoder.layers.truncate(1);
        assert!(all.rules[0].allows(&deep));

        let measured = constraints(&SearchConfig { latency: LatencySource::Measured, ..settings });
        assert_eq!(names(&measured), names(&all));
        assert_eq!(measured.before_evaluation().count(), 5);
        assert_eq!(measured.measured.unwrap().most, 7.0);
    }

    #[test]
    fn logged_figures_are_compared_with_those_found_now() {
        let settings = SearchConfig { limits: Limits::from([("gflops", 2.0), ("latency_ms", 7.0)]), ..settings() };
        let predicted = constraints(&settings);
        let mut trial = trial(0, Some(1.0));
        assert!(!predicted.agree_with(&trial), "latency is missing");
        for Constraint { cost, .. } in &predicted.counted {
            trial.costs.insert(cost.name().into(), cost.of(&trial.architecture));
        }
        trial.gflops = trial.costs.remove("gflops").unwrap();
        assert!(predicted.agree_with(&trial));
        trial.costs.insert("latency_ms".into(), 6.0);
        assert!(!predicted.agree_with(&trial), "another profile");

        let measured = constraints(&SearchConfig { latency: LatencySource::Measured, ..settings.clone() });
        assert!(measured.agree_with(&trial));
        assert_eq!(measured.tightest(&trial).unwrap().1, 6.0);
        assert_eq!(measured.measured_excess(&trial), 0.0);
        trial.costs.insert("latency_ms".into(), 14.0);
        assert!(!measured.agree_with(&trial), "a lower limit");
        assert_eq!(measured.measured_excess(&trial), 1.0);
        trial.state = TrialState::Pruned;
        assert!(measured.agree_with(&trial));
        let unlimited = constraints(&SearchConfig { limits: Limits::from([("gflops", 2.0)]), ..settings });
        assert!(!unlimited.agree_with(&trial), "without a limit nothing is pruned");
    }
}
