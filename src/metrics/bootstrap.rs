//! Paired bootstrap resampling (Koehn, 2004) as sacreBLEU's `--paired-bs` does it: the same resamples for the same seed, and the
//! same figures. What sacreBLEU computes in single precision, in digits that depend on the version of NumPy, is in double here.

use super::pcg::Pcg64;

/// What a metric counts in sentences. Counts add up, so that any sample of the sentences can be scored.
pub trait Statistics: Clone {
    /// Adds those of other sentences, counted with the same configuration.
    fn merge(&mut self, other: &Self);

    /// These, which are those of no sentence, with those of all `sentences`.
    fn with_all(mut self, sentences: &[Self]) -> Self {
        sentences.iter().for_each(|counts| self.merge(counts));
        self
    }
}

/// How often and with which seed a corpus is resampled. The default is sacreBLEU's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bootstrap {
    /// Resamples, 1 or more.
    pub samples: usize,
    /// `SACREBLEU_SEED` there.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { samples: 1_000, seed: 12_345 }
    }
}

/// A system's scores: of the corpus, and of each resample.
#[derive(Debug, Clone, PartialEq)]
pub struct Resampled {
    /// Of the corpus.
    pub score: f64,
    samples: Vec<f64>,
}

/// How much a system's score is above another's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// On the corpus.
    pub score: f64,
    /// The least and the most of the resamples, without a fortieth of them at each end: 95 %.
    pub interval: (f64, f64),
    /// The chance of a difference as large where none of the systems is better; less than 0.05 is called significant.
    pub p_value: f64,
    /// Whether there is no difference, on the corpus and in all resamples.
    pub is_none: bool,
}

impl Bootstrap {
    /// The scores of several systems on the same resamples. `none` has the counts of no sentence, and each system those of
    /// every sentence, in the same order.
    pub fn resample<S: Statistics>(&self, none: &S, systems: &[Vec<S>], score: impl Fn(&S) -> f64) -> Vec<Resampled> {
        let whole = |sentences: &Vec<S>| {
            let corpus = none.clone().with_all(sentences);
            Resampled { score: score(&corpus), samples: Vec::with_capacity(self.samples) }
        };
        let mut resampled: Vec<Resampled> = systems.iter().map(whole).collect();
        let sentences = systems.iter().map(Vec::len).min().unwrap_or(0);
        let bound = u32::try_from(sentences).expect("fewer lines than 32 bits can count");
        let mut generator = Pcg64::new(self.seed);
        for _ in 0..self.samples {
            let mut sums = vec![none.clone(); systems.len()];
            for _ in 0..sentences {
                let place = generator.below(bound) as usize;
                sums.iter_mut().zip(systems).for_each(|(sum, counts)| sum.merge(&counts[place]));
            }
            resampled.iter_mut().zip(&sums).for_each(|(system, sum)| system.samples.push(score(sum)));
        }
        resampled
    }

    /// `signature`, a metric's, with the fields that sacreBLEU adds for resampling.
    pub fn signature(&self, signature: &str) -> String {
        let (references, others) = signature.split_once('|').unwrap_or((signature, ""));
        format!("{references}|bs:{}|seed:{}|{others}", self.samples, self.seed)
    }
}

impl Resampled {
    /// The mean of the resamples' scores.
    pub fn mean(&self) -> f64 {
        mean(&self.samples)
    }

    /// Half of the width of their 95 % interval, which sacreBLEU prints behind `±`.
    pub fn half_interval(&self) -> f64 {
        let (least, most) = interval(self.samples.clone());
        0.5 * (most - least)
    }

    /// By how much the score is above that of `baseline`, which was resampled with this.
    pub fn difference(&self, baseline: &Self) -> Difference {
        let score = self.score - baseline.score;
        let differences: Vec<f64> =
            self.samples.iter().zip(&baseline.samples).map(|(own, other)| own - other).collect();
        let sizes: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
        let mean = mean(&sizes);
        let beyond = sizes.iter().filter(|size| *size - mean > score.abs()).count();
        let p_value = (beyond + 1) as f64 / (sizes.len() + 1) as f64;
        let is_none = score == 0.0 && sizes.iter().all(|size| *size == 0.0);
        Difference { score, interval: interval(differences), p_value, is_none }
    }
}

fn mean(figures: &[f64]) -> f64 {
    figures.iter().sum::<f64>() / figures.len() as f64
}

/// The least and the most of `figures`, without a fortieth at each end.
fn interval(mut figures: Vec<f64>) -> (f64, f64) {
    figures.sort_by(f64::total_cmp);
    let left = figures.len() / 40;
    (figures[left], figures[figures.len() - left - 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{BleuConfig, BleuStatistics};

    fn resampled(lines: &[[&str; 2]]) -> Vec<Resampled> {
        let config = BleuConfig::default();
        let counts = |place: usize| {
            let of = |line: &[&str; 2]| BleuStatistics::of_sentence(line[place], ["the cat sat on the mat"], &config);
            lines.iter().map(of).collect()
        };
        let score = |counts: &BleuStatistics| counts.score(&config, 1).score;
        Bootstrap::default().resample(&BleuStatistics::new(4), &[counts(0), counts(1)], score)
    }

    #[test]
    fn a_system_does_not_differ_from_itself() {
        let same = "the cat sat on a mat";
        let systems = resampled(&[[same; 2], ["cats sat on the mat", "cats sat on the mat"]]);
        let difference = systems[0].difference(&systems[1]);
        assert_eq!((difference.score, difference.interval), (0.0, (0.0, 0.0)));
        // No resample differs by more than none; the observed one counts for itself.
        assert_eq!((difference.p_value, difference.is_none), (1.0 / 1001.0, true));
    }

    #[test]
    fn one_that_is_better_in_every_line_is_better_in_every_resample() {
        let better = ["the cat sat on the mat", "the cat on a mat"];
        let systems = resampled(&[better, better, ["a cat sat on the mat", "cat mat"]]);
        let difference = systems[0].difference(&systems[1]);
        assert!(difference.interval.0 > 0.0 && difference.p_value < 0.05 && !difference.is_none, "{difference:?}");
        let turned = systems[1].difference(&systems[0]);
        assert_eq!((turned.score, turned.p_value), (-difference.score, difference.p_value));
        assert_eq!(turned.interval, (-difference.interval.1, -difference.interval.0));
    }

    #[test]
    fn the_signature_is_sacrebleus() {
        let signature = Bootstrap::default().signature("nrefs:1|case:mixed|eff:no");
        assert_eq!(signature, "nrefs:1|bs:1000|seed:12345|case:mixed|eff:no");
    }
}
