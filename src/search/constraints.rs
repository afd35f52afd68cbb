//! The constraints that the settings of a search ask for.

use crate::config::SearchConfig;
use crate::cost::{Constraint, Cost};
use crate::space::Architecture;
use std::sync::Arc;

/// The constraints of `settings`, where `gflops` counts FLOPs in units of 10⁹ without the output projection.
pub fn constraints(settings: &SearchConfig, gflops: Arc<dyn Cost>) -> Vec<Constraint> {
    let mut constraints = Vec::new();
    if settings.max_gflops > 0.0 {
        constraints.push(Constraint { cost: gflops, limit: settings.max_gflops });
    }
    if settings.encoder_at_least_decoder {
        constraints.push(Constraint { cost: Arc::new(DecoderExcess), limit: 0.0 });
    }
    constraints
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
    use crate::search::testing::{Toy, settings, space};

    #[test]
    fn only_what_the_settings_ask_for_is_limited() {
        let mut settings = settings();
        settings.max_gflops = 0.0;
        settings.encoder_at_least_decoder = false;
        assert!(constraints(&settings, Arc::new(Toy)).is_empty());

        settings.max_gflops = 2.5;
        settings.encoder_at_least_decoder = true;
        let both = constraints(&settings, Arc::new(Toy));
        assert_eq!(both[0].limit, 2.5);
        let mut deep = space().largest();
        deep.encoder.layers.truncate(1);
        assert!(!both[1].allows(&deep));
        deep.decoder.layers.truncate(1);
        assert!(both[1].allows(&deep));
    }
}
