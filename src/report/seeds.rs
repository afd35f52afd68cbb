//! What runs with several seeds have found together.

use super::reading::Reading;
use super::results::{Reference, Results, TestedModel};
use serde::Serialize;
use std::collections::BTreeMap;

/// The results of a run with several seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Repeated {
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Of the rows that all seeds have, each figure that all have.
    pub rows: Vec<RepeatedRow>,
    /// The same of the readings of a ladder.
    pub readings: Vec<RepeatedRow>,
    /// The results with each seed.
    pub results: Vec<Results>,
}

/// The figures of one model, or of one reading, over all seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RepeatedRow {
    /// The row's name.
    pub name: String,
    /// Its figures, by their names.
    pub figures: BTreeMap<&'static str, Figure>,
}

/// A figure over several seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
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

impl Repeated {
    /// Those of `results`, one for each of `seeds`.
    pub fn of(seeds: Vec<u64>, results: Vec<Results>) -> Self {
        let rows = |results: &Results| {
            let kinds = || MODELS.into_iter().flatten();
            let figures = |row: &TestedModel| kinds().map(|kind| (kind.key, (kind.of)(row))).collect();
            results.rows.iter().map(|row| (row.name.clone(), figures(row))).collect()
        };
        let readings = |results: &Results| {
            let figures = |row: &Reading| READINGS.iter().map(|kind| (kind.key, (kind.of)(row))).collect();
            results.readings.iter().map(|row| (row.search.clone(), figures(row))).collect()
        };
        let all = |of: &dyn Fn(&Results) -> Vec<Named>| repeated(&results.iter().map(of).collect::<Vec<_>>());
        Self { seeds, rows: all(&rows), readings: all(&readings), results }
    }
}

/// A row's name and figures with one seed.
type Named = (String, Vec<(&'static str, Option<f64>)>);

/// What all of `seeds` have.
fn repeated(seeds: &[Vec<Named>]) -> Vec<RepeatedRow> {
    let Some((first, _)) = seeds.split_first() else { return Vec::new() };
    let rows = first.iter().filter_map(|(name, figures)| {
        let of_seed =
            |rows: &Vec<Named>| rows.iter().find(|(other, _)| other == name).map(|(_, figures)| figures.clone());
        let of_seeds: Vec<_> = seeds.iter().map(of_seed).collect::<Option<_>>()?;
        let figures = figures.iter().enumerate().filter_map(|(place, (figure, _))| {
            let values: Vec<f64> = of_seeds.iter().map(|figures| figures[place].1).collect::<Option<_>>()?;
            Some((*figure, Figure::of(&values)?))
        });
        Some(RepeatedRow { name: name.clone(), figures: figures.collect() })
    });
    rows.collect()
}

/// A figure that rows of `T` have, and how it is shown.
pub(super) struct Kind<T> {
    pub key: &'static str,
    pub heading: &'static str,
    pub decimals: usize,
    pub of: fn(&T) -> Option<f64>,
}

impl<T> Kind<T> {
    const fn new(key: &'static str, heading: &'static str, decimals: usize, of: fn(&T) -> Option<f64>) -> Self {
        Self { key, heading, decimals, of }
    }
}

/// The figures of a model: what `automoe run` shows in its first table, and in its second.
pub(super) const MODELS: [&[Kind<TestedModel>]; 2] = [
    &[
        Kind::new("bleu", "BLEU", 2, |row| row.bleu),
        Kind::new("chrf", "chrF", 2, |row| row.chrf),
        Kind::new("gflops", "GFLOPs", 4, |row| row.gflops),
        Kind::new("parameters_m", "parameters M", 3, TestedModel::parameters_m),
        Kind::new("active_parameters_m", "active M", 3, TestedModel::active_parameters_m),
        Kind::new("sparsity_percent", "sparsity %", 1, TestedModel::sparsity_percent),
        Kind::new("latency_ms", "latency ms", 2, |row| row.latency.map(|latency| latency.total_ms())),
    ],
    &[
        Kind::new("validation_loss", "valid. loss", 3, |row| row.validation_loss),
        Kind::new("training_tflops", "trained TFLOPs", 0, TestedModel::training_tflops),
        Kind::new("training_hours", "trained h", 2, |row| row.training.map(|spent| spent.hours)),
        Kind::new("gflops_of_dense", "GFLOPs / dense", 3, |row| Some(row.beside(Reference::Dense)?.gflops)),
        Kind::new("bleu_over_dense", "BLEU - dense", 2, |row| Some(row.beside(Reference::Dense)?.bleu)),
        Kind::new("gflops_of_dense_search", "GFLOPs / dense search", 3, |row| {
            Some(row.beside(Reference::DenseSearch)?.gflops)
        }),
        Kind::new("bleu_over_dense_search", "BLEU - dense search", 2, |row| {
            Some(row.beside(Reference::DenseSearch)?.bleu)
        }),
    ],
];

/// Those of a reading.
pub(super) const READINGS: &[Kind<Reading>] = &[
    Kind::new("loss", "valid. loss", 3, |reading| Some(reading.loss)),
    Kind::new("gflops", "GFLOPs there", 4, |reading| reading.gflops),
    Kind::new("gflops_of_dense", "of dense", 3, |reading| reading.of_dense),
    Kind::new("gflops_of_dense_search", "of dense search", 3, |reading| reading.of_dense_search),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn results(text: &str) -> Results {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn figures_that_all_seeds_have_get_mean_and_deviation() {
        let one = r#"{"rows": [{"name": "a", "bleu": 30.0, "gflops": 0.5}, {"name": "b", "bleu": 1.0}]}"#;
        let other = r#"{"rows": [{"name": "c", "bleu": 1.0}, {"name": "a", "bleu": 32.0}]}"#;
        let repeated = Repeated::of(vec![1, 2], vec![results(one), results(other)]);
        assert_eq!(repeated.rows.len(), 1);
        let row = &repeated.rows[0];
        assert_eq!((row.name.as_str(), row.figures.len()), ("a", 1));
        assert_eq!(row.figures["bleu"], Figure { mean: 31.0, deviation: Some(2.0_f64.sqrt()) });
        let alone = Repeated::of(vec![1], vec![results(one)]);
        assert_eq!(alone.rows[0].figures["gflops"], Figure { mean: 0.5, deviation: None });
    }
}
