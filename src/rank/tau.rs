//! Kendall's τ-b among all pairs of architectures, and among pairs that are alike in a size.

use super::bootstrap::Interval;
use super::sample::Sample;
use serde::{Deserialize, Serialize};

/// A figure for all pairs, for pairs of equal decoder depth, and for pairs of about equal FLOPs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Taus<T = Estimate> {
    /// Among all pairs.
    pub all: T,
    /// Among pairs with as many decoder layers.
    pub equal_depth: T,
    /// Among pairs of about equal FLOPs: those of a band.
    pub equal_flops: T,
}

/// Kendall's τ-b, or a difference of two, with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure; none where no two of the pairs differ.
    pub tau: Option<f64>,
    /// Where it lies with a confidence of 95 %.
    pub interval: Option<Interval>,
    /// Pairs that count.
    pub pairs: usize,
}

impl<T> Taus<T> {
    /// What `make` makes of each place.
    pub(super) fn map<U>(&self, mut make: impl FnMut(&T) -> U) -> Taus<U> {
        Taus { all: make(&self.all), equal_depth: make(&self.equal_depth), equal_flops: make(&self.equal_flops) }
    }

    /// What `make` makes of each place of both.
    pub(super) fn zip<U, V>(&self, other: &Taus<U>, mut make: impl FnMut(&T, &U) -> V) -> Taus<V> {
        Taus {
            all: make(&self.all, &other.all),
            equal_depth: make(&self.equal_depth, &other.equal_depth),
            equal_flops: make(&self.equal_flops, &other.equal_flops),
        }
    }
}

/// The sums that τ-b is made of.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    pairs: usize,
    /// Pairs in the same order less pairs in the opposite one.
    agreement: f64,
    /// Pairs that are not tied, in each of the two orders.
    untied: [f64; 2],
}

impl Sums {
    fn add(&mut self, [a, b]: [f64; 2]) {
        let sign = |difference: f64| if difference == 0.0 { 0.0 } else { difference.signum() };
        let (a, b) = (sign(a), sign(b));
        self.pairs += 1;
        self.agreement += a * b;
        self.untied = [self.untied[0] + a * a, self.untied[1] + b * b];
    }

    fn tau(&self) -> Option<f64> {
        let scale = self.untied[0] * self.untied[1];
        (scale > 0.0).then(|| self.agreement / scale.sqrt())
    }
}

/// τ-b between two lists of figures of the same things; none where no two of either differ.
pub fn kendall(a: &[f64], b: &[f64]) -> Option<f64> {
    let mut sums = Sums::default();
    for (place, (x, y)) in a.iter().zip(b).enumerate() {
        a.iter().zip(b).take(place).for_each(|(other_x, other_y)| sums.add([x - other_x, y - other_y]));
    }
    sums.tau()
}

/// A figure without its interval, and the pairs that count.
pub(super) type Tau = (Option<f64>, usize);

/// Whether two architectures are of one band: those within `band` (a fraction) of a figure differ by no more.
fn are_of_a_band(a: &Sample, b: &Sample, band: f64) -> bool {
    // 1e-9: those at both ends are, whatever was rounded.
    (a.gflops - b.gflops).abs() <= band * (a.gflops + b.gflops) * (1.0 + 1e-9)
}

/// τ-b (M. G. Kendall, 1945) between `truth` and `scores` of the samples `picked`, of which some may be there several times, and
/// how many pairs count. A sample makes no pair with itself.
pub(super) fn taus(samples: &[Sample], [truth, scores]: [&[f64]; 2], picked: &[usize], band: f64) -> Taus<Tau> {
    let [mut all, mut equal_depth, mut equal_flops] = [Sums::default(); 3];
    for (place, &i) in picked.iter().enumerate() {
        for &j in picked[..place].iter().filter(|&&j| j != i) {
            let differences = [truth[i] - truth[j], scores[i] - scores[j]];
            all.add(differences);
            if samples[i].decoder_layers == samples[j].decoder_layers {
                equal_depth.add(differences);
            }
            if are_of_a_band(&samples[i], &samples[j], band) {
                equal_flops.add(differences);
            }
        }
    }
    Taus { all, equal_depth, equal_flops }.map(|sums| (sums.tau(), sums.pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(gflops: f64, decoder_layers: usize) -> Sample {
        Sample { gflops, decoder_layers, loss: 0.0, bleu: 0.0 }
    }

    fn all(truth: &[f64], scores: &[f64]) -> Option<f64> {
        let samples = vec![sample(1.0, 1); truth.len()];
        let picked: Vec<usize> = (0..truth.len()).collect();
        taus(&samples, [truth, scores], &picked, 0.05).all.0
    }

    /// Among them the examples of scipy.stats.kendalltau (with ties) and of R's cor.test.
    #[test]
    fn known_values() {
        let near = |got: Option<f64>, want: f64| assert!((got.unwrap() - want).abs() < 1e-9, "{got:?} {want}");
        // Four of six pairs agree.
        near(all(&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 4.0, 3.0]), 2.0 / 6.0);
        // scipy: x1 = [12, 2, 1, 12, 2], x2 = [1, 4, 7, 1, 0].
        near(all(&[12.0, 2.0, 1.0, 12.0, 2.0], &[1.0, 4.0, 7.0, 1.0, 0.0]), -0.471_404_520_791_031_7);
        // R: Hollander and Wolfe 1973, Hunter L measure of canned tuna against consumers' ratings, 26 of 36 pairs agree.
        let lightness = [44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1];
        let ratings = [2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8];
        near(all(&lightness, &ratings), (26.0 - 10.0) / 36.0);
        assert_eq!(all(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
        assert_eq!(all(&[1.0], &[1.0]), None);
        near(kendall(&lightness, &ratings), (26.0 - 10.0) / 36.0);
    }

    /// Depths 1 1 2 2; in the first two the order is right, in the others wrong. Of the bands only the second and the third are one.
    #[test]
    fn pairs_of_equal_depth_and_of_a_band_by_hand() {
        let samples = [sample(1.0, 1), sample(2.0, 1), sample(2.2, 2), sample(4.0, 2)];
        let (truth, scores) = ([4.0, 3.0, 2.0, 1.0], [9.0, 8.0, 6.0, 7.0]);
        let found = taus(&samples, [&truth, &scores], &[0, 1, 2, 3], 0.05);
        assert_eq!(found.all, (Some(4.0 / 6.0), 6));
        assert_eq!(found.equal_depth, (Some(0.0), 2));
        assert_eq!(found.equal_flops, (Some(1.0), 1));
        // A sample that was drawn twice counts twice, and is no pair with itself.
        let twice = taus(&samples, [&truth, &scores], &[2, 3, 3], 0.05);
        assert_eq!((twice.all, twice.equal_flops), ((Some(-1.0), 2), (None, 0)));
    }
}
