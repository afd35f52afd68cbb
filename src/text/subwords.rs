//! Byte-pair encoding (Sennrich et al., 2016): learned here, over characters or over bytes, by the `tokenizers` crate; or
//! a published model's, of fairseq, subword-nmt and SentencePiece (see [`super::published_subwords`]).
//!
//! Where it was learned here, a line is cut into words and single marks, each with the space before it; merges stay within such a piece. Text over
//! characters writes a space as `▁`, as SentencePiece does; text over bytes writes bytes as GPT-2 does.

use super::bpe_codes::BpeCodes;
use super::pipeline::{SPACE, pieces, pipeline};
use super::published::{Published, Segmenter};
use super::sentencepiece::SentencePiece;
use super::vocabulary::{BOS, EOS, PAD, SPECIALS, UNK, Vocabulary};
use crate::config::Subwords;
use crate::error::{Error, Result};
use crate::white_space::{collapsed, is_blank};
use rayon::prelude::*;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use tokenizers::models::bpe::{BPE, BpeTrainer, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{Decoder, Tokenizer, Trainer};

/// Pairs that are rarer are not merged.
const MIN_PAIR_COUNT: u64 = 2;

/// The smallest vocabulary over characters; over bytes each byte needs its place.
const MIN_CHARACTER_VOCABULARY: usize = 16;

/// A segmentation of text into subwords, and their ids.
#[derive(Debug, Clone)]
pub struct SubwordModel {
    segmentation: Segmentation,
    vocabulary: Vocabulary,
}

/// How lines become subwords.
#[derive(Debug, Clone)]
enum Segmentation {
    /// Learned here.
    Learned(Box<Tokenizer>),
    /// A published model's.
    Published(Published),
}

impl SubwordModel {
    /// Learns a vocabulary of at most `vocab_size` entries, the four special ones included, from `lines`. The result
    /// depends on the lines alone, not on the number of threads: of pairs equally frequent, the one with the lower ids is
    /// merged first, and single characters have ids in the order of their code points.
    ///
    /// Over characters, rare ones become unknown where they would fill more than half of the vocabulary.
    ///
    /// # Errors
    /// If `vocab_size` is too small for `kind`, or there is no text.
    pub fn learn<'a>(lines: impl IntoIterator<Item = &'a str>, vocab_size: usize, kind: Subwords) -> Result<Self> {
        let smallest = match kind {
            Subwords::Bpe => MIN_CHARACTER_VOCABULARY,
            Subwords::ByteBpe => SPECIALS.len() + 256,
        };
        if vocab_size < smallest {
            return Err(Error::input(format!(
                "`vocab_size` is {vocab_size}, but these subwords need at least {smallest}"
            )));
        }
        let lines: Vec<Cow<'a, str>> = lines.into_iter().map(collapsed).collect();
        if lines.iter().all(|line| is_blank(line)) {
            return Err(Error::input("no text to learn subwords from"));
        }
        let alphabet = match kind {
            Subwords::Bpe => frequent_characters(&lines, vocab_size / 2),
            Subwords::ByteBpe => ByteLevel::alphabet().into_iter().collect(),
        };
        let specials = SPECIALS.map(|token| tokenizers::AddedToken::from(token, true));
        let mut trainer = BpeTrainer::builder()
            .vocab_size(vocab_size)
            .min_frequency(MIN_PAIR_COUNT)
            .show_progress(false)
            .special_tokens(specials.to_vec())
            .initial_alphabet(alphabet.clone())
            .build();
        let pipeline = pipeline(kind, BPE::default())?;
        let known_pieces = |line: &str| {
            let pieces = pieces(&pipeline, line)?;
            let known = pieces.iter().flat_map(|piece| piece.split(|character| !alphabet.contains(&character)));
            Ok(known.filter(|part| !part.is_empty()).map(String::from).collect())
        };
        let mut bpe = BPE::default();
        trainer.feed(lines.iter(), known_pieces).and_then(|()| trainer.train(&mut bpe)).map_err(Error::failure)?;
        // The trainer's model goes through the same door as one from a file, and is checked there.
        let model = serde_json::to_value(&bpe).map_err(Error::failure)?;
        Self::from_parts(kind, &model)
    }

    /// The subwords of a published model: the tokens of `vocabulary`, which `codes` segment words into. Without codes, lines
    /// are segmented already.
    pub fn published(vocabulary: Vocabulary, codes: Option<BpeCodes>) -> Self {
        Self::of_segmenter(codes.map_or(Segmenter::None, Segmenter::Codes), vocabulary)
    }

    /// The subwords of a published model: the tokens of `vocabulary`, or else the pieces of `model`, which segments lines into
    /// them.
    ///
    /// # Errors
    /// None that a model causes.
    pub fn sentencepiece(model: SentencePiece, vocabulary: Option<Vocabulary>) -> Result<Self> {
        let vocabulary = vocabulary.map_or_else(|| model.vocabulary(), Ok)?;
        Ok(Self::of_segmenter(Segmenter::SentencePiece(Box::new(model)), vocabulary))
    }

    fn of_segmenter(segmenter: Segmenter, vocabulary: Vocabulary) -> Self {
        Self { segmentation: Segmentation::Published(Published::new(segmenter, &vocabulary)), vocabulary }
    }

    /// The ids of `line`, without eos; none where it is blank. White space parts words, however much of it and of whatever
    /// kind, as in fairseq and SentencePiece. What is unknown becomes [`UNK`]: one for each run of characters where the subwords were
    /// learned here, one for each subword of a published model.
    pub fn encode(&self, line: &str) -> Vec<u32> {
        if is_blank(line) {
            return Vec::new();
        }
        match &self.segmentation {
            Segmentation::Published(published) => published.encode(line, &self.vocabulary),
            Segmentation::Learned(tokenizer) => tokenizer
                .encode_fast(collapsed(line), false)
                .expect("patterns without look-around and a vocabulary with `<unk>` cannot fail")
                .get_ids()
                .to_vec(),
        }
    }

    /// The text of `ids`. Special ids are skipped; [`UNK`] and ids outside the vocabulary become `<unk>`.
    ///
    /// Undoes [`SubwordModel::encode`] but for white space, with two exceptions over characters: unknown characters are lost,
    /// and `▁` becomes a space. Bytes that are not UTF-8 become `U+FFFD`. Words are parted by one space.
    pub fn decode(&self, ids: &[u32]) -> String {
        let shown = ids.iter().filter(|id| ![BOS, PAD, EOS].contains(id));
        let unknown = SPECIALS[UNK as usize];
        let tokens: Vec<String> = shown.map(|&id| self.vocabulary.token(id).unwrap_or(unknown).to_string()).collect();
        match &self.segmentation {
            Segmentation::Published(published) => published.decode(&tokens),
            Segmentation::Learned(tokenizer) => tokenizer
                .get_decoder()
                .expect("every pipeline has a decoder")
                .decode(tokens)
                .expect("putting characters in place of others cannot fail"),
        }
    }

    /// The sentence that `line` of a text for this model holds: its subwords are joined where lines are segmented already.
    pub fn sentence<'a>(&self, line: &'a str) -> Cow<'a, str> {
        match &self.segmentation {
            Segmentation::Published(published) => published.sentence(line),
            Segmentation::Learned(_) => Cow::Borrowed(line),
        }
    }

    /// The tokens and their ids.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Entries of the vocabulary, the special ones included.
    pub fn vocab_size(&self) -> usize {
        self.vocabulary.len()
    }

    /// The model as JSON: a `tokenizer.json` of the `tokenizers` library where it was learned here.
    ///
    /// # Errors
    /// If the library cannot write it, which no model should cause.
    pub fn to_json(&self) -> Result<String> {
        match &self.segmentation {
            Segmentation::Published(published) => published.to_json(&self.vocabulary),
            Segmentation::Learned(tokenizer) => tokenizer.to_string(false).map_err(Error::failure),
        }
    }

    /// Reads what [`SubwordModel::to_json`] wrote.
    ///
    /// # Errors
    /// If the text is not such a file: another kind of tokenizer, ids that are not 0, 1, 2, …, other special tokens than
    /// ours, or merges of tokens that are not there.
    pub fn from_json(json: &str) -> Result<Self> {
        let file: Value = serde_json::from_str(json).map_err(Error::input)?;
        if let Some((vocabulary, segmenter)) = Published::from_json(&file)? {
            return Ok(Self::of_segmenter(segmenter, vocabulary));
        }
        for kind in [Subwords::Bpe, Subwords::ByteBpe] {
            let ours = pipeline(kind, BPE::default())?;
            let ours = serde_json::to_value(ours.get_pre_tokenizer()).map_err(Error::failure)?;
            if file.get("pre_tokenizer") == Some(&ours) {
                return Self::from_parts(kind, file.get("model").unwrap_or(&Value::Null));
            }
        }
        Err(Error::input("not a subword model of this program: `pre_tokenizer` is another"))
    }

    /// Builds the model from the `vocab` and `merges` of a `tokenizer.json`, of which nothing is believed unchecked.
    fn from_parts(kind: Subwords, model: &Value) -> Result<Self> {
        let vocab = field(model, "vocab")?;
        let merges: Vec<(String, String)> = field(model, "merges")?;
        let vocabulary = ordered(&vocab)?;
        for (left, right) in &merges {
            let merged = format!("{left}{right}");
            if let Some(missing) = [left, right, &merged].into_iter().find(|token| !vocabulary.contains(token)) {
                return Err(Error::input(format!(
                    "a merge needs `{}`, which is not in the vocabulary",
                    missing.escape_debug()
                )));
            }
        }
        let bpe = BPE::builder()
            .vocab_and_merges(vocab.into_iter().collect::<Vocab>(), merges)
            .unk_token(SPECIALS[UNK as usize].to_string())
            .fuse_unk(true)
            .build()
            .map_err(Error::input)?;
        let tokenizer = Box::new(pipeline(kind, bpe)?);
        Ok(Self { segmentation: Segmentation::Learned(tokenizer), vocabulary })
    }
}

