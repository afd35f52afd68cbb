//! Random architectures between limits, without a search.

use super::constraints::Constraints;
use super::feasible::{Feasible, Used};
use crate::cost::{Constraint, Cost};
use crate::seed;
use crate::space::{Architecture, Space};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// The demand that a cost is at least `limit`.
pub fn at_least(cost: Arc<dyn Cost>, limit: f64) -> Constraint {
    Constraint { cost: Arc::new(Negative(cost)), limit: -limit }
}

/// A cost with its sign turned, so that at most is at least.
struct Negative(Arc<dyn Cost>);

impl Cost for Negative {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn unit(&self) -> &str {
        self.0.unit()
    }

    fn of(&self, architecture: &Architecture) -> f64 {
        -self.0.of(architecture)
    }
}

/// Different models of `space`, drawn at random, that `constraints` allow: as many as are asked for, or as are found in a
/// bounded number of draws for the next one. The same seed gives the same.
pub fn sample<'a>(
    space: &'a Space,
    constraints: &'a Constraints,
    seed: u64,
) -> impl Iterator<Item = Architecture> + 'a {
    let feasible = Feasible::unchecked(space, constraints);
    let mut used = Used::default();
    (0..).map_while(move |index| {
        let propose = |rng: &mut ChaCha8Rng| (space.sample(rng), Vec::new());
        let (architecture, _) = feasible.draw(&mut seed::stream(seed, "sample", index), &used, &propose)?;
        used.insert(&architecture);
        Some(architecture)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::testing::{Of, space, tiny_space};

    fn counted(limits: Vec<Constraint>) -> Constraints {
        Constraints { counted: limits, ..Constraints::default() }
    }

    #[test]
    fn rare_figures_are_found_each_model_once() {
        let space = space();
        let layers = |a: &Architecture| a.decoder.layers.len() as f64;
        let cost: Arc<dyn Cost> = Arc::new(Of("layers", layers));
        let within = |seed, count| {
            let limits = vec![at_least(cost.clone(), 2.0), Constraint { cost: cost.clone(), limit: 2.0 }];
            sample(&space, &counted(limits), seed).take(count).collect::<Vec<_>>()
        };
        let drawn = within(1, 20);
        assert_eq!(drawn.len(), 20);
        assert!(drawn.iter().all(|a| layers(a) == 2.0));
        assert_eq!(drawn, within(1, 20));
        assert_eq!(drawn[..5], within(1, 5));
        assert_ne!(drawn, within(2, 20));
    }

    #[test]
    fn drawing_ends_where_nothing_is_left() {
        let space = tiny_space();
        assert_eq!(sample(&space, &counted(Vec::new()), 1).count(), 4);
        let width: Arc<dyn Cost> = Arc::new(Of("width", |a| a.encoder.embed_dim as f64));
        assert_eq!(sample(&space, &counted(vec![at_least(width, 1e9)]), 1).count(), 0);
    }
}
