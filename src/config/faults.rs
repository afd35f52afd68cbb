//! What is wrong with settings, gathered while they are checked.

use std::fmt::Display;

/// The most of whatever is counted in thousands at best: pairs, subwords, candidates.
pub(super) const MANY: usize = 10_000_000;

/// The faults while they are gathered.
#[derive(Default)]
pub(super) struct Faults {
    pub lines: Vec<String>,
}

impl Faults {
    /// Adds `message` about `key` unless `is_right`.
    pub fn need(&mut self, is_right: bool, key: &str, message: impl Display) {
        if !is_right {
            self.lines.push(format!("{key}: {message}"));
        }
    }

    /// From `least` to `most`, both included.
    pub fn range(&mut self, key: &str, value: usize, least: usize, most: usize) {
        let is_right = (least..=most).contains(&value);
        self.need(is_right, key, format!("{value} is not between {least} and {most}"));
    }

    /// At least 0, less than 1.
    pub fn rate(&mut self, key: &str, value: f64) {
        let is_right = (0.0..1.0).contains(&value);
        self.need(is_right, key, format!("{value} is not 0 or more and less than 1"));
    }

    /// Finite, and 0 or more.
    pub fn non_negative(&mut self, key: &str, value: f64) {
        self.finite(key, value, value >= 0.0, "0 or more");
    }

    /// Finite, and more than 0.
    pub fn positive(&mut self, key: &str, value: f64) {
        self.finite(key, value, value > 0.0, "more than 0");
    }

    /// Finite, and right, which `expected` says.
    pub fn finite(&mut self, key: &str, value: f64, is_right: bool, expected: &str) {
        let expected = if value.is_finite() { expected } else { "a finite number" };
        self.need(value.is_finite() && is_right, key, format!("{value} is not {expected}"));
    }
}
