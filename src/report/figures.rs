//! The figures of models and readings: where each is found, and how it is shown.

use super::reading::{Quality, Reading};
use super::results::{Reference, TestedModel};
use super::table::{Column, Rounding};

/// A figure that rows of `T` have, and how it is shown.
pub(super) struct FigureColumn<T> {
    pub column: Column,
    pub of: fn(&T) -> Option<f64>,
    /// Whether it is a bound, and no figure to be averaged, where the row is one.
    pub is_bounded: bool,
}

impl<T> FigureColumn<T> {
    const fn new(key: &'static str, heading: &'static str, decimals: usize, of: fn(&T) -> Option<f64>) -> Self {
        Self { column: Column::new(key, heading, decimals), of, is_bounded: false }
    }

    /// One of figures that may be of any size.
    const fn of_any_size(key: &'static str, heading: &'static str, of: fn(&T) -> Option<f64>) -> Self {
        Self { column: Column { key, heading, rounding: Rounding::ThreeDigits }, of, is_bounded: false }
    }

    /// One of FLOPs, which are rounded as everywhere else.
    const fn of_flops(key: &'static str, heading: &'static str, of: fn(&T) -> Option<f64>) -> Self {
        Self { column: Column { key, heading, rounding: Rounding::Digits(4) }, of, is_bounded: false }
    }

    /// One of differences.
    const fn signed(key: &'static str, heading: &'static str, decimals: usize, of: fn(&T) -> Option<f64>) -> Self {
        Self { column: Column::signed(key, heading, decimals), of, is_bounded: false }
    }

    const fn bounded(self) -> Self {
        Self { is_bounded: true, ..self }
    }
}

/// What a model is.
pub(super) const MODEL: &[FigureColumn<TestedModel>] = &[
    FigureColumn::new("bleu", "BLEU", 2, |row| row.bleu),
    FigureColumn::new("chrf", "chrF", 2, |row| row.chrf),
    FigureColumn::of_flops("gflops", "GFLOPs", |row| row.gflops),
    FigureColumn::new("parameters_m", "parameters M", 3, TestedModel::parameters_m),
    FigureColumn::new("active_parameters_m", "active M", 3, TestedModel::active_parameters_m),
    FigureColumn::new("sparsity_percent", "sparsity %", 1, TestedModel::sparsity_percent),
    FigureColumn::of_any_size("latency_ms", "latency ms", |row| row.latency.map(|latency| latency.total_ms())),
];

/// What its training took, and came to.
pub(super) const TRAINING: &[FigureColumn<TestedModel>] = &[
    FigureColumn::new(Quality::Loss.key(), "valid. loss", 3, |row| row.validation_loss),
    FigureColumn::new(Quality::Bleu.key(), "valid. BLEU", 2, |row| row.validation_bleu),
    FigureColumn::of_any_size("training_tflops", "trained TFLOPs", TestedModel::training_tflops),
    FigureColumn::of_any_size("training_hours", "trained h", |row| row.training.map(|spent| spent.hours)),
];

/// How it compares with the first dense model made by hand …
pub(super) const BESIDE_DENSE: &[FigureColumn<TestedModel>] = &[
    FigureColumn::new("gflops_of_dense", "GFLOPs / dense", 3, |row| Some(row.beside(Reference::Dense)?.gflops)),
    FigureColumn::signed("bleu_over_dense", "BLEU - dense", 2, |row| Some(row.beside(Reference::Dense)?.bleu)),
];

/// … and with what the first dense search found.
pub(super) const BESIDE_DENSE_SEARCH: &[FigureColumn<TestedModel>] = &[
    FigureColumn::new("gflops_of_dense_search", "GFLOPs / dense search", 3, |row| {
        Some(row.beside(Reference::DenseSearch)?.gflops)
    }),
    FigureColumn::signed("bleu_over_dense_search", "BLEU - dense search", 2, |row| {
        Some(row.beside(Reference::DenseSearch)?.bleu)
    }),
];

/// Those of a reading by this quality.
pub(super) fn of_reading(quality: Quality) -> [&'static [FigureColumn<Reading>]; 2] {
    let at = match quality {
        Quality::Loss => AT_LOSS,
        Quality::Bleu => AT_BLEU,
    };
    [at, READING]
}

const AT_LOSS: &[FigureColumn<Reading>] =
    &[FigureColumn::new(Quality::Loss.key(), "valid. loss", 3, |reading| Some(reading.at))];

const AT_BLEU: &[FigureColumn<Reading>] =
    &[FigureColumn::new(Quality::Bleu.key(), "valid. BLEU", 2, |reading| Some(reading.at))];

const READING: &[FigureColumn<Reading>] = &[
    FigureColumn::of_flops("gflops", "GFLOPs there", |reading: &Reading| reading.gflops).bounded(),
    FigureColumn::new("gflops_of_dense", "of dense", 3, |reading: &Reading| reading.of_dense).bounded(),
    FigureColumn::new("gflops_of_dense_search", "of dense search", 3, |reading: &Reading| reading.of_dense_search)
        .bounded(),
];
