//! What the trials so far let one expect of an architecture: a ridge regression on its genes, their squares, and
//! their products with the widths and depths of the stacks.

use super::front::Point;
use super::trial::Trial;
use crate::config::ObjectiveName;
use crate::cost::Cost;
use crate::regression::Ridge;
use crate::space::Architecture;
use nalgebra::{DMatrix, DVector};
use std::sync::Arc;

/// The fewest trials that it is learned from.
const LEAST: usize = 8;

/// Expects the objectives of architectures that were not evaluated.
pub(super) struct Surrogate {
    largest: Architecture,
    objectives: Vec<Objective>,
}

/// How one objective is expected.
enum Objective {
    /// It is counted.
    Counted(Arc<dyn Cost>),
    /// It was learned.
    Learned(Ridge),
}

impl Surrogate {
    /// Learns from `trials`, whose loss is known or expected, of a space whose largest architecture is this; `counted` are costs
    /// that need not be learned. None where there are too few, or where they do not tell anything of an objective that has to be learned.
    pub fn learn(
        trials: &[&Trial],
        objectives: &[ObjectiveName],
        counted: &[&Arc<dyn Cost>],
        largest: &Architecture,
    ) -> Option<Self> {
        if trials.len() < LEAST {
            return None;
        }
        let rows = || {
            let rows: Vec<f64> = trials.iter().flat_map(|trial| genes(&trial.architecture, largest)).collect();
            DMatrix::from_row_slice(trials.len(), rows.len() / trials.len(), &rows)
        };
        let expect = |objective: &ObjectiveName| {
            if let Some(cost) = counted.iter().find(|cost| cost.name() == objective.as_str()) {
                return Some(Objective::Counted(Arc::clone(cost)));
            }
            let figures: Vec<f64> = trials.iter().map(|trial| trial.expected(objective)).collect::<Option<_>>()?;
            Some(Objective::Learned(Ridge::fit(rows(), &DVector::from_vec(figures))?))
        };
        let objectives = objectives.iter().map(expect).collect::<Option<_>>()?;
        Some(Self { largest: largest.clone(), objectives })
    }

    /// The figures to be expected of `architecture`.
    pub fn expect(&self, architecture: &Architecture) -> Point {
        let genes = genes(architecture, &self.largest);
        let figure = |objective: &Objective| match objective {
            Objective::Counted(cost) => cost.of(architecture),
            Objective::Learned(ridge) => ridge.predict(&genes),
        };
        self.objectives.iter().map(figure).collect()
    }
}

/// The genes and their squares, for most have two or three choices, between which any course is a parabola; and each times the
/// width and the number of layers of either stack, on which it depends what the others are worth.
fn genes(architecture: &Architecture, largest: &Architecture) -> Vec<f64> {
    let stacks = architecture.normalized_stacks(largest);
    let mut columns = Vec::new();
    for gene in architecture.normalized_genes(largest).into_iter().map(f64::from) {
        columns.extend([gene, gene * gene]);
        columns.extend(stacks.iter().map(|&stack| f64::from(stack) * gene));
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::testing::{Toy, loss, space, trial};
    use crate::seed;

    #[test]
    fn it_learns_the_loss_and_counts_the_costs() {
        let space = space();
        let mut rng = seed::stream(3, "test", 0);
        let mut drawn = |count| -> Vec<Trial> {
            let architectures = (0..count).map(|_| space.sample(&mut rng));
            let trials = architectures.map(|architecture| Trial {
                gflops: Toy.of(&architecture),
                loss: Some(loss(&architecture)),
                architecture,
                ..trial(0, None)
            });
            trials.collect()
        };
        let (known, new) = (drawn(120), drawn(60));
        let objectives = ["loss", "gflops"].map(|name| ObjectiveName::new(name).unwrap());
        let gflops: Arc<dyn Cost> = Arc::new(Toy);
        let learn = |trials: &[&Trial]| Surrogate::learn(trials, &objectives, &[&gflops], &space.largest());
        let surrogate = learn(&known.iter().collect::<Vec<_>>()).unwrap();
        let expected: Vec<Point> = new.iter().map(|trial| surrogate.expect(&trial.architecture)).collect();
        let losses = |trials: &[Trial]| trials.iter().filter_map(|trial| trial.loss).collect::<Vec<f64>>();
        let tau = crate::rank::kendall(&losses(&new), &expected.iter().map(|point| point[0]).collect::<Vec<_>>());
        assert!(tau.unwrap() > 0.6, "{tau:?}");
        assert!(expected.iter().zip(&new).all(|(point, trial)| point[1] == trial.gflops));
        assert!(learn(&known.iter().take(5).collect::<Vec<_>>()).is_none());
    }

    /// More heads are better in a deep decoder, and worse in a shallow one: no sum of what the genes are worth by themselves.
    #[test]
    fn what_a_gene_is_worth_depends_on_the_stacks() {
        let (space, mut rng) = (space(), seed::stream(3, "test", 1));
        let largest = space.largest();
        let worth = |architecture: &Architecture| {
            let layers = architecture.normalized_stacks(&largest)[3];
            architecture.encoder.layers[0].self_attention_heads as f64 * (0.7 - f64::from(layers))
        };
        let mut drawn = |count| -> Vec<Trial> {
            let architectures = (0..count).map(|_| space.sample(&mut rng));
            architectures
                .map(|architecture| Trial { loss: Some(worth(&architecture)), architecture, ..trial(0, None) })
                .collect()
        };
        let (known, new) = (drawn(120), drawn(60));
        let objectives = [ObjectiveName::new("loss").unwrap()];
        let surrogate = Surrogate::learn(&known.iter().collect::<Vec<_>>(), &objectives, &[], &largest).unwrap();
        let expected: Vec<f64> = new.iter().map(|trial| surrogate.expect(&trial.architecture)[0]).collect();
        let losses: Vec<f64> = new.iter().map(|trial| worth(&trial.architecture)).collect();
        assert!(crate::rank::kendall(&losses, &expected).unwrap() > 0.7);
    }
}
