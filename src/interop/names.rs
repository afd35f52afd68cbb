//! The reference's parameter names and ours: the one place where they meet.
//!
//! The reference is AutoMoE's PyTorch code on fairseq 0.9. All matrices are `[out, in]` on both sides, so that only
//! names change, but for cross-attention: the reference holds query, key and value in one `in_proj` (or apart, where
//! encoder and decoder differ in width), we hold the query in `q_proj` and key and value in `kv_proj`, because they
//! read different inputs.

use super::NamedTensor;
use super::cross_attention::{ByName, join_cross_attention, split_cross_attention};
use super::fairseq_names::{insert, same_bits, twice, upgrade};
use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// Tables outside the layers: the reference's name, ours.
const TABLES: [(&str, &str); 3] = [
    ("encoder.embed_tokens.weight", SHARED_TABLE),
    ("decoder.embed_tokens.weight", DECODER_TABLE),
    ("decoder.embed_out", "decoder.embed_out"),
];
const SHARED_TABLE: &str = "encoder.embed_tokens";
const DECODER_TABLE: &str = "decoder.embed_tokens";

/// Parameters of every layer that only change their name: the reference's, ours.
const LAYER: [(&str, &str); 14] = [
    ("self_attn.in_proj_weight", "self_attn.in_proj.weight"),
    ("self_attn.in_proj_bias", "self_attn.in_proj.bias"),
    ("self_attn.out_proj.weight", "self_attn.out_proj.weight"),
    ("self_attn.out_proj.bias", "self_attn.out_proj.bias"),
    ("self_attn_layer_norm.weight", "self_attn_layer_norm.weight"),
    ("self_attn_layer_norm.bias", "self_attn_layer_norm.bias"),
    ("fc1.weight", "ffn.fc1.weight"),
    ("fc1.bias", "ffn.fc1.bias"),
    ("fc2.weight", "ffn.fc2.weight"),
    ("fc2.bias", "ffn.fc2.bias"),
    ("switch_layer.switch.weight", "moe.router.weight"),
    ("switch_layer.switch.bias", "moe.router.bias"),
    ("final_layer_norm.weight", "ffn_layer_norm.weight"),
    ("final_layer_norm.bias", "ffn_layer_norm.bias"),
];

/// Parameters of decoder layers only.
const DECODER_LAYER: [(&str, &str); 4] = [
    ("encoder_attn.out_proj.weight", "cross_attn.out_proj.weight"),
    ("encoder_attn.out_proj.bias", "cross_attn.out_proj.bias"),
    ("encoder_attn_layer_norm.weight", "cross_attn_layer_norm.weight"),
    ("encoder_attn_layer_norm.bias", "cross_attn_layer_norm.bias"),
];

/// Parameters of each expert, behind `switch_layer.experts.J.` and `moe.experts.J.`.
const EXPERT: [(&str, &str); 4] =
    [("0.weight", "fc1.weight"), ("0.bias", "fc1.bias"), ("1.weight", "fc2.weight"), ("1.bias", "fc2.bias")];

/// The reference's `tensors`, or those of any fairseq, under our names, in order of name. Entries of fairseq that are no
/// weights are left out, and so is a decoder's table that is the encoder's, bit for bit, when there is no output table of its
/// own: all three are then shared.
///
/// # Errors
/// If a name is not the reference's, occurs twice, or cross-attention's parts are incomplete or of odd shapes.
pub fn to_native(tensors: Vec<NamedTensor>) -> Result<Vec<NamedTensor>> {
    let (mut native, projections) = rename_all(upgrade(tensors)?, Side::Reference)?;
    for (layer, parts) in projections {
        for tensor in split_cross_attention(&layer, parts)? {
            insert(&mut native, tensor)?;
        }
    }
    if !native.contains_key("decoder.embed_out")
        && let (Some(shared), Some(decoder)) = (native.get(SHARED_TABLE), native.get(DECODER_TABLE))
        && same_bits(shared, decoder)
    {
        native.remove(DECODER_TABLE);
    }
    Ok(native.into_values().collect())
}

