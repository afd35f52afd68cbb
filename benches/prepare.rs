//! Preparing a corpus: reading, learning subwords, encoding, filtering, writing.

use crate::harness::{Bench, Work};
use automoe::config::Config;
use automoe::text::prepare;

/// Pairs of the toy language.
const PAIRS: usize = 20_000;

pub fn run(bench: &Bench) {
    if !bench.wants("prepare") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let overrides = [
        format!("data.toy_pairs=[{PAIRS}, 200, 200]"),
        format!("data.cache_dir={:?}", folder.path().display().to_string()),
    ];
    let config = Config::load_with("toy", &overrides).expect("the built-in configuration is valid");
    bench.measure(&format!("prepare/toy-{PAIRS}"), Work::default(), || {
        // Without its cache every run starts from the text.
        std::fs::remove_dir_all(folder.path()).expect("the folder can be removed");
        prepare(&config.data, config.seed, &|_, _, _| ()).expect("the toy corpus is sound").train.len()
    });
}
