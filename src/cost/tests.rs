//! Against the reference's own figures, and what must hold for every architecture.

use super::*;
use crate::config::Tables;
use crate::space::{Architecture, CrossAttention, Experts, Layer, Stack};
use crate::test_shared::goldens;
use proptest::prelude::*;
use serde_json::Value;

/// A file of the goldens; `None`, with a printed line, where it is not there.
fn golden(name: &str) -> Option<Vec<u8>> {
    let path = goldens("costs")?.join(name);
    std::fs::read(&path).inspect_err(|error| println!("costs: skipped, {}: {error}", path.display())).ok()
}

/// The rows of `counts.json`.
fn counts() -> Option<Vec<Value>> {
    golden("counts.json").map(|bytes| serde_json::from_slice(&bytes).unwrap())
}

/// One row: architecture, dimensions, whether experts differ in size within a layer, and a reader of its figures.
fn row(row: &Value) -> (Architecture, Dimensions, bool, impl Fn(&str) -> u64) {
    let figure = |key: &str| row[key].as_u64().unwrap();
    let size = |key: &str| figure(key) as usize;
    let architecture = Architecture::from_value(&row["architecture"]).unwrap();
    let dimensions = Dimensions::new(size("qkv_dim"), size("sentence_length"), size("vocab")).unwrap();
    let stacks = [&architecture.encoder, &architecture.decoder];
    let layers = stacks.into_iter().flat_map(|stack| &stack.layers);
    let differs = |sizes: &[usize]| sizes.iter().any(|&size| size != sizes[0]);
    let fractional = layers.filter_map(|layer| layer.experts.as_ref()).any(|experts| differs(&experts.ffn_dims));
    (architecture, dimensions, fractional, figure)
}

#[test]
fn flops_are_the_references() {
    let Some(rows) = counts() else { return };
    assert!(rows.len() >= 2, "a recording has several architectures");
    for json in &rows {
        let (architecture, dimensions, fractional, figure) = row(json);
        let counted = flops(&architecture, &dimensions);
        let recorded = figure("flops_without_last_layer");
        assert_eq!(counted.projection, u128::from(figure("flops_last_layer")));
        if fractional {
            // The reference counted one random routing.
            assert!(counted.least < u128::from(recorded) && u128::from(recorded) < counted.worst);
            assert!(counted.least as f64 <= counted.mean && counted.mean <= counted.worst as f64);
        } else {
            assert_eq!(counted.mean, recorded as f64, "{}", json["name"]);
            assert_eq!(counted.worst, u128::from(recorded));
            assert_eq!(counted.least, u128::from(recorded));
            let total = counted.worst + counted.projection;
            assert_eq!(total, u128::from(figure("flops_total")));
        }
    }
}

#[test]
fn training_takes_three_passes_of_the_sentences_that_are_there() {
    let architecture = Architecture::dense(8, 16, 2, 1, 2);
    let [q, vocab] = [8, 50];
    let of = |lengths| training_flops(&architecture, q, vocab, lengths);
    let dimensions = Dimensions::new(q, 9, vocab).unwrap();
    let counted = flops(&architecture, &dimensions);
    assert_eq!(of([9, 9]), 3.0 * (counted.mean + counted.projection as f64));
    // A target token more passes two decoder layers: self-attention (maps 4·8·8, products 2·(10² - 9²)·8 in all, scaling 8,
    // norm 8), cross-attention (maps 2·8·8, products 2·9·8, scaling 8, norm 8), network (2·8·16, norm 8); and embedding, position
    // and projection.
    let layer = (4 * 8 * 8 + 2 * 19 * 8 + 8 + 8) + (2 * 8 * 8 + 2 * 9 * 8 + 8 + 8) + (2 * 8 * 16 + 8);
    assert_eq!(of([9, 10]) - of([9, 9]), f64::from(6 * (2 * layer + 8 + 1 + 8 * 50)));
}