/// Our `tensors` under the reference's names, in order of name; the inverse of [`to_native`] up to what that leaves
/// out. With `separate`, cross-attention has `q_proj_weight`, `k_proj_weight` and `v_proj_weight`; so it has without
/// where encoder and decoder differ in width.
///
/// # Errors
/// If a name is not ours, occurs twice, or cross-attention's parts are incomplete or of odd shapes.
pub fn to_reference(tensors: Vec<NamedTensor>, separate: bool) -> Result<Vec<NamedTensor>> {
    let (mut reference, projections) = rename_all(tensors, Side::Native)?;
    for (layer, parts) in projections {
        for tensor in join_cross_attention(&layer, parts, separate)? {
            insert(&mut reference, tensor)?;
        }
    }
    Ok(reference.into_values().collect())
}

/// Which names a tensor comes with.
#[derive(Clone, Copy)]
enum Side {
    Reference,
    Native,
}

/// Renames all `tensors` but cross-attention's projections, which are sorted by layer (`decoder.layers.I.`) and part.
fn rename_all(
    tensors: impl IntoIterator<Item = NamedTensor>,
    from: Side,
) -> Result<(ByName, BTreeMap<String, ByName>)> {
    let (attention, model) = match from {
        Side::Reference => ("encoder_attn.", "the reference model"),
        Side::Native => ("cross_attn.", "our model"),
    };
    let mut all = ByName::new();
    let mut projections: BTreeMap<String, ByName> = BTreeMap::new();
    for tensor in tensors {
        if let Some((layer, part)) = split_projection(&tensor.name, attention) {
            let part = part.to_string();
            let parts = projections.entry(layer.to_string()).or_default();
            if let Some(tensor) = parts.insert(part, tensor) {
                return Err(twice(&tensor.name));
            }
        } else if let Some(name) = renamed(&tensor.name, from) {
            insert(&mut all, NamedTensor { name, ..tensor })?;
        } else {
            let name = tensor.name.escape_debug();
            return Err(Error::input(format!("`{name}` is not a parameter of {model}")));
        }
    }
    Ok((all, projections))
}

/// The other side's name of `name`; `None` if it is not a name of the side `from`.
fn renamed(name: &str, from: Side) -> Option<String> {
    let look_up = |table: &[(&str, &str)], name: &str| {
        table.iter().find_map(|(reference, native)| match from {
            Side::Reference => (name == *reference).then(|| native.to_string()),
            Side::Native => (name == *native).then(|| reference.to_string()),
        })
    };
    if let Some(table) = look_up(&TABLES, name) {
        return Some(table);
    }
    let (layer, rest) = split_layer(name)?;
    if let Some(rest) = look_up(&LAYER, rest) {
        return Some(format!("{layer}{rest}"));
    }
    if layer.starts_with("decoder.")
        && let Some(rest) = look_up(&DECODER_LAYER, rest)
    {
        return Some(format!("{layer}{rest}"));
    }
    let (prefix, renamed_prefix) = match from {
        Side::Reference => ("switch_layer.experts.", "moe.experts."),
        Side::Native => ("moe.experts.", "switch_layer.experts."),
    };
    let (expert, part) = rest.strip_prefix(prefix)?.split_once('.')?;
    let part = look_up(&EXPERT, part)?;
    is_index(expert).then(|| format!("{layer}{renamed_prefix}{expert}.{part}"))
}

/// `encoder.layers.3.fc1.bias` as `encoder.layers.3.` and `fc1.bias`.
fn split_layer(name: &str) -> Option<(&str, &str)> {
    let layers = ["encoder.layers.", "decoder.layers."].iter().find_map(|stack| name.strip_prefix(stack))?;
    let (index, rest) = layers.split_once('.')?;
    is_index(index).then(|| name.split_at(name.len() - rest.len()))
}

