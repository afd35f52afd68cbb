//! Cross-attention's projections, which the reference and we divide differently; see [`super::names`].

use super::NamedTensor;
use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// Tensors by name (or by part of a module).
pub(super) type ByName = BTreeMap<String, NamedTensor>;

/// The reference's cross-attention projections of one layer as ours.
pub(super) fn split_cross_attention(layer: &str, mut parts: ByName) -> Result<[NamedTensor; 4]> {
    let place = format!("{layer}encoder_attn.");
    let bias = take(&mut parts, &place, "in_proj_bias", 1)?;
    let (query, key_value) = if parts.contains_key("in_proj_weight") {
        let joined = take(&mut parts, &place, "in_proj_weight", 2)?;
        split_rows(&place, joined)?
    } else {
        let query = take(&mut parts, &place, "q_proj_weight", 2)?;
        let key = take(&mut parts, &place, "k_proj_weight", 2)?;
        let value = take(&mut parts, &place, "v_proj_weight", 2)?;
        let rows = [&query, &key, &value].map(|part| part.shape[0]);
        if rows != [query.shape[0]; 3] {
            return Err(Error::input(format!("`{place}`: its projections have {rows:?} rows")));
        }
        (query, join_rows(&place, key, value)?)
    };
    none_left(&place, parts)?;
    if bias.shape[0] != query.shape[0] + key_value.shape[0] {
        return Err(Error::input(format!(
            "`{place}in_proj_bias` has {} values where the weights have {} rows",
            bias.shape[0],
            query.shape[0] + key_value.shape[0]
        )));
    }
    let (query_bias, key_value_bias) = split_rows(&place, bias)?;
    let named = |name: &str, tensor: NamedTensor| NamedTensor { name: format!("{layer}cross_attn.{name}"), ..tensor };
    Ok([
        named("q_proj.weight", query),
        named("q_proj.bias", query_bias),
        named("kv_proj.weight", key_value),
        named("kv_proj.bias", key_value_bias),
    ])
}

/// Our cross-attention projections of one layer as the reference's.
pub(super) fn join_cross_attention(layer: &str, mut parts: ByName, separate: bool) -> Result<Vec<NamedTensor>> {
    let place = format!("{layer}cross_attn.");
    let query = take(&mut parts, &place, "q_proj.weight", 2)?;
    let query_bias = take(&mut parts, &place, "q_proj.bias", 1)?;
    let key_value = take(&mut parts, &place, "kv_proj.weight", 2)?;
    let key_value_bias = take(&mut parts, &place, "kv_proj.bias", 1)?;
    none_left(&place, parts)?;
    let rows = [&query, &query_bias, &key_value, &key_value_bias].map(|part| part.shape[0]);
    let width = query.shape[0];
    if rows != [width, width, 2 * width, 2 * width] {
        return Err(Error::input(format!("`{place}`: its projections have {rows:?} rows")));
    }
    let named = |name: &str, tensor: NamedTensor| NamedTensor { name: format!("{layer}encoder_attn.{name}"), ..tensor };
    let bias = named("in_proj_bias", join_rows(&place, query_bias, key_value_bias)?);
    if separate || query.shape[1] != key_value.shape[1] {
        let (key, value) = cut_rows(key_value, width);
        Ok(vec![named("q_proj_weight", query), named("k_proj_weight", key), named("v_proj_weight", value), bias])
    } else {
        Ok(vec![named("in_proj_weight", join_rows(&place, query, key_value)?), bias])
    }
}

/// Takes the part `name`, which must be there and have `dimensions` dimensions.
pub(super) fn take(parts: &mut ByName, place: &str, name: &str, dimensions: usize) -> Result<NamedTensor> {
    let part = parts.remove(name);
    let part = part.ok_or_else(|| Error::input(format!("`{place}{name}` is missing")))?;
    let elements = part.shape.iter().try_fold(1usize, |count, size| count.checked_mul(*size));
    if part.shape.len() != dimensions || elements != Some(part.data.len()) || part.data.is_empty() {
        return Err(Error::input(format!(
            "`{place}{name}` has the shape {:?} where {dimensions} dimension(s), none of them 0, were expected",
            part.shape
        )));
    }
    Ok(part)
}

fn none_left(place: &str, parts: ByName) -> Result<()> {
    match parts.into_keys().next() {
        Some(name) => Err(Error::input(format!("`{place}{name}` is not expected here"))),
        None => Ok(()),
    }
}

/// The first third of the rows, and the rest.
fn split_rows(place: &str, tensor: NamedTensor) -> Result<(NamedTensor, NamedTensor)> {
    match tensor.shape[0] {
        rows if rows % 3 == 0 => Ok(cut_rows(tensor, rows / 3)),
        rows => Err(Error::input(format!("`{place}`: its {rows} rows do not split into query, key and value"))),
    }
}

/// The first `rows` rows, and the rest.
fn cut_rows(mut tensor: NamedTensor, rows: usize) -> (NamedTensor, NamedTensor) {
    let width: usize = tensor.shape[1..].iter().product();
    let data = tensor.data.split_off(rows * width);
    let mut rest = NamedTensor { name: tensor.name.clone(), shape: tensor.shape.clone(), data };
    rest.shape[0] -= rows;
    tensor.shape[0] = rows;
    (tensor, rest)
}

/// The rows of both, one above the other.
pub(super) fn join_rows(place: &str, mut first: NamedTensor, second: NamedTensor) -> Result<NamedTensor> {
    if first.shape[1..] != second.shape[1..] {
        return Err(Error::input(format!(
            "`{place}`: projections of the shapes {:?} and {:?} do not go together",
            first.shape, second.shape
        )));
    }
    first.shape[0] += second.shape[0];
    first.data.extend(second.data);
    Ok(first)
}
