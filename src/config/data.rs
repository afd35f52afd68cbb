//! `[data]`: where the text is and how it becomes ids.

use super::faults::{Faults, MANY};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[data]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// `"files"`: parallel text named below; `"toy"`: a small invented language pair that the program makes itself.
    pub corpus: Corpus,
    /// Language suffix of the source files: `de` reads `<prefix>.de` or `<prefix>.de.gz`. A file of both languages needs none.
    pub source_lang: String,
    /// Language suffix of the target files.
    pub target_lang: String,
    /// Folder that the names below are relative to (itself relative to the working directory where it exists there, else to the
    /// config file's folder).
    pub dir: PathBuf,
    /// Training text, read in order: `["train", "more.tsv"]` reads `train.de` and `train.en`, named by their prefix, then
    /// `more.tsv` with source and target parted by a tab (each plain or `.gz`). Of fairseq's binarised data, `train` is read
    /// with `train1`, `train2`, … where they are there.
    pub train: Vec<String>,
    /// Validation text, named likewise.
    pub valid: Vec<String>,
    /// Test text, named likewise; only `automoe run` needs any. It may be named, and change, after a run was begun.
    pub test: Vec<String>,
    /// References of the test text, a line a pair, in place of its target side: raw text where that is tokenised or ids. In
    /// `dir`, or else where other files are looked for; empty: none.
    pub test_reference: PathBuf,
    /// `"bpe"`: byte-pair merges over words (unknown characters become `<unk>`); `"byte-bpe"`: over bytes, with no unknowns.
    pub subwords: Subwords,
    /// A fairseq `dict.txt` of the source language: the subwords of a published model instead of learned ones. The text is
    /// then split at white space alone, so it must be tokenised as that model's was. Empty: subwords are learned, or those of
    /// `sentencepiece`.
    pub source_dict: PathBuf,
    /// The same of the target language; empty: one dictionary for both.
    pub target_dict: PathBuf,
    /// The codes of subword-nmt or fastBPE that belong to `source_dict`; empty: the text is segmented (`@@ `, `▁`) already,
    /// unless `sentencepiece` does it.
    pub bpe_codes: PathBuf,
    /// The SentencePiece model (`.model`) that segments text into the subwords of `source_dict`; without that, its own pieces
    /// are the subwords. Empty: none.
    pub sentencepiece: PathBuf,
    /// The same of the target language; empty: one model for both.
    pub sentencepiece_target: PathBuf,
    /// Subwords in the vocabulary, special symbols included (each vocabulary's, where they are separate).
    #[schemars(range(min = 8, max = MANY))]
    pub vocab_size: usize,
    /// One vocabulary for both languages.
    pub joined_vocabulary: bool,
    /// Lower-case both sides before anything else.
    pub lowercase: bool,
    /// Training pairs with more subwords than this on either side are left out; 0: no limit.
    pub max_length: usize,
    /// Training pairs with one side this many times longer than the other are left out; 0: no limit.
    #[schemars(range(min = 0))]
    pub max_length_ratio: f64,
    /// Leave out validation pairs that are longer than any batch (the least `max_tokens` of `[train]`, `[train_architecture]`
    /// and `[search]`) or model (1024 positions) takes, and give test sentences that are longer than models read an empty
    /// translation; both with a warning. Otherwise they are refused before anything is trained.
    pub skip_long: bool,
    /// Where prepared data is cached, by content.
    pub cache_dir: PathBuf,
    /// Pairs of the toy corpus: training, validation, test.
    #[schemars(inner(range(min = 1, max = MANY)))]
    pub toy_pairs: [usize; 3],
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            corpus: Corpus::Files,
            source_lang: "en".into(),
            target_lang: "de".into(),
            dir: "data".into(),
            train: vec!["train".into()],
            valid: vec!["valid".into()],
            test: Vec::new(),
            test_reference: PathBuf::new(),
            subwords: Subwords::Bpe,
            source_dict: PathBuf::new(),
            target_dict: PathBuf::new(),
            bpe_codes: PathBuf::new(),
            sentencepiece: PathBuf::new(),
            sentencepiece_target: PathBuf::new(),
            vocab_size: 32_768,
            joined_vocabulary: true,
            lowercase: false,
            max_length: 250,
            max_length_ratio: 1.5,
            skip_long: false,
            cache_dir: "cache".into(),
            toy_pairs: [4_000, 200, 200],
        }
    }
}

