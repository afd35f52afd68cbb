//! Measured architectures and how their rows are split: the first 80 % train, the next 10 % choose and calibrate, the last 10 %
//! test.

use super::averages::Averages;
use super::conditions::Conditions;
use super::features::{FeatureSet, Features};
use crate::error::{Error, Result};

/// The fewest rows that can be split into three.
pub const FEWEST_ROWS: usize = 30;

/// Measured architectures, in the order in which they were measured.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredRows {
    /// What the file tells about each architecture.
    pub feature_set: FeatureSet,
    /// One a row.
    pub samples: Vec<Sample>,
    /// What all rows were measured with, where the file tells.
    pub conditions: Option<Conditions>,
}

/// One measured architecture.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What predictions are made from.
    pub features: Features,
    /// The averages that imported predictors see.
    pub averages: Averages,
    /// Mean milliseconds of an encoder pass.
    pub encoder_ms: f64,
    /// Mean milliseconds of a decode.
    pub decoder_ms: f64,
}

impl Sample {
    /// Encoder and decoder together, milliseconds.
    pub fn total_ms(&self) -> f64 {
        self.encoder_ms + self.decoder_ms
    }
}

impl MeasuredRows {
    /// The rows that choose and calibrate: the second last tenth.
    pub fn validation(&self) -> &[Sample] {
        self.split()[1]
    }

    /// The rows that train, validate and test: the first 80 %, the next 10 %, the last 10 %.
    pub(in crate::latency) fn split(&self) -> [&[Sample]; 3] {
        let rows = self.samples.len();
        let (fitted, test) = self.samples.split_at(rows * 9 / 10);
        let (train, validation) = fitted.split_at(rows * 8 / 10);
        [train, validation, test]
    }

    /// Checks that the rows can be split into three.
    ///
    /// # Errors
    /// Fewer than [`FEWEST_ROWS`] rows.
    pub fn check_rows(&self) -> Result<()> {
        match self.samples.len() {
            rows if rows < FEWEST_ROWS => Err(Error::input(format!(
                "{rows} rows are too few: at least {FEWEST_ROWS} are needed (80 % train, 10 % validation, 10 % test)"
            ))),
            _ => Ok(()),
        }
    }
}
