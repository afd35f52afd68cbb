//! The plan of an architecture lists the parameters that its model has.

use super::config;
use automoe::config::Tables;
use automoe::cost::{Embeddings, parameters};
use automoe::model::Transformer;
use automoe::plan::Plan;
use automoe::space::{Architecture, Choices, Space, SpaceConfig};

/// Spaces of narrow models: dense ones and all kinds of experts, sublayers that are dropped, stacks that differ in width.
fn spaces() -> [SpaceConfig; 4] {
    let every = |values: &[i64]| Choices::Every(values.to_vec());
    let narrow = SpaceConfig::default().with([
        ("encoder_embed_dim", every(&[8, 12])),
        ("decoder_embed_dim", every(&[8, 10])),
        ("encoder_layer_num", every(&[1, 2, 3])),
        ("decoder_layer_num", every(&[1, 2, 3])),
        ("encoder_ffn_embed_dim", every(&[7, 16])),
        ("decoder_ffn_embed_dim", every(&[9, 16])),
        ("encoder_self_attention_heads", every(&[1, 2])),
        ("decoder_self_attention_heads", every(&[1, 2])),
        ("decoder_ende_attention_heads", every(&[1, 2])),
    ]);
    let experts = narrow.clone().with([
        ("encoder_n_experts", every(&[1, 2, 4])),
        ("decoder_n_experts", Choices::PerLayer(vec![vec![0], vec![1, 3], vec![2]])),
        ("encoder_std_vs_dummy_experts", every(&[0, 1])),
    ]);
    let fractional = experts.clone().with([
        ("encoder_each_expert_ffn_dim", every(&[0, 5, 16])),
        ("decoder_each_expert_ffn_dim", every(&[3, 11])),
        ("encoder_num_experts_to_route", every(&[1, 2])),
    ]);
    let dropped = fractional.clone().with([
        ("encoder_drop_mha_sublayer", every(&[0, 1])),
        ("encoder_drop_ffn_sublayer", every(&[0, 1])),
        ("decoder_drop_mha_sublayer", every(&[0, 1])),
        ("decoder_drop_ffn_sublayer", every(&[0, 1])),
    ]);
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
fn the_plan_and_the_embeddings_name_every_parameter_of_the_model() {
    for architecture in architectures() {
        for tables in [Tables::Shared, Tables::Tied, Tables::Separate] {
            let config = config(architecture.clone(), tables);
            let layers = Plan::new(&architecture, config.qkv_dim).parameters();
            let embeddings =
                Embeddings { source_vocab: config.source_vocab, target_vocab: config.target_vocab, tables };
            let tables = embeddings.shapes(&architecture).into_iter();
            let mut named: Vec<_> = tables.map(|(name, shape)| (name.to_owned(), shape.to_vec())).collect();
            named.extend(layers.clone());
            named.sort();
            let model: Vec<_> = Transformer::named_shapes(&config).into_iter().collect();
            assert_eq!(named, model, "{architecture:?}");

            let count = |shapes: &[(String, Vec<usize>)]| -> u64 {
                shapes.iter().map(|(_, shape)| shape.iter().product::<usize>() as u64).sum()
            };
            let total = parameters(&architecture, config.qkv_dim).total;
            assert_eq!(total, count(&layers), "{architecture:?}");
            assert_eq!(total + embeddings.parameters(&architecture), count(&model), "{architecture:?}");
        }
    }
}
