//! The names that fairseq has given a Transformer's parameters over the years, as those of fairseq 0.9, which the reference
//! builds on.
//!
//! What changed (fairseq's own `upgrade_state_dict_named` tells): until 2018 norms were numbered (`layer_norms.0`), and the
//! table of sinusoidal positions was stored (`embed_positions.weights`); since late 2019 attention has `q_proj`, `k_proj` and
//! `v_proj` with a bias each in place of one `in_proj_weight` and `in_proj_bias`; since 2020 the output projection is
//! `output_projection.weight`, also where it is the decoder's table, in place of `embed_out`.

use super::NamedTensor;
use super::cross_attention::{ByName, join_rows, take};
use crate::error::{Error, Result};

/// Entries of a state dict that hold no weights, behind `encoder.` and `decoder.`.
const BUFFERS: [&str; 3] = ["version", "embed_positions._float_tensor", "embed_positions.weights"];

/// The numbered norms of old, by stack.
const NUMBERED_NORMS: [(&str, &[&str]); 2] = [
    ("encoder.", &["self_attn_layer_norm", "final_layer_norm"]),
    ("decoder.", &["self_attn_layer_norm", "encoder_attn_layer_norm", "final_layer_norm"]),
];

/// The attentions of a layer.
const ATTENTIONS: [&str; 2] = [".self_attn.", ".encoder_attn."];

const OUTPUT_PROJECTION: &str = "decoder.output_projection.weight";
const DECODER_TABLE: &str = "decoder.embed_tokens.weight";

/// `tensors` under the names of fairseq 0.9, without what holds no weights. An output projection that is the decoder's table,
/// bit for bit, is left out.
///
/// # Errors
/// A name that is there twice, a projection whose partners are missing or of another width.
pub(super) fn upgrade(tensors: Vec<NamedTensor>) -> Result<Vec<NamedTensor>> {
    let mut named = ByName::new();
    for tensor in tensors.into_iter().filter(|tensor| !is_buffer(&tensor.name)) {
        let name = norm_by_name(&tensor.name).unwrap_or_else(|| tensor.name.clone());
        insert(&mut named, NamedTensor { name, ..tensor })?;
    }
    let queries: Vec<String> = named.keys().filter_map(|name| attention_of_query(name)).collect();
    for attention in queries {
        join_projections(&mut named, &attention)?;
    }
    if let Some(output) = named.remove(OUTPUT_PROJECTION)
        && !named.get(DECODER_TABLE).is_some_and(|table| same_bits(table, &output))
    {
        insert(&mut named, NamedTensor { name: "decoder.embed_out".into(), ..output })?;
    }
    Ok(named.into_values().collect())
}

/// Whether two tensors are equal bit for bit.
pub(super) fn same_bits(a: &NamedTensor, b: &NamedTensor) -> bool {
    a.shape == b.shape && a.data.iter().map(|x| x.to_bits()).eq(b.data.iter().map(|x| x.to_bits()))
}

fn is_buffer(name: &str) -> bool {
    ["encoder.", "decoder."].iter().any(|stack| name.strip_prefix(stack).is_some_and(|rest| BUFFERS.contains(&rest)))
}

/// `encoder.layers.0.layer_norms.1.bias` as `encoder.layers.0.final_layer_norm.bias`.
fn norm_by_name(name: &str) -> Option<String> {
    let (layer, rest) = name.split_once(".layer_norms.")?;
    let (number, parameter) = rest.split_once('.')?;
    let (_, norms) = NUMBERED_NORMS.iter().find(|(stack, _)| layer.starts_with(stack))?;
    let norm = norms.get(number.parse::<usize>().ok()?)?;
    Some(format!("{layer}.{norm}.{parameter}"))
}

/// `decoder.layers.0.self_attn.` of that attention's `q_proj.weight`.
fn attention_of_query(name: &str) -> Option<String> {
    let attention = name.strip_suffix("q_proj.weight")?;
    ATTENTIONS.iter().any(|module| attention.ends_with(module)).then(|| attention.to_string())
}

/// Joins the projections of one attention. Cross-attention's weights stay apart, as they are where widths differ.
fn join_projections(named: &mut ByName, attention: &str) -> Result<()> {
    let mut projections = |kind: &str, dimensions| {
        let part = |part| take(named, "", &format!("{attention}{part}_proj.{kind}"), dimensions);
        let [query, key, value] = ["q", "k", "v"].map(part);
        Ok::<_, Error>([query?, key?, value?])
    };
    let (weights, biases) = (projections("weight", 2)?, projections("bias", 1)?);
    let join = |[query, key, value]: [NamedTensor; 3], name: &str| {
        let joined = join_rows(attention, join_rows(attention, query, key)?, value)?;
        Ok::<_, Error>(NamedTensor { name: format!("{attention}{name}"), ..joined })
    };
    insert(named, join(biases, "in_proj_bias")?)?;
    if attention.ends_with(ATTENTIONS[0]) {
        return insert(named, join(weights, "in_proj_weight")?);
    }
    for (part, weight) in ["q", "k", "v"].iter().zip(weights) {
        insert(named, NamedTensor { name: format!("{attention}{part}_proj_weight"), ..weight })?;
    }
    Ok(())
}

