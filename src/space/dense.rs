//! The dense architectures of a space.

use super::choices::{Choices, SpaceConfig};
use super::gene::N_EXPERTS;
use super::side::Side;

impl SpaceConfig {
    /// The same choices with one expert at most in each layer: a network beside which there is no other. A SuperNet of the whole
    /// space has the weights of these architectures.
    ///
    /// # Errors
    /// The key of a stack with a layer that always has several.
    pub fn dense_part(&self) -> Result<Self, String> {
        let mut dense = self.clone();
        for side in Side::BOTH {
            let key = format!("{}_{N_EXPERTS}", side.name());
            let one = |counts: &Vec<i64>| counts.iter().copied().filter(|&count| count <= 1).collect::<Vec<i64>>();
            let fewer = match &dense[&key] {
                Choices::Every(counts) => Choices::Every(one(counts)),
                Choices::PerLayer(lists) => Choices::PerLayer(lists.iter().map(one).collect()),
            };
            if fewer.lists().iter().zip(dense[&key].lists()).any(|(left, all)| left.is_empty() && !all.is_empty()) {
                return Err(format!("space.{key} has neither 0 nor 1 in each layer: no architecture is dense"));
            }
            dense[&key] = fewer;
        }
        Ok(dense)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Space;

    #[test]
    fn no_layer_has_a_second_expert_and_the_rest_stays() {
        let config = SpaceConfig::default();
        let dense = config.dense_part().unwrap();
        assert_eq!(dense["encoder_n_experts"], Choices::Every(vec![1]));
        let [whole, part] = [&config, &dense].map(|config| Space::new(config, 512).unwrap());
        assert_eq!(whole.contains(&part.supernet()), Ok(()));
        let experts: usize = part.supernet().encoder.layers.iter().map(|layer| layer.expert_count()).max().unwrap();
        assert_eq!(experts, 1);
        assert_eq!(part.supernet().encoder.embed_dim, whole.supernet().encoder.embed_dim);
        let mixed = Choices::PerLayer(vec![vec![0], vec![1, 4], vec![2], vec![1], vec![1], vec![1]]);
        let config = config.with([("decoder_n_experts", mixed), ("encoder_n_experts", Choices::Every(vec![]))]);
        assert!(config.dense_part().unwrap_err().starts_with("space.decoder_n_experts has neither 0 nor 1"));
    }
}