#[test]
fn parameters_in_the_references_convention_are_the_references() {
    let Some(rows) = counts() else { return };
    for json in &rows {
        let (architecture, dimensions, _, figure) = row(json);
        let recorded = figure("params_without_embedding_reference");
        let counted = reference_convention(&architecture, dimensions.qkv_dim, 6);
        assert_eq!(counted, recorded, "{}", json["name"]);
        let ours = parameters(&architecture, dimensions.qkv_dim);
        if architecture.encoder.layers[0].experts.is_none() {
            assert_eq!(ours.total, recorded);
            assert_eq!(ours.active, recorded as f64);
            assert_eq!(ours.sparsity(), 0.0);
        }
    }
}

/// Numbers in all tensors of a safetensors file.
fn elements(file: &[u8]) -> u64 {
    let (length, rest) = file.split_first_chunk().unwrap();
    let header = &rest[..u64::from_le_bytes(*length) as usize];
    let header: Value = serde_json::from_slice(header).unwrap();
    let shapes = header.as_object().unwrap().values();
    shapes
        .filter_map(|tensor| tensor["shape"].as_array())
        .map(|shape| shape.iter().map(|size| size.as_u64().unwrap()).product::<u64>())
        .sum()
}

#[test]
fn totals_are_what_the_references_supernets_hold() {
    for name in ["dense", "std_experts", "top2", "separate_embeddings"] {
        let (Some(weights), Some(json)) = (golden(&format!("{name}.safetensors")), golden(&format!("{name}.json")))
        else {
            continue;
        };
        let json: Value = serde_json::from_slice(&json).unwrap();
        let size = |key: &str| json["supernet"][key].as_u64().unwrap() as usize;
        let mut supernet = Architecture::dense(
            size("embed_dim"),
            size("ffn_dim"),
            size("heads"),
            size("encoder_layers"),
            size("decoder_layers"),
        );
        let layers = supernet.encoder.layers.iter_mut();
        for layer in layers.chain(&mut supernet.decoder.layers) {
            layer.experts = (size("max_experts") > 0)
                .then(|| Experts { ffn_dims: vec![size("ffn_dim"); size("max_experts")], top_k: 1 });
        }
        let tables = if json["share_all_embeddings"].as_bool().unwrap() { Tables::Shared } else { Tables::Separate };
        let vocab = json["vocab"].as_u64().unwrap() as usize;
        let embeddings = Embeddings { source_vocab: vocab, target_vocab: vocab, tables };
        let total = parameters(&supernet, size("qkv_dim")).total;
        let counted = total + embeddings.parameters(&supernet);
        assert_eq!(counted, elements(&weights), "{name}");
    }
}

fn dimensions() -> Dimensions {
    Dimensions::new(64, 11, 100).unwrap()
}

fn layer(is_decoder: bool) -> impl Strategy<Value = Layer> {
    let sizes = prop::collection::vec((0usize..5).prop_map(|size| size * 16), 1..5);
    let experts =
        (sizes, 1usize..4).prop_map(|(ffn_dims, top_k)| Experts { top_k: top_k.min(ffn_dims.len()), ffn_dims });
    let kept = (prop::bool::weighted(0.8), prop::bool::weighted(0.8));
    let cross =
        (1usize..4).prop_map(move |encoder_layers| is_decoder.then_some(CrossAttention { heads: 4, encoder_layers }));
    (1usize..100, prop::option::of(experts), cross, kept).prop_map(
        |(ffn_embed_dim, experts, cross_attention, (keep_attention, keep_ffn))| Layer {
            self_attention_heads: 4,
            cross_attention,
            ffn_embed_dim,
            experts,
            keep_attention,
            keep_ffn,
        },
    )
}

