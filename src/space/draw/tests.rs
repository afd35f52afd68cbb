use super::*;
use crate::seed;
use crate::space::architecture::Experts;
use crate::space::choices::{Choices, SpaceConfig};
use proptest::prelude::*;

fn every(values: &[i64]) -> Choices {
    Choices::Every(values.to_vec())
}

/// A space that uses every gene: elastic depth, top-k, fractional and identity experts, dropped sublayers, lists by layer.
fn rich() -> Space {
    let config = SpaceConfig::default().with([
        ("encoder_layer_num", Choices::Every(vec![1, 2, 3, 4, 5, 6])),
        ("encoder_n_experts", every(&[1, 2, 3])),
        ("encoder_num_experts_to_route", every(&[2, 3])),
        ("encoder_each_expert_ffn_dim", every(&[3072, 1024, 512])),
        ("encoder_std_vs_dummy_experts", every(&[1, 0])),
        ("encoder_drop_mha_sublayer", every(&[1, 0])),
        ("decoder_n_experts", Choices::PerLayer(vec![vec![0], vec![4, 2], vec![0], vec![1], vec![0], vec![1, 2]])),
        ("decoder_std_vs_dummy_experts", every(&[1, 0])),
        ("decoder_drop_ffn_sublayer", every(&[0, 1])),
    ]);
    Space::new(&config, 512).unwrap()
}

/// Identity experts by size alone, standard experts in the decoder.
fn identity() -> Space {
    let config = SpaceConfig::default().with([("encoder_each_expert_ffn_dim", every(&[0, 3072]))]);
    Space::new(&config, 512).unwrap()
}

fn standard() -> Space {
    Space::new(&SpaceConfig::default(), 512).unwrap()
}

