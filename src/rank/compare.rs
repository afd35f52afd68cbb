//! All figures of several measures, of their differences, and of trainings with other seeds.

use super::bootstrap::{Interval, resamples};
use super::sample::{Measure, Sample};
use super::tau::{Estimate, Tau, Taus, taus};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What [`compare`] found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Of each measure.
    pub measures: Vec<Measured>,
    /// Of each two measures.
    pub differences: Vec<Difference>,
    /// Where architectures were trained several times.
    pub ceiling: Option<Ceiling>,
}

/// How well one measure orders the architectures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// Kendall's τ-b with the losses of the architectures trained alone.
    pub tau: Taus,
    /// Mean absolute difference to the losses of the architectures trained alone, bits a token, of measures that are losses.
    pub error_bits: Option<f64>,
    /// The same of BLEU.
    pub error_bleu: Option<f64>,
    /// What the architecture that it takes for the best loses to the best one, both trained alone, bits a token.
    pub regret_bits: f64,
    /// The same in BLEU, to the architecture of the highest BLEU.
    pub regret_bleu: f64,
}

/// How much better one measure orders than another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Whose τ …
    pub of: String,
    /// … is taken less this one's.
    pub less: String,
    /// The difference; its interval is that of both on the same resamples.
    pub tau: Taus,
}

/// How well trainings of the same architectures with other seeds agree: a measure that does as well is as good as a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// Architectures that were trained several times.
    pub architectures: usize,
    /// Trainings of each.
    pub seeds: usize,
    /// Kendall's τ-b between the losses of two seeds, the mean over all two of them.
    pub tau: Taus,
    /// Standard deviation of a loss from one seed to another, bits a token.
    pub deviation_bits: f64,
}

/// τ of one resample.
type Figures = Taus<Option<f64>>;

/// Compares how `measures` order `samples`. `repeated` holds the losses of the first samples for each further seed. Pairs are of
/// a band where both are within `band` (a fraction) of one figure of FLOPs.
pub fn compare(samples: &[Sample], measures: &[Measure], repeated: &[Vec<f64>], band: f64, seed: u64) -> Comparison {
    let losses: Vec<f64> = samples.iter().map(|sample| sample.loss).collect();
    let everything: Vec<usize> = (0..samples.len()).collect();
    let resamples = resamples(samples.len(), seed);
    let of = |measure: &Measure, picked: &[usize]| taus(samples, [&losses, &measure.scores], picked, band);
    let resampled: Vec<Vec<Figures>> = measures
        .iter()
        .map(|measure| resamples.par_iter().map(|picked| of(measure, picked).map(|&(tau, _)| tau)).collect())
        .collect();
    let figures: Vec<_> = measures.iter().map(|measure| of(measure, &everything)).collect();
    let measured = measures.iter().zip(figures.iter().zip(&resampled)).map(|(measure, (figures, resampled))| {
        let tau = estimates(figures, resampled);
        measured(measure, samples, tau)
    });
    let mut differences = Vec::new();
    for a in 0..measures.len() {
        for b in a + 1..measures.len() {
            let both = figures[a].zip(&figures[b], |(a, pairs), (b, _)| (less(*a, *b), *pairs));
            let resampled = resampled[a].iter().zip(&resampled[b]);
            let resampled: Vec<Figures> = resampled.map(|(a, b)| a.zip(b, |a, b| less(*a, *b))).collect();
            let [of, less] = [a, b].map(|place| measures[place].name.clone());
            differences.push(Difference { of, less, tau: estimates(&both, &resampled) });
        }
    }
    Comparison { measures: measured.collect(), differences, ceiling: ceiling(samples, repeated, band, seed) }
}

fn less(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a? - b?)
}

