//! What runs with several seeds have found together.

use super::figures::{BESIDE_DENSE, BESIDE_DENSE_SEARCH, FigureColumn, MODEL, TRAINING, of_reading};
use super::mean_readings::readings_of_means;
use super::reading::{Quality, Reading};
use super::repeated_rows::{Named, RepeatedRow, repeated};
use super::results::{Results, TestedModel};
use crate::checksum;
use crate::error::Result;
use crate::run::directory::SEEDS;
use crate::run::{Request, atomic};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The results of a run with several seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repeated {
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Of the rows that all seeds have, each figure that all have.
    pub rows: Vec<RepeatedRow>,
    /// The same of the readings of a ladder by the validation loss.
    pub readings: Vec<RepeatedRow>,
    /// And by BLEU on the validation set.
    #[serde(default)]
    pub bleu_readings: Vec<RepeatedRow>,
    /// What is read off the means: of each model, FLOPs and quality over all seeds.
    #[serde(default)]
    pub readings_of_means: Vec<Reading>,
    /// The results with each seed.
    pub results: Vec<Results>,
}

impl Repeated {
    /// Those of `results`, one for each of `seeds`.
    pub fn of(seeds: Vec<u64>, results: Vec<Results>) -> Self {
        let rows = |results: &Results| {
            let kinds = || [MODEL, TRAINING, BESIDE_DENSE, BESIDE_DENSE_SEARCH].into_iter().flatten();
            let figures = |row: &TestedModel| kinds().map(|kind| (kind.column.key, (kind.of)(row))).collect();
            results.rows.iter().map(|row| (row.name.clone(), figures(row))).collect()
        };
        let readings = |results: &Results, quality: Quality| {
            // FLOPs that are a bound alone are no figure to be averaged.
            let of = |row: &Reading, kind: &FigureColumn<Reading>| {
                (kind.of)(row).filter(|_| !row.is_bound || !kind.is_bounded)
            };
            let kinds = || of_reading(quality).into_iter().flatten();
            let figures = |row: &Reading| kinds().map(|kind| (kind.column.key, of(row, kind))).collect();
            let rows = results.readings.iter().filter(|row| row.quality == quality);
            rows.map(|row| (row.search.clone(), figures(row))).collect()
        };
        let all = |of: &dyn Fn(&Results) -> Vec<Named>| repeated(&results.iter().map(of).collect::<Vec<_>>());
        let rows = all(&rows);
        let [loss_readings, bleu_readings] = Quality::ALL.map(|quality| all(&|results| readings(results, quality)));
        let readings_of_means = results.first().map_or_else(Vec::new, |first| readings_of_means(first, &rows));
        Self { seeds, rows, readings: loss_readings, bleu_readings, readings_of_means, results }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Figure, seeds_tables};
    use serde_json::json;

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

    #[test]
    fn means_are_read_where_a_single_seed_has_no_reading() {
        let model = |name: &str, gflops: f64, bleu: f64, with: Option<[&str; 2]>| {
            let compared = with.map(|[reference, with]| {
                json!({"reference": reference, "with": with, "gflops": 1.0, "bleu": 0.0, "bleu_interval": [0.0, 0.0],
                    "p_value": 1.0})
            });
            json!({"name": name, "gflops": gflops, "validation_bleu": bleu, "compared": compared.as_slice()})
        };
        let seed = |dense: f64, small: f64, large: f64| -> Results {
            let reading = |search: &str| {
                json!({"search": search, "models": 2, "quality": "bleu", "at": dense, "gflops": null, "is_bound": false,
                    "of_dense": null, "of_dense_search": null})
            };
            let rows = [
                model("baseline", 8.0, dense, None),
                model("winner", 4.0, large, Some(["dense", "baseline"])),
                model("winner@gflops=1", 1.0, small, Some(["dense-search", "nas@gflops=1"])),
                model("nas", 4.0, 31.0, None),
                model("nas@gflops=1", 1.0, 29.0, None),
            ];
            serde_json::from_value(json!({"rows": rows, "readings": [reading("winner"), reading("nas")]})).unwrap()
        };
        // The mean curve goes from 30 to 32; the dense models have 31.
        let repeated = Repeated::of(vec![1, 2], vec![seed(30.0, 31.0, 32.5), seed(32.0, 29.0, 31.5)]);
        let [winner, nas] = &repeated.readings_of_means[..] else { panic!("{:?}", repeated.readings_of_means) };
        assert!((winner.gflops.unwrap() - 2.0).abs() < 1e-12 && (winner.of_dense.unwrap() - 0.25).abs() < 1e-12);
        assert!((winner.of_dense_search.unwrap() - 0.5).abs() < 1e-12 && nas.of_dense_search == Some(1.0));
        assert!(repeated.readings.is_empty());
        assert_eq!(repeated.bleu_readings[0].figures["validation_bleu"].mean, 31.0);
        let tables = seeds_tables(&repeated);
        let [.., by_seed, of_means] = &tables[..] else { panic!("{tables:?}") };
        assert!(by_seed.title.starts_with("FLOPs at the dense model's validation BLEU"), "{}", by_seed.title);
        assert!(
            of_means.title.starts_with("FLOPs at the mean of the dense model's validation BLEU"),
            "{}",
            of_means.title
        );
        assert_eq!(of_means.rows[1].cells[..3], ["nas".into(), 2.0.into(), 31.0.into()]);
    }
}