fn space() -> impl Strategy<Value = Space> {
    prop_oneof![Just(rich()), Just(identity()), Just(standard())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn everything_drawn_is_in_the_space(space in space(), seed: u64, probability in 0.0..=1.0f64) {
        let mut rng = seed::stream(seed, "test", 0);
        let (a, b) = (space.sample(&mut rng), space.sample(&mut rng));
        prop_assert_eq!(space.contains(&a), Ok(()));
        prop_assert_eq!(space.contains(&space.mutate(&a, probability, &mut rng)), Ok(()));
        prop_assert_eq!(space.contains(&space.crossover(&a, &b, &mut rng)), Ok(()));
    }

    #[test]
    fn nothing_changes_without_mutation_or_a_second_parent(space in space(), seed: u64) {
        let mut rng = seed::stream(seed, "test", 0);
        let parent = space.sample(&mut rng);
        prop_assert_eq!(space.mutate(&parent, 0.0, &mut rng), parent.clone());
        prop_assert_eq!(space.crossover(&parent, &parent, &mut rng), parent);
    }

    #[test]
    fn json_brings_back_what_was_drawn(space in space(), seed: u64) {
        let model = space.sample(&mut seed::stream(seed, "test", 0));
        prop_assert_eq!(Architecture::from_value(&model.to_value()), Ok(model));
    }

    #[test]
    fn children_have_their_parents_genes(space in space(), seed: u64) {
        let mut rng = seed::stream(seed, "test", 0);
        let (a, b) = (space.sample(&mut rng), space.sample(&mut rng));
        let child = space.crossover(&a, &b, &mut rng);
        let widths = [a.encoder.embed_dim, b.encoder.embed_dim];
        prop_assert!(widths.contains(&child.encoder.embed_dim));
        let depths = [a.decoder.layers.len(), b.decoder.layers.len()];
        prop_assert!(depths.contains(&child.decoder.layers.len()));
    }

    /// A parent from elsewhere gives what it can.
    #[test]
    fn mutants_of_foreign_parents_are_in_the_space(seed: u64) {
        let mut rng = seed::stream(seed, "test", 0);
        let foreign = Architecture::dense(768, 3000, 12, 9, 9);
        let (rich, standard) = (rich(), standard());
        prop_assert_eq!(rich.contains(&rich.mutate(&foreign, 0.0, &mut rng)), Ok(()));
        let child = standard.crossover(&rich.sample(&mut rng), &foreign, &mut rng);
        prop_assert_eq!(standard.contains(&child), Ok(()));
    }

    /// Every weight of a sample is a leading slice of the supernet's.
    #[test]
    fn the_supernet_holds_all_weights(space in space(), seed: u64) {
        let holds = |all: &Stack, some: &Stack| {
            let layers = all.layers.iter().zip(&some.layers);
            all.embed_dim >= some.embed_dim && all.layers.len() >= some.layers.len()
                && layers.clone().all(|(all, some)| all.ffn_embed_dim >= some.ffn_embed_dim)
                && layers.clone().all(|(all, some)| all.keep_ffn >= some.keep_ffn)
                && layers.clone().all(|(all, some)| all.keep_attention >= some.keep_attention)
                && layers.clone().all(|(all, some)| match (&all.experts, &some.experts) {
                    (Some(all), Some(some)) => {
                        all.ffn_dims.len() >= some.ffn_dims.len()
                            && all.ffn_dims.iter().zip(&some.ffn_dims).all(|(all, some)| all >= some)
                    }
                    (all, some) => all.is_none() && some.is_none(),
                })
        };
        let supernet = space.supernet();
        let model = space.sample(&mut seed::stream(seed, "test", 0));
        prop_assert!(holds(&supernet.encoder, &model.encoder));
        prop_assert!(holds(&supernet.decoder, &model.decoder));
    }
}

#[test]
fn the_ends_are_in_the_space() {
    for space in [rich(), identity(), standard()] {
        assert_eq!(space.contains(&space.smallest()), Ok(()));
        assert_eq!(space.contains(&space.supernet()), Ok(()));
    }
    let largest = standard().largest();
    assert_eq!((largest.encoder.embed_dim, largest.decoder.layers.len()), (640, 6));
    let layer = &largest.decoder.layers[5];
    assert_eq!(layer.cross_attention.unwrap().encoder_layers, 3);
    assert_eq!(layer.experts.as_ref().unwrap().ffn_dims, [3072; 6]);
    let smallest = identity().smallest();
    let experts = smallest.encoder.layers[0].experts.clone();
    assert_eq!(experts, Some(Experts { ffn_dims: vec![0], top_k: 1 }));
}

#[test]
fn choices_are_drawn_evenly() {
    let space = standard();
    let mut rng = seed::stream(1, "test", 0);
    let mut counts = [0; 6];
    for _ in 0..6000 {
        counts[space.sample(&mut rng).decoder.layers.len() - 1] += 1;
    }
    // Six standard deviations of a binomial with 6000 draws of 1/6 are 173.
    assert!(counts.iter().all(|count| (1000 - 173..=1000 + 173).contains(count)), "{counts:?}");
}

#[test]
fn mutation_redraws_genes_at_its_rate() {
    let space = standard();
    let mut rng = seed::stream(1, "test", 0);
    let parent = space.sample(&mut rng);
    let changed = (0..4000).filter(|_| {
        let mutant = space.mutate(&parent, 0.3, &mut rng);
        mutant.encoder.embed_dim != parent.encoder.embed_dim
    });
    // Half of the redrawn widths are the old one again: 600 expected, six standard deviations are 135.
    let changed = changed.count();
    assert!((465..=735).contains(&changed), "{changed}");
}

/// Top-k that was clipped in a layer with few experts is not taken for a choice.
#[test]
fn clipped_top_k_grows_back_with_the_experts() {
    let config = |experts: &[i64]| {
        SpaceConfig::default()
            .with([("encoder_n_experts", every(experts)), ("encoder_num_experts_to_route", every(&[2]))])
    };
    let few = Space::new(&config(&[1]), 512).unwrap();
    let many = Space::new(&config(&[4]), 512).unwrap();
    let mut rng = seed::stream(1, "test", 0);
    let parent = few.sample(&mut rng);
    assert_eq!(parent.encoder.layers[0].experts.as_ref().unwrap().top_k, 1);
    let mutant = many.mutate(&parent, 0.0, &mut rng);
    assert_eq!(mutant.encoder.layers[0].experts.as_ref().unwrap().top_k, 2);
}