/// Whether `text` is a small number as Rust and Python both print it.
fn is_index(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|index| index.to_string() == text)
}

/// The layer and the part, if `name` is a query, key or value projection of a decoder layer's attention `module`.
fn split_projection<'a>(name: &'a str, module: &str) -> Option<(&'a str, &'a str)> {
    let (layer, rest) = split_layer(name)?;
    let part = rest.strip_prefix(module)?;
    (layer.starts_with("decoder.") && !part.starts_with("out_proj.")).then_some((layer, part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tables;
    use crate::cost::Embeddings;
    use crate::interop::shape::Shape;
    use crate::space::{Architecture, CrossAttention, Experts, Layer, Stack};
    use proptest::prelude::*;
    use std::ops::Range;

    fn tensor(name: &str, shape: &[usize]) -> NamedTensor {
        let data = (0..shape.iter().product()).map(|x| x as f32).collect();
        NamedTensor { name: name.into(), shape: shape.to_vec(), data }
    }

    fn names(tensors: &[NamedTensor]) -> Vec<&str> {
        tensors.iter().map(|tensor| tensor.name.as_str()).collect()
    }

    /// A model of ours whose every element is another number, by name.
    fn model(shape: &Shape) -> Vec<NamedTensor> {
        let mut next = 0.0;
        let mut fill = |(name, shape): (String, Vec<usize>)| {
            let data = (0..shape.iter().product()).map(|_| {
                next += 1.0;
                next
            });
            NamedTensor { name, data: data.collect(), shape }
        };
        let mut tensors: Vec<_> = shape.parameters().into_iter().map(&mut fill).collect();
        tensors.sort_by(|a, b| a.name.cmp(&b.name));
        tensors
    }

    #[test]
    fn a_table_of_the_decoder_goes_only_if_it_is_the_encoders() {
        let tables = |value: f32| {
            let mut decoder = tensor("decoder.embed_tokens.weight", &[3, 2]);
            decoder.data[0] = value;
            vec![tensor("encoder.embed_tokens.weight", &[3, 2]), decoder]
        };
        let shared = to_native(tables(0.0)).expect("renamed");
        assert_eq!(names(&shared), ["encoder.embed_tokens"]);
        // Equal as numbers, but not bit for bit.
        for other in [-0.0, 1.0] {
            let native = to_native(tables(other)).expect("renamed");
            assert_eq!(names(&native), ["decoder.embed_tokens", "encoder.embed_tokens"]);
        }
        let mut with_output = tables(0.0);
        with_output.push(tensor("decoder.embed_out", &[3, 2]));
        assert_eq!(to_native(with_output).expect("renamed").len(), 3);
    }

    #[test]
    fn unknown_repeated_and_incomplete_names_are_refused() {
        for name in [
            "encoder.layers.0.encoder_attn.in_proj_bias",
            "encoder.layers.00.fc1.bias",
            "encoder.layers.0.fc3.bias",
            "encoder.layers.0.switch_layer.experts.1.2.bias",
            "encoder.layers.0.switch_layer.experts.x.0.bias",
            "encoder.layers.70000.fc1.bias",
            "decoder.layers.0.ffn.fc1.bias",
            "encoder.embed_tokens",
            "encoder.embed_out",
            "",
        ] {
            let error = to_native(vec![tensor(name, &[1])]).expect_err(name).to_string();
            assert_eq!(error, format!("`{name}` is not a parameter of the reference model"));
        }
        let error = to_reference(vec![tensor("encoder.layers.0.fc1.bias", &[1])], false).expect_err("not ours");
        assert_eq!(error.to_string(), "`encoder.layers.0.fc1.bias` is not a parameter of our model");
    }

    #[test]
    fn joint_cross_attention_splits_into_query_and_key_value() {
        let reference = vec![
            tensor("decoder.layers.0.encoder_attn.in_proj_weight", &[6, 2]),
            tensor("decoder.layers.0.encoder_attn.in_proj_bias", &[6]),
        ];
        let native = to_native(reference).expect("renamed");
        let get = |name: &str| {
            let name = format!("decoder.layers.0.cross_attn.{name}");
            native.iter().find(|tensor| tensor.name == name).expect("present")
        };
        assert_eq!(get("q_proj.weight").data, [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(get("kv_proj.weight").shape, [4, 2]);
        assert_eq!(get("kv_proj.weight").data, [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
        assert_eq!(get("q_proj.bias").data, [0.0, 1.0]);
        assert_eq!(get("kv_proj.bias").data, [2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn incomplete_and_misshapen_parts_are_refused() {
        let weight = |part: &str, shape: &[usize]| tensor(&format!("decoder.layers.1.encoder_attn.{part}"), shape);
        let bias = || weight("in_proj_bias", &[6]);
        for (parts, message) in [
            (vec![bias()], "q_proj_weight` is missing"),
            (vec![bias(), bias()], "is there twice"),
            (vec![weight("in_proj_weight", &[6, 2])], "in_proj_bias` is missing"),
            (vec![bias(), weight("in_proj_weight", &[9, 2])], "has 6 values"),
            (vec![weight("in_proj_bias", &[7]), weight("in_proj_weight", &[7, 2])], "do not split"),
            (vec![bias(), weight("in_proj_weight", &[6])], "has the shape"),
            (vec![bias(), weight("in_proj_weight", &[6, 0])], "has the shape"),
            (vec![bias(), weight("in_proj_weight", &[6, 2]), weight("bias_k", &[6])], "bias_k` is not expected"),
        ] {
            let error = to_native(parts).expect_err(message).to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    fn stack(is_decoder: bool, layers: Range<usize>) -> impl Strategy<Value = Stack> {
        let sizes = prop::collection::vec(1usize..4, 0..12);
        let layer = (1usize..4, sizes).prop_map(move |(ffn_embed_dim, ffn_dims)| Layer {
            self_attention_heads: 1,
            cross_attention: is_decoder.then_some(CrossAttention { heads: 1, encoder_layers: 1 }),
            ffn_embed_dim,
            experts: (!ffn_dims.is_empty()).then_some(Experts { ffn_dims, top_k: 1 }),
            ..Layer::default()
        });
        let layers = prop::collection::vec(layer, layers);
        (1usize..4, layers).prop_map(|(embed_dim, layers)| Stack { embed_dim, layers })
    }

    prop_compose! {
        fn shape()(
            vocabularies in (3usize..6, 3usize..6),
            qkv_dim in 1usize..4,
            shared in 0..3,
            encoder in stack(false, 1..3),
            mut decoder in stack(true, 0..12),
        ) -> Shape {
            let tables = [Tables::Shared, Tables::Tied, Tables::Separate][shared as usize];
            let (source_vocab, mut target_vocab) = vocabularies;
            if tables == Tables::Shared {
                decoder.embed_dim = encoder.embed_dim;
                target_vocab = source_vocab;
            }
            let embeddings = Embeddings { source_vocab, target_vocab, tables };
            Shape { embeddings, qkv_dim, architecture: Architecture { encoder, decoder } }
        }
    }

    proptest! {
        #[test]
        fn names_go_to_the_reference_and_back(shape in shape(), separate: bool) {
            let native = model(&shape);
            let reference = to_reference(native.clone(), separate)?;
            let apart = reference.iter().any(|tensor| tensor.name.ends_with(".k_proj_weight"));
            let Architecture { encoder, decoder } = &shape.architecture;
            let widths_differ = encoder.embed_dim != decoder.embed_dim;
            prop_assert_eq!(apart, (separate || widths_differ) && !decoder.layers.is_empty());
            let back = to_native(reference.clone())?;
            prop_assert_eq!(&back, &native);
            prop_assert_eq!(to_reference(back, separate)?, reference);
        }
    }
}
