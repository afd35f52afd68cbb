//! What runs with several seeds have found together.

use super::figures::{BESIDE_DENSE, BESIDE_DENSE_SEARCH, FigureColumn, MODEL, READING, TRAINING};
use super::reading::Reading;
use super::results::{Results, TestedModel};
use crate::checksum;
use crate::error::Result;
use crate::run::directory::SEEDS;
use crate::run::{Request, atomic};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The results of a run with several seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

impl Repeated {
    /// Those of `results`, one for each of `seeds`.
    pub fn of(seeds: Vec<u64>, results: Vec<Results>) -> Self {
        let rows = |results: &Results| {
            let kinds = || [MODEL, TRAINING, BESIDE_DENSE, BESIDE_DENSE_SEARCH].into_iter().flatten();
            let figures = |row: &TestedModel| kinds().map(|kind| (kind.column.key, (kind.of)(row))).collect();
            results.rows.iter().map(|row| (row.name.clone(), figures(row))).collect()
        };
        let readings = |results: &Results| {
            // FLOPs that are a bound alone are no figure to be averaged.
            let of = |row: &Reading, kind: &FigureColumn<Reading>| {
                (kind.of)(row).filter(|_| !row.is_bound || !kind.is_bounded)
            };
            let figures = |row: &Reading| READING.iter().map(|kind| (kind.column.key, of(row, kind))).collect();
            results.readings.iter().map(|row| (row.search.clone(), figures(row))).collect()
        };
        let all = |of: &dyn Fn(&Results) -> Vec<Named>| repeated(&results.iter().map(of).collect::<Vec<_>>());
        Self { seeds, rows: all(&rows), readings: all(&readings), results }
    }

    /// Reads those of the run in `folder`, of which that was asked. None where it was one seed alone, or not all seeds are done: what
    /// is there then may be of other settings.
    ///
    /// # Errors
    /// A file that cannot be read, or is damaged.
    pub fn of_run(folder: &Path, request: Option<&Request>) -> Result<Option<Self>> {
        match request.is_some_and(Request::has_all_seeds) {
            true => Self::read(&folder.join(SEEDS)),
            false => Ok(None),
        }
    }

    /// Reads them at `path`; none when there is no such file.
    fn read(path: &Path) -> Result<Option<Self>> {
        let Some(text) = atomic::read(path)? else { return Ok(None) };
        let read = checksum::from_text(&text, "what several seeds have found", "automoe run --seeds writes it anew");
        read.map(Some).map_err(|error| error.at(path.display()))
    }

    /// Writes them to `path`, whole or not at all.
    ///
    /// # Errors
    /// A path that cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        atomic::write(path, checksum::to_text(self)?.as_bytes())
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
            Some(((*figure).to_owned(), Figure::of(&values)?))
        });
        Some(RepeatedRow { name: name.clone(), figures: figures.collect() })
    });
    rows.collect()
}

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
