//! BLEU and chrF against what sacreBLEU computed for the same lines: see README.md beside this file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use automoe::metrics::{
    BleuConfig, BleuStatistics, Bootstrap, ChrfConfig, ChrfStatistics, Resampled, Smoothing, bleu, chrf,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Recorded {
    sacrebleu: String,
    corpora: Vec<Corpus>,
    bleu: Vec<BleuCase>,
    chrf: Vec<ChrfCase>,
}

#[derive(Deserialize)]
struct Corpus {
    hypotheses: Vec<String>,
    references: Vec<Vec<String>>,
}

#[derive(Deserialize)]
struct BleuCase {
    corpus: usize,
    tokenizer: String,
    smoothing: String,
    smoothing_value: Option<f64>,
    lowercase: bool,
    effective_order: bool,
    max_order: usize,
    score: f64,
    precisions: Vec<f64>,
    brevity_penalty: f64,
    ratio: f64,
    hypothesis_length: usize,
    reference_length: usize,
    line: String,
}

#[derive(Deserialize)]
struct ChrfCase {
    corpus: usize,
    char_order: usize,
    word_order: usize,
    beta: u32,
    lowercase: bool,
    whitespace: bool,
    eps_smoothing: bool,
    score: f64,
    line: String,
}

impl Recorded {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/metrics/cases.json");
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    /// sacreBLEU's line as this program would print it: only the version differs.
    fn line(&self, line: &str) -> String {
        let theirs = format!("|version:{}", self.sacrebleu);
        let ours = concat!("|version:automoe-", env!("CARGO_PKG_VERSION"));
        assert!(line.contains(&theirs), "{line}");
        line.replace(&theirs, ours)
    }
}

fn assert_close(ours: f64, theirs: f64, what: &str) {
    assert!((ours - theirs).abs() <= 1e-9, "{ours} is not {theirs}: {what}");
}

#[test]
fn bleu_equals_sacrebleu() {
    let recorded = Recorded::read();
    assert!(recorded.bleu.len() >= 200);
    for case in &recorded.bleu {
        let corpus = &recorded.corpora[case.corpus];
        let config = BleuConfig {
            tokenizer: case.tokenizer.parse().unwrap(),
            compound_split: false,
            smoothing: Smoothing::from_name(&case.smoothing, case.smoothing_value).unwrap(),
            lowercase: case.lowercase,
            max_order: case.max_order,
            effective_order: case.effective_order,
        };
        let ours = bleu(&corpus.hypotheses, &corpus.references, &config).unwrap();
        let what = format!("corpus {}: {}", case.corpus, case.line);
        assert_eq!(ours.hypothesis_length, case.hypothesis_length, "{what}");
        assert_eq!(ours.reference_length, case.reference_length, "{what}");
        assert_eq!(ours.precisions.len(), case.precisions.len(), "{what}");
        for (ours, theirs) in ours.precisions.iter().zip(&case.precisions) {
            assert_close(*ours, *theirs, &what);
        }
        assert_close(ours.brevity_penalty, case.brevity_penalty, &what);
        assert_close(ours.ratio, case.ratio, &what);
        assert_close(ours.score, case.score, &what);
        assert_eq!(ours.to_string(), recorded.line(&case.line));
    }
}

#[test]
fn chrf_equals_sacrebleu() {
    let recorded = Recorded::read();
    assert!(recorded.chrf.len() >= 100);
    for case in &recorded.chrf {
        let corpus = &recorded.corpora[case.corpus];
        let config = ChrfConfig {
            char_order: case.char_order,
            word_order: case.word_order,
            beta: case.beta,
            lowercase: case.lowercase,
            whitespace: case.whitespace,
            eps_smoothing: case.eps_smoothing,
        };
        let ours = chrf(&corpus.hypotheses, &corpus.references, &config).unwrap();
        let what = format!("corpus {}: {}", case.corpus, case.line);
        assert_close(ours.score, case.score, &what);
        assert_eq!(ours.to_string(), recorded.line(&case.line));
    }
}

/// A baseline and other systems, tested by sacreBLEU.
#[derive(Deserialize)]
struct PairedCase {
    systems: Vec<Vec<String>>,
    references: Vec<Vec<String>>,
    samples: usize,
    seed: u64,
    signatures: BTreeMap<String, String>,
    figures: BTreeMap<String, Vec<PairedFigures>>,
}

#[derive(Deserialize)]
struct PairedFigures {
    score: f64,
    mean: f64,
    ci: f64,
    p_value: Option<f64>,
}

#[test]
fn the_paired_bootstrap_equals_sacrebleus() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/metrics/paired.json");
    let cases: Vec<PairedCase> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    for case in cases {
        for (metric, figures) in &case.figures {
            let bootstrap = Bootstrap { samples: case.samples, seed: case.seed };
            let (systems, signature) = resampled(&case, metric, bootstrap);
            let theirs = &case.signatures[metric];
            assert_eq!(signature.split("|version:").next(), theirs.split("|version:").next());
            for (system, figures) in systems.iter().zip(figures) {
                let what = format!("{metric} of {} sentences, seed {}", case.systems[0].len(), case.seed);
                assert_close(system.score, figures.score, &what);
                // Scores of resamples are in single precision there, whose steps at 100 are 8e-6.
                assert!((system.mean() - figures.mean).abs() < 1e-4, "{} {}: {what}", system.mean(), figures.mean);
                assert!((system.half_interval() - figures.ci).abs() < 1e-4, "{what}");
                if let Some(p_value) = figures.p_value {
                    assert_eq!(system.difference(&systems[0]).p_value, p_value, "{what}");
                }
            }
        }
    }
}

/// Each system of `case` by a metric of sacreBLEU's name, and its signature.
fn resampled(case: &PairedCase, metric: &str, bootstrap: Bootstrap) -> (Vec<Resampled>, String) {
    let references = case.references.len();
    if metric == "BLEU" {
        let config = BleuConfig::default();
        let count = |lines: &Vec<String>| BleuStatistics::of_corpus(lines, &case.references, &config).unwrap();
        let systems: Vec<_> = case.systems.iter().map(count).collect();
        let score = |counts: &BleuStatistics| counts.score(&config, references).score;
        let signature = bootstrap.signature(&config.signature(references));
        return (bootstrap.resample(&BleuStatistics::new(config.max_order), &systems, score), signature);
    }
    let config = ChrfConfig { word_order: metric.matches('+').count(), ..ChrfConfig::default() };
    let count = |lines: &Vec<String>| ChrfStatistics::of_corpus(lines, &case.references, &config).unwrap();
    let systems: Vec<_> = case.systems.iter().map(count).collect();
    let signature = bootstrap.signature(&config.signature(references));
    (bootstrap.resample(&ChrfStatistics::new(&config), &systems, |counts| counts.score(&config)), signature)
}
