//! How many different architectures a space holds.

use super::gene::{
    DROP_FFN_SUBLAYER, DROP_MHA_SUBLAYER, Gene, LAYER_NUM, N_EXPERTS, Part, STD_VS_DUMMY_EXPERTS, Scope,
};
use super::layers::{LayerSpace, StackSpace};
use super::natural::Natural;
use super::space::Space;

impl Space {
    /// The number of different architectures: genes of layers, experts and sublayers that are not there, or that no weight
    /// depends on, do not count.
    pub fn architectures(&self) -> Natural {
        &self.encoder.count() * &self.decoder.count()
    }
}

impl StackSpace {
    fn count(&self) -> Natural {
        let mut total = Natural::from(0);
        let mut first_layers = Natural::from(1);
        for (index, layer) in self.layers.iter().enumerate() {
            first_layers = &first_layers * &layer.count();
            if self.of(LAYER_NUM).contains(&(index + 1)) {
                total = total + first_layers.clone();
            }
        }
        let others = self.genes.iter().filter(|space| space.gene.name != LAYER_NUM);
        others.fold(total, |total, space| &total * &Natural::from(space.choices.len()))
    }
}

impl LayerSpace {
    fn count(&self) -> Natural {
        let attention = self.variants(Part::Attention, 0);
        let ffn = &self.variants(Part::FeedForward, 0) * &self.count_experts();
        &kept_or_dropped(self.of(DROP_MHA_SUBLAYER), attention) * &kept_or_dropped(self.of(DROP_FFN_SUBLAYER), ffn)
    }

    fn count_experts(&self) -> Natural {
        if !self.has_experts() {
            return Natural::from(1);
        }
        // The identity is a size of its own in a layer whose experts share a size, which is never 0.
        let sizes_of = |expert| Natural::from(self.sizes_of(expert, usize::MAX).len());
        let shapes = self.of(N_EXPERTS).iter().map(|&count| {
            let sizes = &sizes_of(0) * &sizes_of(1).pow(count - 1);
            &self.variants(Part::Experts, count) * &sizes
        });
        shapes.fold(Natural::from(0), |total, shapes| total + shapes)
    }

    /// The variants of a part of the layer when it has `experts`, but for their number and sizes.
    fn variants(&self, part: Part, experts: usize) -> Natural {
        let is_counted = |gene: &Gene| {
            let is_size = gene.scope() == Scope::Expert || [N_EXPERTS, STD_VS_DUMMY_EXPERTS].contains(&gene.name);
            gene.part == part && !is_size && !self.is_unused(gene)
        };
        let counted = self.genes.iter().filter(|space| is_counted(space.gene));
        counted.fold(Natural::from(1), |total, space| &total * &Natural::from(space.clipped(experts).len()))
    }
}

/// The variants of a sublayer that has `kept` of them when it is there, by the choices of whether it is.
fn kept_or_dropped(choices: &[usize], kept: Natural) -> Natural {
    let choices = choices.iter().map(|&keep| match keep {
        0 => Natural::from(1),
        _ => kept.clone(),
    });
    choices.fold(Natural::from(0), |total, variants| total + variants)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed;
    use crate::space::choices::{Choices, SpaceConfig};
    use std::collections::HashSet;

    #[test]
    fn wmt_spaces_have_the_sizes_worked_out_by_hand() {
        let count = |config: &SpaceConfig| Space::new(config, 512).unwrap().architectures();
        let decoders = |layer: u128| (1..=6).map(|n| layer.pow(n)).sum::<u128>();

        let moe = SpaceConfig::default();
        // An encoder layer: 3 sizes, 2 numbers of heads, 6 of experts; a decoder layer: 2·3 times as many.
        let (encoder, decoder) = (2 * 36u128.pow(6), 2 * decoders(216));
        assert_eq!(count(&moe).to_string(), (encoder * decoder).to_string());

        let every = |values: &[i64]| Choices::Every(values.to_vec());
        let dense = moe.clone().with([("encoder_n_experts", every(&[])), ("decoder_n_experts", every(&[]))]);
        let (encoder, decoder) = (2 * 6u128.pow(6), 2 * decoders(36));
        assert_eq!(count(&dense).to_string(), (encoder * decoder).to_string());

        let fractional = dense.with([("encoder_each_expert_ffn_dim", every(&[3072, 2048, 1024]))]);
        let fractional = fractional.with([("encoder_n_experts", every(&[1, 2]))]);
        let encoder = 2 * (2 * (3 + 9) as u128).pow(6);
        assert_eq!(count(&fractional).to_string(), (encoder * decoder).to_string());
    }

    /// Draws so many architectures of a small space that each turns up.
    #[test]
    fn as_many_are_drawn_as_are_counted() {
        let every = |values: &[i64]| Choices::Every(values.to_vec());
        let config = SpaceConfig::default().with([
            ("encoder_embed_dim", Choices::Every(vec![64])),
            ("decoder_embed_dim", Choices::Every(vec![64])),
            ("encoder_layer_num", Choices::Every(vec![1])),
            ("decoder_layer_num", Choices::Every(vec![1, 2])),
            ("encoder_ffn_embed_dim", every(&[128, 64])),
            ("decoder_ffn_embed_dim", every(&[128])),
            ("encoder_self_attention_heads", every(&[2, 4])),
            ("decoder_self_attention_heads", Choices::PerLayer(vec![vec![2], vec![4]])),
            ("decoder_ende_attention_heads", every(&[2])),
            ("decoder_arbitrary_ende_attn", Choices::Every(vec![-1])),
            ("encoder_n_experts", every(&[1, 2])),
            ("decoder_n_experts", Choices::PerLayer(vec![vec![0], vec![2]])),
            ("encoder_num_experts_to_route", every(&[1, 2])),
            ("encoder_each_expert_ffn_dim", every(&[64, 32])),
            ("encoder_std_vs_dummy_experts", every(&[0, 1])),
            ("encoder_drop_mha_sublayer", every(&[0, 1])),
            ("encoder_drop_ffn_sublayer", every(&[0, 1])),
        ]);
        let space = Space::new(&config, 64).unwrap();
        let mut rng = seed::stream(1, "count", 0);
        let drawn: HashSet<_> = (0..4000).map(|_| space.sample(&mut rng)).collect();
        // Encoder: (2 + dropped)·(3 + 3·2·2 + dropped), decoder: 1 + 1.
        assert_eq!(space.architectures().to_string(), (3 * 16 * 2).to_string());
        assert_eq!(drawn.len(), 3 * 16 * 2);
    }
}
