//! What FLOPs a curve of models needs for the quality of another model.

use serde::{Deserialize, Serialize};

/// What says on the validation set how good a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quality {
    /// The loss, in bits per token.
    #[default]
    Loss,
    /// BLEU of the translations, for which the paper compares FLOPs.
    Bleu,
}

impl Quality {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Loss, Self::Bleu];

    /// In tables for other programs.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Loss => "validation_loss",
            Self::Bleu => "validation_bleu",
        }
    }

    /// In titles.
    pub fn title(self) -> &'static str {
        match self {
            Self::Loss => "validation loss",
            Self::Bleu => "validation BLEU",
        }
    }

    /// The value such that less is better.
    fn falling(self, value: f64) -> f64 {
        match self {
            Self::Loss => value,
            Self::Bleu => -value,
        }
    }
}

/// The models of one search, found under several limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The search: `winner`, or the name of a row of `[[compare]]`.
    pub search: String,
    /// FLOPs, 10⁹, and quality of each model.
    pub points: Vec<(f64, f64)>,
}

/// Where the models of one search, found under several limits, are as good as the dense model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The search: `winner`, or the name of a row of `[[compare]]`.
    pub search: String,
    /// Its models that were trained.
    pub models: usize,
    /// By what they are as good.
    #[serde(default)]
    pub quality: Quality,
    /// The quality that is read at: that of the first dense model made by hand.
    #[serde(alias = "loss")]
    pub at: f64,
    /// FLOPs at that quality, 10⁹; none where no model is as good.
    pub gflops: Option<f64>,
    /// Whether the smallest model is as good already, so that less than these FLOPs may do.
    pub is_bound: bool,
    /// These FLOPs as a fraction of the dense model's.
    pub of_dense: Option<f64>,
    /// And of those that the first dense search needs for that quality.
    pub of_dense_search: Option<f64>,
}

impl Reading {
    /// Reads each of `curves` at the quality of the model made by hand, whose FLOPs and quality `dense` has; `dense_search` is the
    /// name of the first of them that is over dense architectures alone.
    pub fn of_curves(quality: Quality, dense: (f64, f64), dense_search: Option<&str>, curves: &[Curve]) -> Vec<Self> {
        let (dense_gflops, at) = dense;
        let of = |curve: &Curve| {
            let points: Vec<(f64, f64)> =
                curve.points.iter().map(|(gflops, value)| (*gflops, quality.falling(*value))).collect();
            reached(&points, quality.falling(at))
        };
        let read: Vec<_> = curves.iter().map(of).collect();
        let of_dense_search = curves.iter().zip(&read).find(|(curve, _)| Some(curve.search.as_str()) == dense_search);
        // What may be less is nothing to divide by.
        let of_dense_search = of_dense_search.and_then(|(_, read)| *read).filter(|(_, is_bound)| !is_bound);
        let readings = curves.iter().zip(&read).map(|(curve, read)| {
            let gflops = read.map(|(gflops, _)| gflops);
            Self {
                search: curve.search.clone(),
                models: curve.points.len(),
                quality,
                at,
                gflops,
                is_bound: read.is_some_and(|(_, is_bound)| is_bound),
                of_dense: gflops.map(|gflops| gflops / dense_gflops),
                of_dense_search: gflops.zip(of_dense_search).map(|(gflops, (other, _))| gflops / other),
            }
        });
        readings.collect()
    }
}

/// The least FLOPs at which the polygon through `points` (FLOPs and loss of each model) comes down to `loss`, and whether that is its
/// beginning. Between two models the loss is taken to be linear in the logarithm of FLOPs. `None` where it does not come down so far.
fn reached(points: &[(f64, f64)], loss: f64) -> Option<(f64, bool)> {
    let mut points = points.to_vec();
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let place = points.iter().position(|point| point.1 <= loss)?;
    let (gflops, reached) = points[place];
    let Some(&(below, above_loss)) = place.checked_sub(1).map(|before| &points[before]) else {
        return Some((gflops, true));
    };
    let share = (above_loss - loss) / (above_loss - reached);
    Some(((below.ln() + share * (gflops.ln() - below.ln())).exp(), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flops_are_read_between_two_models() {
        let points = [(4.0, 2.0), (1.0, 4.0), (16.0, 1.5)];
        let (gflops, is_bound) = reached(&points, 3.0).unwrap();
        // Half of the way from 1 to 4 in logarithms.
        assert!((gflops - 2.0).abs() < 1e-12 && !is_bound);
        assert_eq!(reached(&points, 2.0), Some((4.0, false)));
        assert_eq!(reached(&points, 5.0), Some((1.0, true)));
        assert_eq!(reached(&points, 1.0), None);
        assert_eq!(reached(&[], 1.0), None);
        // The first model that is as good counts, whatever a larger one does.
        assert_eq!(reached(&[(1.0, 3.0), (2.0, 2.0), (4.0, 2.5)], 2.0).unwrap().0, 2.0);
        // Two of the same FLOPs.
        assert_eq!(reached(&[(1.0, 3.0), (1.0, 2.0)], 2.5).unwrap(), (1.0, true));
    }

    #[test]
    fn bleu_rises_where_loss_falls() {
        let curve = |search: &str, points: [(f64, f64); 2]| Curve { search: search.into(), points: points.into() };
        let curves = [curve("winner", [(1.0, 30.0), (4.0, 32.0)]), curve("nas", [(1.0, 29.0), (4.0, 31.0)])];
        let read = Reading::of_curves(Quality::Bleu, (8.0, 31.0), Some("nas"), &curves);
        assert!((read[0].gflops.unwrap() - 2.0).abs() < 1e-12 && !read[0].is_bound && read[0].at == 31.0);
        assert!((read[0].of_dense.unwrap() - 0.25).abs() < 1e-12);
        assert_eq!((read[1].gflops, read[1].of_dense_search), (Some(4.0), Some(1.0)));
        assert!((read[0].of_dense_search.unwrap() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn readings_of_earlier_versions_are_of_the_loss() {
        let text = r#"{"search": "winner", "models": 2, "loss": 2.0, "gflops": null, "is_bound": false, "of_dense": null,
            "of_dense_search": null}"#;
        let reading: Reading = serde_json::from_str(text).unwrap();
        assert_eq!((reading.quality, reading.at), (Quality::Loss, 2.0));
    }
}