fn architecture() -> impl Strategy<Value = Architecture> {
    let stack = |is_decoder| {
        let layers = prop::collection::vec(layer(is_decoder), 1..4);
        (8usize..40, layers).prop_map(|(embed_dim, layers)| Stack { embed_dim, layers })
    };
    (stack(false), stack(true)).prop_map(|(encoder, decoder)| Architecture { encoder, decoder })
}

/// The fractions that send every token to the experts that `choose` picks of a layer's sizes.
fn one_expert(architecture: &Architecture, choose: impl Fn(&[usize]) -> usize) -> routing::RoutingFractions {
    let of_layer = |layer: &Layer| {
        let sizes = layer.experts.as_ref().map_or(&[][..], |e| &e.ffn_dims);
        let chosen = (!sizes.is_empty()).then(|| choose(sizes));
        (0..sizes.len()).map(|expert| f64::from(u8::from(Some(expert) == chosen))).collect()
    };
    RoutingFractions {
        encoder: architecture.encoder.layers.iter().map(of_layer).collect(),
        decoder: architecture.decoder.layers.iter().map(of_layer).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn figures_are_in_order(architecture in architecture()) {
        let flops = flops(&architecture, &dimensions());
        prop_assert!(flops.least as f64 <= flops.mean && flops.mean <= flops.worst as f64);
        let parameters = parameters(&architecture, 64);
        prop_assert!(parameters.active <= parameters.active_worst as f64);
        prop_assert!(parameters.active_worst <= parameters.total);
        prop_assert!((0.0..1.0).contains(&parameters.sparsity()));
    }

    #[test]
    fn expected_figures_are_what_the_routing_makes_them(mut architecture in architecture()) {
        for layer in architecture.encoder.layers.iter_mut().chain(&mut architecture.decoder.layers) {
            layer.experts.iter_mut().for_each(|experts| experts.top_k = 1);
        }
        let dimensions = dimensions();
        let dearest = one_expert(&architecture, |sizes| {
            (0..sizes.len()).max_by_key(|&expert| sizes[expert]).unwrap()
        });
        let counted = flops(&architecture, &dimensions);
        let expected = expected_flops(&architecture, &dimensions, &dearest).unwrap();
        prop_assert_eq!(expected, counted.worst as f64);
        let active = expected_active_parameters(&architecture, 64, &dearest).unwrap();
        prop_assert_eq!(active, parameters(&architecture, 64).active_worst as f64);
        let cheapest = one_expert(&architecture, |sizes| {
            (0..sizes.len()).min_by_key(|&expert| sizes[expert]).unwrap()
        });
        let expected = expected_flops(&architecture, &dimensions, &cheapest).unwrap();
        prop_assert_eq!(expected, counted.least as f64);
    }

    #[test]
    fn a_wider_expert_costs_more(architecture in architecture(), at in any::<prop::sample::Index>()) {
        let mut wider = architecture.clone();
        let layers = &mut wider.decoder.layers;
        let changed = at.index(layers.len());
        let is_used = layers[changed].keep_ffn;
        match &mut layers[changed].experts {
            Some(experts) => experts.ffn_dims[0] += 16,
            None => layers[changed].ffn_embed_dim += 16,
        }
        let (before, after) = (parameters(&architecture, 64), parameters(&wider, 64));
        prop_assert_eq!(before.total < after.total, is_used);
        prop_assert_eq!(before.active < after.active, is_used);
        let mean = |architecture| flops(architecture, &dimensions()).mean;
        prop_assert_eq!(mean(&architecture) < mean(&wider), is_used);
    }

    #[test]
    fn one_expert_differs_from_a_dense_layer_by_its_router(dense in architecture()) {
        let mut dense = dense;
        let width = dense.encoder.embed_dim;
        dense.encoder.layers[0].keep_ffn = true;
        dense.encoder.layers[0].experts = None;
        let mut one = dense.clone();
        one.encoder.layers[0].experts = Some(Experts {
            ffn_dims: vec![dense.encoder.layers[0].ffn_embed_dim],
            top_k: 1,
        });
        let (before, after) = (parameters(&dense, 64), parameters(&one, 64));
        prop_assert_eq!(after.total - before.total, width as u64 + 1);
        prop_assert!((after.active - before.active - (width + 1) as f64).abs() < 1e-6);
        // The router's product, the scaling by p = 1, and one more.
        let worst = |architecture| flops(architecture, &dimensions()).worst;
        prop_assert_eq!(worst(&one) - worst(&dense), 2 * (2 * 11 * width as u128 + 1));
    }
}

#[test]
fn dropped_sublayers_count_nothing() {
    let mut model = Architecture::dense(32, 48, 4, 1, 1);
    for layer in [&mut model.encoder.layers[0], &mut model.decoder.layers[0]] {
        layer.keep_attention = false;
        layer.keep_ffn = false;
    }
    // The embeddings' scaling and the positions are left.
    let counted = flops(&model, &dimensions());
    assert_eq!(counted.worst, 2 * (11 * 64 + 2 * 11));
    let counted = parameters(&model, 64);
    assert_eq!((counted.total, counted.sparsity()), (0, 0.0));
}

#[test]
fn cross_attention_sees_no_more_layers_than_there_are() {
    let attending = |encoder_layers: usize, seen: usize| {
        let mut model = Architecture::dense(32, 48, 4, encoder_layers, 1);
        let cross = model.decoder.layers[0].cross_attention.as_mut().unwrap();
        cross.encoder_layers = seen;
        flops(&model, &dimensions()).worst
    };
    assert_eq!(attending(2, 2), attending(2, 3));
    // 11 more keys: two projections, two products.
    let extra = 2 * (2 * 11 * 32 * 64 + 2 * 11 * 11 * 64);
    assert_eq!(attending(3, 3) - attending(3, 2), extra);
    assert_eq!(attending(3, 2) - attending(3, 1), extra);
}

#[test]
fn an_identity_expert_has_no_weights_and_no_products() {
    let with = |sizes: &[usize]| {
        let mut model = Architecture::dense(32, 48, 4, 1, 1);
        model.encoder.layers[0].experts = Some(Experts { ffn_dims: sizes.to_vec(), top_k: 1 });
        model
    };
    let counted = flops(&with(&[0, 48]), &dimensions());
    assert_eq!(counted.worst - counted.least, 2 * 2 * 11 * 32 * 48);
    let count = |sizes: &[usize]| parameters(&with(sizes), 64).total;
    assert_eq!(count(&[0, 48]) - count(&[48]), 33); // its row of the router
}

#[test]
fn embedding_tables_follow_the_sharing() {
    let mut model = Architecture::dense(32, 48, 4, 1, 1);
    model.decoder.embed_dim = 40;
    let embeddings = |tables| Embeddings { source_vocab: 100, target_vocab: 70, tables };
    assert_eq!(embeddings(Tables::Shared).parameters(&model), 100 * 40);
    assert_eq!(embeddings(Tables::Tied).parameters(&model), 100 * 32 + 70 * 40);
    let apart = 100 * 32 + 2 * 70 * 40;
    let embeddings = embeddings(Tables::Separate);
    assert_eq!(embeddings.parameters(&model), apart);
    let weights = parameters(&model, 64).total + apart;
    assert_eq!(memory::inference_bytes(&model, 64, &embeddings), 4 * weights);
}

#[test]
fn keys_and_values_are_held_for_each_hypothesis_of_the_target_and_once_of_the_source() {
    let dimensions = Dimensions::new(64, 10, 100).unwrap();
    let embeddings = Embeddings { source_vocab: 100, target_vocab: 100, tables: Tables::Shared };
    let bytes = |architecture: &Architecture, beam| {
        kv_cache::kv_cache_bytes(architecture, &Basis { dimensions, embeddings, beam })
    };
    // A token's keys and values.
    let token = 2 * 64 * 4;
    let mut model = Architecture::dense(32, 48, 4, 2, 2);
    assert_eq!(bytes(&model, 1), 2 * (10 + 10) * token);
    assert_eq!(bytes(&model, 4), 2 * (4 * 10 + 10) * token);
    // Three of the encoder's two layers are two.
    model.decoder.layers[0].cross_attention = Some(CrossAttention { heads: 4, encoder_layers: 3 });
    assert_eq!(bytes(&model, 4), (2 * 4 * 10 + 2 * 10 + 10) * token);
    model.decoder.layers[1].keep_attention = false;
    assert_eq!(bytes(&model, 4), (4 * 10 + 2 * 10) * token);
    model.encoder.layers[0].keep_attention = false;
    assert_eq!(bytes(&model, 4), (4 * 10 + 2 * 10) * token, "an encoder holds none");
}

#[test]
fn costs_are_the_counts_in_their_units() {
    let model = Architecture::dense(512, 2048, 8, 6, 6);
    let dimensions = Dimensions::new(512, 30, 32_768).unwrap();
    let embeddings = Embeddings { source_vocab: 32_768, target_vocab: 32_768, tables: Tables::Shared };
    let costs = Costs::counted(&Basis { dimensions, embeddings, beam: 5 });
    let figures: Vec<f64> = costs.iter().map(|cost| cost.of(&model)).collect();
    assert_eq!(figures, [2.677_125_348, 44.138_496, 44.138_496, 4.0 * (44.138_496 + 16.777_216), 4.42368]);

    let limit = |limit| Constraint { cost: costs.get("gflops").unwrap().clone(), limit };
    assert!(limit(2.677_125_348).allows(&model) && !limit(2.677).allows(&model));
}

#[test]
fn a_summary_has_the_keys_that_scripts_read() {
    let mut model = Architecture::dense(32, 48, 4, 1, 1);
    model.encoder.layers[0].experts = Some(Experts { ffn_dims: vec![48, 32], top_k: 1 });
    let embeddings = Embeddings { source_vocab: 100, target_vocab: 100, tables: Tables::Shared };
    let dimensions = dimensions();
    let summary = CostSummary::new(&model, &Basis { dimensions, embeddings, beam: 5 });
    let keys = |summary: &CostSummary| -> Vec<String> {
        let value = serde_json::to_value(summary).unwrap();
        value.as_object().unwrap().keys().cloned().collect()
    };
    let fixed = [
        "architecture",
        "gflops",
        "gflops_worst",
        "gflops_projection",
        "parameters",
        "sparsity",
        "memory_bytes",
        "kv_cache_bytes",
    ];
    assert_eq!(keys(&summary), fixed);
    let value = serde_json::to_value(&summary).unwrap();
    assert_eq!(value["parameters"]["embedding"], 3200);
    assert_eq!(value["gflops_projection"], 2.0 * 11.0 * 3200.0 / 1e9);

    let fractions = RoutingFractions { encoder: vec![vec![3.0, 1.0]], decoder: vec![] };
    let full = summary.with_routing(&dimensions, &fractions).unwrap().with_reference_convention(64, 4);
    let mean_to_worst = (full.gflops_worst - full.gflops) * 1e9;
    let expected_to_worst = (full.gflops_worst - full.gflops_expected.unwrap()) * 1e9;
    assert!((mean_to_worst - 2.0 * expected_to_worst).abs() < 1e-3);
    let without_router = full.parameters.total - 2 * 33;
    let unused = 2 * (2 * 32 * 48 + 48 + 32);
    let reference = full.params_without_embedding_reference;
    assert_eq!(reference, Some(without_router + unused));
}

#[test]
fn dimensions_out_of_range_are_named() {
    let message = Dimensions::new(512, 0, 1).unwrap_err().to_string();
    assert!(message.starts_with("cost.sentence_length: 0 is not"), "{message}");
    assert!(Dimensions::new(512, usize::MAX, 1).is_err());
}
