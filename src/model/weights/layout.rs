//! Experts as graphics devices hold them: the parameters of a layer's experts grouped, one above the other, so that cutting,
//! products and the optimizer take one launch for all of them. Checkpoints and everything outside know experts one by one,
//! by name.

use super::value::{Value, Values};
use crate::kernels::Division;
use burn::tensor::Device;
use std::collections::BTreeMap;

/// Names and shapes of parameters.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// Numbers in all of them.
pub fn elements(shapes: &Shapes) -> usize {
    shapes.values().map(|shape| shape.iter().product::<usize>()).sum()
}

/// The group that holds the parameter `name` and its expert: `….moe.experts.3.fc1.weight` is the third of
/// `….moe.grouped.fc1.weight`, counted from 0. `None` for parameters that are not an expert's.
pub fn place(name: &str) -> Option<(String, usize)> {
    let start = name.find("experts.").filter(|&start| start == 0 || name[..start].ends_with('.'))?;
    let (expert, parameter) = name[start + "experts.".len()..].split_once('.')?;
    Some((format!("{}grouped.{parameter}", &name[..start]), expert.parse().ok()?))
}

/// Whether a parameter as the device holds it is a group.
pub fn is_group(name: &str) -> bool {
    name.split('.').any(|part| part == "grouped")
}

/// The parameters `named`, experts' in their groups; `shapes` are those of the result. Elements of a group that no expert has
/// are 0, and so are all of the group of a layer that has identity experts only.
pub(super) fn group(named: Values, shapes: &Shapes, device: &Device) -> Values {
    let mut stored = Values::new();
    for (name, value) in named {
        match place(&name) {
            Some((group, expert)) if shapes.contains_key(&group) => {
                let whole = stored.remove(&group).unwrap_or_else(|| Value::zeros(&shapes[&group], device));
                stored.insert(group, whole.with_member(expert, &value));
            }
            _ => {
                stored.insert(name, value);
            }
        }
    }
    for (name, shape) in shapes.iter().filter(|(name, _)| is_group(name)) {
        stored.entry(name.clone()).or_insert_with(|| Value::zeros(shape, device));
    }
    stored
}

/// Where the parameter `name` is held among `stored`: under which name, and which of its members it is, 0 of what is no group.
pub fn held<T>(name: &str, stored: &BTreeMap<String, T>) -> (String, usize) {
    match place(name) {
        Some((group, expert)) if !stored.contains_key(name) => (group, expert),
        _ => (name.to_owned(), 0),
    }
}

/// How `value`, the parameter `name` as the device holds it, is divided.
pub fn division(name: &str, value: &Value) -> Division {
    match (&value.shape()[..], is_group(name)) {
        (&[members, rows, columns], _) => [members, rows, columns],
        (&[members, columns], true) => [members, 1, columns],
        (&[rows, columns], false) => [1, rows, columns],
        (&[columns], _) => [1, 1, columns],
        _ => unreachable!("parameters have one to three dimensions"),
    }
}

/// The parameters of `shapes` one by one, those that `stored` has; the inverse of `group`.
pub fn ungroup(stored: &Values, shapes: &Shapes) -> Values {
    let value = |name: &String, shape: &Vec<usize>| {
        let value = match (stored.get(name), place(name)) {
            (Some(value), _) => value.clone(),
            (None, Some((group, expert))) => stored.get(&group)?.member(expert, shape),
            (None, None) => return None,
        };
        Some((name.clone(), value))
    };
    shapes.iter().filter_map(|(name, shape)| value(name, shape)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn experts_of_unequal_sizes_are_grouped_and_come_back() {
        let device = Device::flex();
        let value = |shape: &[usize], first: f32| {
            let count: usize = shape.iter().product();
            Value::from_vec((0..count).map(|i| first + i as f32).collect(), shape, &device)
        };
        let named: Values = [
            ("a.moe.experts.0.fc1.bias", value(&[2], 1.0)),
            ("a.moe.experts.0.fc1.weight", value(&[2, 2], 1.0)),
            ("a.moe.experts.2.fc1.bias", value(&[3], 5.0)),
            ("a.moe.experts.2.fc1.weight", value(&[3, 2], 5.0)),
            ("a.moe.router.bias", value(&[3], 9.0)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let shapes = [("a.moe.grouped.fc1.weight", vec![3, 3, 2]), ("a.moe.grouped.fc1.bias", vec![3, 3])];
        let shapes: Shapes = shapes.map(|(name, shape)| (name.to_owned(), shape)).into();
        let stored = group(named.clone(), &shapes, &device);
        assert_eq!(stored["a.moe.grouped.fc1.bias"].to_vec(), [1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 5.0, 6.0, 7.0]);
        assert_eq!(stored["a.moe.grouped.fc1.weight"].shape(), [3, 3, 2]);
        assert_eq!(stored["a.moe.grouped.fc1.weight"].to_vec()[..6], [1.0, 2.0, 3.0, 4.0, 0.0, 0.0]);
        assert_eq!(stored.len(), 3);
        let shapes: Shapes = named.iter().map(|(name, value)| (name.clone(), value.shape())).collect();
        let elements = |values: Values| -> Vec<_> {
            values.into_iter().map(|(name, value)| (name, value.shape(), value.to_vec())).collect()
        };
        assert_eq!(elements(ungroup(&stored, &shapes)), elements(named));
    }

    #[test]
    fn parts_of_groups_are_added_where_they_stand() {
        let ones = |shape: &[usize]| Value::from_vec(vec![1.0; shape.iter().product()], shape, &Device::flex());
        let sum = ones(&[1, 3, 1]).plus(ones(&[2, 2, 2]));
        assert_eq!(sum.shape(), [2, 3, 2]);
        assert_eq!(sum.to_vec(), [2.0, 1.0, 2.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
        let sum = ones(&[2]).plus(ones(&[3]));
        assert_eq!((sum.shape(), sum.to_vec()), (vec![3], vec![2.0, 2.0, 1.0]));
    }

    #[test]
    fn a_cut_group_has_the_leading_part_of_each_expert() {
        let whole = Value::from_vec((0..12).map(|i| i as f32).collect(), &[2, 3, 2], &Device::flex());
        let part = whole.leading(&[2, 2, 1]);
        assert_eq!((part.shape(), part.to_vec()), (vec![2, 2, 1], vec![0.0, 2.0, 6.0, 8.0]));
        assert_eq!(whole.leading(&[1, 3, 2]).to_vec(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    }
}