/// `figures`, each with its number of pairs, and their intervals.
fn estimates(figures: &Taus<Tau>, resampled: &[Figures]) -> Taus {
    let interval = |of: fn(&Figures) -> Option<f64>| Interval::of(resampled.iter().map(of));
    let intervals = Taus {
        all: interval(|figures| figures.all),
        equal_depth: interval(|figures| figures.equal_depth),
        equal_flops: interval(|figures| figures.equal_flops),
    };
    figures.zip(&intervals, |&(tau, pairs), &interval| Estimate {
        tau,
        interval: interval.filter(|_| tau.is_some()),
        pairs,
    })
}

fn measured(measure: &Measure, samples: &[Sample], tau: Taus) -> Measured {
    let error = |figures: &[f64], of: fn(&Sample) -> f64| {
        let errors = figures.iter().zip(samples).map(|(figure, sample)| (figure - of(sample)).abs());
        errors.sum::<f64>() / samples.len() as f64
    };
    let pick = &samples[measure.pick()];
    let lowest = samples.iter().map(|sample| sample.loss).fold(f64::INFINITY, f64::min);
    let highest = samples.iter().map(|sample| sample.bleu).fold(f64::NEG_INFINITY, f64::max);
    Measured {
        name: measure.name.clone(),
        tau,
        error_bits: measure.bleu.as_ref().map(|_| error(&measure.scores, |sample| sample.loss)),
        error_bleu: measure.bleu.as_ref().map(|bleu| error(bleu, |sample| sample.bleu)),
        regret_bits: pick.loss - lowest,
        regret_bleu: highest - pick.bleu,
    }
}