/// Adds a tensor whose name must be new.
pub(super) fn insert(named: &mut ByName, tensor: NamedTensor) -> Result<()> {
    match named.insert(tensor.name.clone(), tensor) {
        Some(tensor) => Err(twice(&tensor.name)),
        None => Ok(()),
    }
}

/// The error for a name that is there twice.
pub(super) fn twice(name: &str) -> Error {
    Error::input(format!("`{}` is there twice", name.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, shape: &[usize], first: f32) -> NamedTensor {
        let data = (0..shape.iter().product()).map(|x| first + x as f32).collect();
        NamedTensor { name: name.into(), shape: shape.to_vec(), data }
    }

    fn upgraded(tensors: Vec<NamedTensor>) -> Vec<(String, Vec<f32>)> {
        upgrade(tensors).unwrap().into_iter().map(|tensor| (tensor.name, tensor.data)).collect()
    }

    /// The three projections of an attention, each of one row.
    fn apart(attention: &str) -> Vec<NamedTensor> {
        let parts = ["q", "k", "v"].iter().zip([1.0, 3.0, 5.0]);
        let parts = parts.flat_map(|(part, first)| {
            let name = |kind| format!("{attention}{part}_proj.{kind}");
            [tensor(&name("weight"), &[1, 2], first), tensor(&name("bias"), &[1], 10.0 * first)]
        });
        parts.collect()
    }

    #[test]
    fn projections_of_self_attention_are_joined_and_those_of_cross_attention_lose_their_biases() {
        let layer = "decoder.layers.1.";
        let named = upgraded([apart(&format!("{layer}self_attn.")), apart(&format!("{layer}encoder_attn."))].concat());
        let expected = [
            ("encoder_attn.in_proj_bias", vec![10.0, 30.0, 50.0]),
            ("encoder_attn.k_proj_weight", vec![3.0, 4.0]),
            ("encoder_attn.q_proj_weight", vec![1.0, 2.0]),
            ("encoder_attn.v_proj_weight", vec![5.0, 6.0]),
            ("self_attn.in_proj_bias", vec![10.0, 30.0, 50.0]),
            ("self_attn.in_proj_weight", vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        ];
        assert_eq!(named, expected.map(|(name, data)| (format!("{layer}{name}"), data)));
    }

    #[test]
    fn names_of_old_and_what_holds_no_weights() {
        for (name, upgraded_name) in [
            ("encoder.layers.0.layer_norms.1.bias", Some("encoder.layers.0.final_layer_norm.bias")),
            ("decoder.layers.0.layer_norms.1.bias", Some("decoder.layers.0.encoder_attn_layer_norm.bias")),
            ("decoder.layers.0.layer_norms.2.weight", Some("decoder.layers.0.final_layer_norm.weight")),
            ("encoder.layers.0.layer_norms.2.bias", Some("encoder.layers.0.layer_norms.2.bias")),
            ("encoder.version", None),
            ("decoder.embed_positions._float_tensor", None),
            ("encoder.embed_positions.weights", None),
            // Learned positions.
            ("encoder.embed_positions.weight", Some("encoder.embed_positions.weight")),
        ] {
            let names: Vec<_> = upgraded(vec![tensor(name, &[1], 0.0)]).into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, upgraded_name.into_iter().collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn an_output_projection_is_the_decoders_table_or_one_of_its_own() {
        let with = |first| {
            let named = upgraded(vec![tensor(DECODER_TABLE, &[2, 1], 0.0), tensor(OUTPUT_PROJECTION, &[2, 1], first)]);
            named.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(with(0.0), [DECODER_TABLE]);
        assert_eq!(with(1.0), ["decoder.embed_out", DECODER_TABLE]);
    }

    #[test]
    fn incomplete_and_doubled_projections_are_named() {
        let attention = "encoder.layers.0.self_attn.";
        let mut without = apart(attention);
        without.remove(3);
        let mut twice = apart(attention);
        twice.push(tensor(&format!("{attention}in_proj_bias"), &[3], 0.0));
        let mut scalar = apart(attention);
        scalar[5] = tensor("encoder.layers.0.self_attn.v_proj.bias", &[], 0.0);
        let mut wide = apart(attention);
        wide[2] = tensor(&format!("{attention}k_proj.weight"), &[1, 3], 0.0);
        for (tensors, message) in [
            (without, "`encoder.layers.0.self_attn.k_proj.bias` is missing"),
            (twice, "in_proj_bias` is there twice"),
            (scalar, "`encoder.layers.0.self_attn.v_proj.bias` has the shape []"),
            (wide, "`encoder.layers.0.self_attn.`: projections of the shapes [1, 2] and [1, 3]"),
        ] {
            let error = upgrade(tensors).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
