//! Figures over several seeds: mean and deviation.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The figures of one model, or of one reading, over all seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RepeatedRow {
    /// The row's name.
    pub name: String,
    /// Its figures, by their names.
    pub figures: BTreeMap<String, Figure>,
}

/// A figure over several seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The mean.
    pub mean: f64,
    /// The standard deviation of a single seed, estimated from these (divided by their number less one); none of one alone.
    pub deviation: Option<f64>,
}

impl Figure {
    /// That of these values; none where there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
        (!values.is_empty()).then_some(Self { mean, deviation })
    }
}

/// A row's name and figures with one seed.
pub(super) type Named = (String, Vec<(&'static str, Option<f64>)>);

/// What all of `seeds` have.
pub(super) fn repeated(seeds: &[Vec<Named>]) -> Vec<RepeatedRow> {
    let Some((first, _)) = seeds.split_first() else { return Vec::new() };
    let rows = first.iter().filter_map(|(name, figures)| {
        let of_seed =
            |rows: &Vec<Named>| rows.iter().find(|(other, _)| other == name).map(|(_, figures)| figures.clone());
        let of_seeds: Vec<_> = seeds.iter().map(of_seed).collect::<Option<_>>()?;
        let figures = figures.iter().enumerate().filter_map(|(place, (figure, _))| {
            let values: Vec<f64> = of_seeds.iter().map(|figures| figures[place].1).collect::<Option<_>>()?;
            Some(((*figure).to_owned(), Figure::of(&values)?))
        });
        Some(RepeatedRow { name: name.clone(), figures: figures.collect() })
    });
    rows.collect()
}