/// See [`Ceiling`]; none without further seeds.
fn ceiling(samples: &[Sample], repeated: &[Vec<f64>], band: f64, seed: u64) -> Option<Ceiling> {
    let count = repeated.iter().map(Vec::len).min().filter(|count| *count > 1)?;
    let first = samples[..count].iter().map(|sample| sample.loss).collect();
    let seeds: Vec<Vec<f64>> = [first].into_iter().chain(repeated.iter().cloned()).collect();
    let mean = |picked: &[usize]| {
        let two = (0..seeds.len()).flat_map(|a| (0..a).map(move |b| [a, b]));
        let found: Vec<_> = two.map(|[a, b]| taus(samples, [&seeds[a], &seeds[b]], picked, band)).collect();
        let mean = |of: fn(&Taus<Tau>) -> Tau| {
            let known: Vec<f64> = found.iter().filter_map(|taus| of(taus).0).collect();
            let mean = known.iter().sum::<f64>() / known.len() as f64;
            ((!known.is_empty()).then_some(mean), of(&found[0]).1)
        };
        Taus {
            all: mean(|taus| taus.all),
            equal_depth: mean(|taus| taus.equal_depth),
            equal_flops: mean(|taus| taus.equal_flops),
        }
    };
    let everything: Vec<usize> = (0..count).collect();
    let resampled: Vec<Figures> =
        resamples(count, seed).par_iter().map(|picked| mean(picked).map(|&(tau, _)| tau)).collect();
    let variance = |place: usize| {
        let losses: Vec<f64> = seeds.iter().map(|losses| losses[place]).collect();
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / (losses.len() - 1) as f64
    };
    Some(Ceiling {
        architectures: count,
        seeds: seeds.len(),
        tau: estimates(&mean(&everything), &resampled),
        deviation_bits: ((0..count).map(variance).sum::<f64>() / count as f64).sqrt(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(losses: &[f64]) -> Vec<Sample> {
        let sample = |(place, &loss): (usize, &f64)| Sample {
            gflops: 1.0 + place as f64,
            decoder_layers: 1 + place % 2,
            loss,
            bleu: 40.0 - 2.0 * loss,
        };
        losses.iter().enumerate().map(sample).collect()
    }

    fn near(got: f64, want: f64) {
        assert!((got - want).abs() < 1e-12, "{got} {want}");
    }

    #[test]
    fn errors_and_regrets_by_hand() {
        let samples = samples(&[3.0, 2.0, 1.0]);
        let weights = Measure::of_weights("weights", vec![3.5, 1.5, 2.0], vec![34.0, 35.0, 35.0]);
        let sizes = Measure::of_size("GFLOPs", samples.iter().map(|sample| sample.gflops));
        let found = compare(&samples, &[weights, sizes], &[], 0.05, 1);
        let [weights, sizes] = &found.measures[..] else { panic!("two measures") };
        // It orders 2 before 1, and takes the second for the best.
        near(weights.tau.all.tau.unwrap(), 1.0 / 3.0);
        near(weights.error_bits.unwrap(), 2.0 / 3.0);
        near(weights.error_bleu.unwrap(), (0.0 + 1.0 + 3.0) / 3.0);
        near(weights.regret_bits, 1.0);
        near(weights.regret_bleu, 2.0);
        assert_eq!((sizes.tau.all.tau, sizes.error_bits, sizes.error_bleu), (Some(1.0), None, None));
        assert_eq!((sizes.regret_bits, sizes.regret_bleu), (0.0, 0.0));
        // Only the first and the third have one depth, and no two one size.
        assert_eq!((weights.tau.equal_depth.tau, weights.tau.equal_depth.pairs), (Some(1.0), 1));
        assert_eq!((weights.tau.equal_flops.tau, weights.tau.equal_flops.interval), (None, None));
        let [difference] = &found.differences[..] else { panic!("one difference") };
        assert_eq!((difference.of.as_str(), difference.less.as_str()), ("weights", "GFLOPs"));
        near(difference.tau.all.tau.unwrap(), -2.0 / 3.0);
        assert!(found.ceiling.is_none());
    }

    /// Two measures that differ in one pair of many: each τ is uncertain, their difference hardly.
    #[test]
    fn differences_are_surer_than_what_they_are_of() {
        let losses: Vec<f64> = (0..30).map(|place| f64::from((place * 7) % 30)).collect();
        let mut scores: Vec<f64> = (0..30).map(|place| f64::from((place * 7) % 30 + (place * 11) % 25)).collect();
        let one = Measure::of_weights("one", scores.clone(), losses.clone());
        scores.swap(3, 4);
        let other = Measure::of_weights("other", scores, losses.clone());
        let compared = || compare(&samples(&losses), &[one.clone(), other.clone()], &[], 0.05, 1);
        let found = compared();
        assert_eq!(found, compared());
        let width = |estimate: &Estimate| estimate.interval.map(|Interval(low, high)| high - low).unwrap();
        let [of_one, of_difference] = [width(&found.measures[0].tau.all), width(&found.differences[0].tau.all)];
        // Of resamples that are not the same it would be √2 times as wide.
        assert!(of_difference < of_one, "{of_difference} {of_one}");
        let Estimate { tau, interval, pairs } = found.measures[0].tau.all;
        let Interval(low, high) = interval.unwrap();
        assert!(low < tau.unwrap() && tau.unwrap() < high && pairs == 435);
    }

    #[test]
    fn the_ceiling_is_how_well_seeds_agree() {
        let samples = samples(&[1.0, 2.0, 3.0, 4.0, 9.0]);
        let ceiling = |repeated: &[Vec<f64>]| compare(&samples, &[], repeated, 0.05, 1).ceiling.unwrap();
        let two = ceiling(&[vec![1.0, 3.0, 2.0, 4.0]]);
        assert_eq!((two.architectures, two.seeds, two.tau.all.pairs), (4, 2, 6));
        near(two.tau.all.tau.unwrap(), 4.0 / 6.0);
        // Differences 0, 1, -1, 0: each variance is half a square.
        near(two.deviation_bits, (1.0f64 / 4.0).sqrt());
        let three = ceiling(&[vec![1.0, 3.0, 2.0, 4.0], vec![1.0, 2.0, 3.0, 4.0]]);
        near(three.tau.all.tau.unwrap(), (4.0 / 6.0 + 1.0 + 4.0 / 6.0) / 3.0);
        assert!(compare(&samples, &[], &[vec![1.0]], 0.05, 1).ceiling.is_none());
    }
}
