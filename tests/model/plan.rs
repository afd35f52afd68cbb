//! The plan of an architecture lists the parameters that its model has.

use super::config;
use automoe::config::Tables;
use automoe::cost::{Embeddings, parameters};
use automoe::model::Transformer;
use automoe::plan::Plan;
use automoe::space::{Architecture, Choices, Space, SpaceConfig};
use std::collections::BTreeMap;

/// Spaces of narrow models: dense ones and all kinds of experts, sublayers that are dropped, stacks that differ in width.
fn spaces() -> [SpaceConfig; 4] {
    let every = |values: &[usize]| Choices::Every(values.to_vec());
    let narrow = SpaceConfig {
        encoder_embed_dim: vec![8, 12],
        decoder_embed_dim: vec![8, 10],
        encoder_layer_num: vec![1, 2, 3],
        decoder_layer_num: vec![1, 2, 3],
        encoder_ffn_embed_dim: every(&[7, 16]),
        decoder_ffn_embed_dim: every(&[9, 16]),
        encoder_self_attention_heads: every(&[1, 2]),
        decoder_self_attention_heads: every(&[1, 2]),
        decoder_ende_attention_heads: every(&[1, 2]),
        ..SpaceConfig::default()
    };
    let experts = SpaceConfig {
        encoder_n_experts: every(&[1, 2, 4]),
        decoder_n_experts: Choices::PerLayer(vec![vec![0], vec![1, 3], vec![2]]),
        encoder_std_vs_dummy_experts: every(&[0, 1]),
        ..narrow.clone()
    };
    let fractional = SpaceConfig {
        encoder_each_expert_ffn_dim: every(&[0, 5, 16]),
        decoder_each_expert_ffn_dim: every(&[3, 11]),
        encoder_num_experts_to_route: every(&[1, 2]),
        ..experts.clone()
    };
    let dropped = SpaceConfig {
        encoder_drop_mha_sublayer: every(&[0, 1]),
        encoder_drop_ffn_sublayer: every(&[0, 1]),
        decoder_drop_mha_sublayer: every(&[0, 1]),
        decoder_drop_ffn_sublayer: every(&[0, 1]),
        ..fractional.clone()
    };
    [narrow, experts, fractional, dropped]
}

fn architectures() -> impl Iterator<Item = Architecture> {
    spaces().into_iter().flat_map(|space| {
        let space = Space::new(&space, 8).unwrap();
        let mut rng = automoe::seed::stream(3, "test architectures", 0);
        (0..50).map(move |_| space.sample(&mut rng))
    })
}

#[test]
fn the_plan_names_every_parameter_of_the_model() {
    for architecture in architectures() {
        for tables in [Tables::Shared, Tables::Tied, Tables::Separate] {
            let config = config(architecture.clone(), tables);
            let (embeddings, layers): (BTreeMap<_, _>, BTreeMap<_, _>) =
                Transformer::named_shapes(&config).into_iter().partition(|(name, _)| name.contains("embed_"));
            let plan = Plan::new(&architecture, config.qkv_dim).parameters();
            let planned: BTreeMap<_, _> = plan.iter().cloned().collect();
            assert_eq!(planned.len(), plan.len(), "a name twice: {plan:?}");
            assert_eq!(planned, layers, "{architecture:?}");

            let count = |shapes: BTreeMap<String, Vec<usize>>| -> u64 {
                shapes.values().map(|shape| shape.iter().product::<usize>() as u64).sum()
            };
            assert_eq!(parameters(&architecture, config.qkv_dim).total, count(layers), "{architecture:?}");
            let counted = Embeddings { source_vocab: config.source_vocab, target_vocab: config.target_vocab, tables };
            assert_eq!(counted.parameters(&architecture), count(embeddings), "{architecture:?}, {tables:?}");
        }
    }
}
