//! Readings of curves that go through the means over several seeds.

use super::reading::{Curve, Quality, Reading};
use super::repeated_rows::RepeatedRow;
use super::results::{Reference, Results, parted};
use super::results_table::compared;

/// Reads the searches of `first`, the results with one of the seeds, off the means in `rows`. A single seed's reading varies with the
/// dense model as well as with the search's, and is missing where the dense model happens to be better than all of them.
pub(super) fn readings_of_means(first: &Results, rows: &[RepeatedRow]) -> Vec<Reading> {
    let by_hand = compared(first, Reference::Dense);
    let dense_search = compared(first, Reference::DenseSearch).map(|name| parted(name).0);
    let by = |quality: Quality| {
        let point = |row: &RepeatedRow| Some((row.figures.get("gflops")?.mean, row.figures.get(quality.key())?.mean));
        let dense = rows.iter().find(|row| Some(row.name.as_str()) == by_hand).and_then(point);
        let searches = first.readings.iter().filter(|reading| reading.quality == quality);
        let curve = |reading: &Reading| Curve {
            search: reading.search.clone(),
            points: rows.iter().filter(|row| parted(&row.name).0 == reading.search).filter_map(point).collect(),
        };
        let curves: Vec<Curve> = searches.map(curve).collect();
        dense.map_or_else(Vec::new, |dense| Reading::of_curves(quality, dense, dense_search, &curves))
    };
    Quality::ALL.into_iter().flat_map(by).collect()
}
