//! What FLOPs a curve of models needs for a validation loss.

use serde::{Deserialize, Serialize};

/// Where the models of one search, found under several limits, reach the validation loss of the dense model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The search: `winner`, or the name of a row of `[[compare]]`.
    pub search: String,
    /// Its models that were trained.
    pub models: usize,
    /// The validation loss that is read at, in bits per token: that of the first dense model made by hand.
    pub loss: f64,
    /// FLOPs at that loss, 10⁹; none where no model is as good.
    pub gflops: Option<f64>,
    /// Whether the smallest model is as good already, so that less than these FLOPs may do.
    pub is_bound: bool,
    /// These FLOPs as a fraction of the dense model's.
    pub of_dense: Option<f64>,
    /// And of those that the first dense search needs for that loss.
    pub of_dense_search: Option<f64>,
}

/// The least FLOPs at which the polygon through `points` (FLOPs and loss of each model) comes down to `loss`, and whether that is its
/// beginning. Between two models the loss is taken to be linear in the logarithm of FLOPs. `None` where it does not come down so far.
pub fn reached(points: &[(f64, f64)], loss: f64) -> Option<(f64, bool)> {
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
}
