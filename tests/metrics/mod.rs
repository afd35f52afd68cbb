//! BLEU and chrF against what sacreBLEU computed for the same lines: see README.md beside this file.

use std::fs;
use std::path::Path;

use automoe::metrics::{BleuConfig, ChrfConfig, Smoothing, bleu, chrf};
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