impl DataConfig {
    /// Whether a key may change between calls on one run: where files are, what is tested with and what tests compare with may,
    /// what is in files may not. Whether long pairs are left out may, as a run that goes on without that has none.
    pub(super) fn may_change(key: &str) -> bool {
        const PLACES: [&str; 10] = [
            "bpe_codes",
            "cache_dir",
            "dir",
            "sentencepiece",
            "sentencepiece_target",
            "skip_long",
            "source_dict",
            "target_dict",
            "test",
            "test_reference",
        ];
        PLACES.contains(&key)
    }

    /// Paths that are looked for in the working directory first, then beside the config file.
    pub(super) fn paths(&mut self) -> [&mut PathBuf; 7] {
        [
            &mut self.dir,
            &mut self.source_dict,
            &mut self.target_dict,
            &mut self.bpe_codes,
            &mut self.sentencepiece,
            &mut self.sentencepiece_target,
            &mut self.test_reference,
        ]
    }

    /// Whether the subwords are a published model's instead of learned ones.
    pub fn has_published_subwords(&self) -> bool {
        [&self.source_dict, &self.sentencepiece].into_iter().any(|path| !path.as_os_str().is_empty())
    }

    /// Adds what is out of range.
    pub(super) fn check(&self, faults: &mut Faults) {
        // The toy corpus alone has pairs of its own.
        let toy_pairs = if self.corpus == Corpus::Toy { self.toy_pairs } else { Self::default().toy_pairs };
        faults.ranges("data", &Self { toy_pairs, ..self.clone() });
        let ratio = self.max_length_ratio;
        let message = format!("{ratio} is neither 0 (no limit) nor 1 or more");
        faults.need(!(ratio > 0.0 && ratio < 1.0), "data.max_length_ratio", message);
        self.check_published_subwords(faults);
        if self.corpus == Corpus::Files {
            self.check_files(faults);
        }
    }

    fn check_published_subwords(&self, faults: &mut Faults) {
        let is_given = |path: &PathBuf| !path.as_os_str().is_empty();
        for (key, path, needed, beside) in [
            ("data.target_dict", &self.target_dict, "data.source_dict", &self.source_dict),
            ("data.bpe_codes", &self.bpe_codes, "data.source_dict", &self.source_dict),
            ("data.sentencepiece_target", &self.sentencepiece_target, "data.sentencepiece", &self.sentencepiece),
        ] {
            faults.need(!is_given(path) || is_given(beside), key, format!("needs {needed} beside it"));
        }
        let is_double = is_given(&self.bpe_codes) && is_given(&self.sentencepiece);
        faults.need(!is_double, "data.sentencepiece", "stands beside data.bpe_codes: text is segmented by one of them");
        let (key, needed, target) = match is_given(&self.source_dict) {
            true => ("data.source_dict", "data.target_dict", &self.target_dict),
            false => ("data.sentencepiece", "data.sentencepiece_target", &self.sentencepiece_target),
        };
        let lacks_target = self.has_published_subwords() && !self.joined_vocabulary && !is_given(target);
        faults.need(!lacks_target, key, format!("needs {needed} beside it, or data.joined_vocabulary = true"));
    }

    fn check_files(&self, faults: &mut Faults) {
        for (key, language) in [("data.source_lang", &self.source_lang), ("data.target_lang", &self.target_lang)] {
            faults.need(!language.is_empty(), key, "is empty");
        }
        faults.need(self.source_lang != self.target_lang, "data.target_lang", "is the same as data.source_lang");
        for (key, prefixes) in [("data.train", &self.train), ("data.valid", &self.valid), ("data.test", &self.test)] {
            let may_be_none = key == "data.test";
            let is_named = (may_be_none || !prefixes.is_empty()) && prefixes.iter().all(|prefix| !prefix.is_empty());
            faults.need(is_named, key, "names no files");
        }
    }
}

/// Where the sentence pairs come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Corpus {
    /// Files of parallel text.
    Files,
    /// An invented language pair, made by the program.
    Toy,
}

/// How words become subwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Subwords {
    /// Byte-pair encoding over the characters of words.
    Bpe,
    /// Byte-pair encoding over bytes.
    ByteBpe,
}