/// The `most` most frequent characters of `lines` (of equally frequent ones the lower code points), and [`SPACE`].
fn frequent_characters(lines: &[Cow<str>], most: usize) -> HashSet<char> {
    let counts = lines
        .par_chunks(1024)
        .map(|lines| {
            let mut counts: HashMap<char, u64> = HashMap::new();
            for character in lines.iter().flat_map(|line| line.chars()) {
                *counts.entry(character).or_default() += 1;
            }
            counts
        })
        .reduce(HashMap::new, |mut all, counts| {
            for (character, count) in counts {
                *all.entry(character).or_default() += count;
            }
            all
        });
    let mut characters: Vec<_> = counts.into_iter().filter(|(c, _)| ![' ', SPACE].contains(c)).collect();
    characters.sort_by_key(|&(character, count)| (std::cmp::Reverse(count), character));
    let frequent = characters.into_iter().map(|(character, _)| character);
    [SPACE].into_iter().chain(frequent).take(most).collect()
}

fn field<T: serde::de::DeserializeOwned>(model: &Value, name: &str) -> Result<T> {
    let value = model.get(name).cloned().unwrap_or(Value::Null);
    serde_json::from_value(value).map_err(|error| Error::input(error).at(format!("`{name}`")))
}

/// The vocabulary in order of its ids, which must be 0, 1, 2, … and begin with the special tokens.
fn ordered(vocab: &HashMap<String, u32>) -> Result<Vocabulary> {
    let mut entries: Vec<(u32, &String)> = vocab.iter().map(|(token, &id)| (id, token)).collect();
    entries.sort();
    if !entries.iter().map(|(id, _)| *id).eq(0..entries.len() as u32) {
        return Err(Error::input("`vocab`: the ids are not 0, 1, 2, …"));
    }
    let mut tokens = entries.into_iter().map(|(_, token)| token.clone());
    if !tokens.by_ref().take(SPECIALS.len()).eq(SPECIALS) {
        return Err(Error::input(format!("`vocab`: the first tokens are not {}", SPECIALS.join(" "))));
    }
    Vocabulary::from_tokens(tokens)
}

#[cfg(test)]
mod tests;
