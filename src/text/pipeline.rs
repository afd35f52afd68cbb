//! What surrounds the merges of byte-pair encoding: from a line to the pieces that merges stay within, and back.

use crate::config::Subwords;
use crate::error::{Error, Result};
use tokenizers::decoders::metaspace::{Metaspace, PrependScheme};
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::{Prepend, Replace, Sequence as Normalizers};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
    SplitDelimiterBehavior, Tokenizer,
};

/// What a space becomes, over characters.
pub const SPACE: char = '▁';

/// A word or any other character, with the space before it. Neither pattern looks ahead or back, so that matching takes
/// time linear in the text and cannot fail.
const CHARACTER_PIECES: &str = r"▁?[\p{L}\p{M}\p{N}]+|▁?[^▁\p{L}\p{M}\p{N}]|▁";

/// A word or a run of other characters, with the space before it, or white space.
const BYTE_PIECES: &str = r" ?[\p{L}\p{M}\p{N}]+| ?[^\s\p{L}\p{M}\p{N}]+|\s+";

/// `bpe` with all that comes before and after it for this kind of subwords.
///
/// # Errors
/// If the library refuses a pattern, which neither should cause.
pub fn pipeline(kind: Subwords, bpe: BPE) -> Result<Tokenizer> {
    let split = |pattern: &str| {
        Split::new(SplitPattern::Regex(pattern.to_string()), SplitDelimiterBehavior::Isolated, false)
            .map_err(Error::failure)
    };
    let mut tokenizer = Tokenizer::new(bpe);
    match kind {
        Subwords::Bpe => {
            let space = SPACE.to_string();
            let replace = Replace::new(" ", space.clone()).map_err(Error::failure)?;
            let normalizers = vec![Prepend::new(space).into(), replace.into()];
            tokenizer
                .with_normalizer(Some(Normalizers::new(normalizers)))
                .map_err(Error::failure)?
                .with_pre_tokenizer(Some(split(CHARACTER_PIECES)?))
                .with_decoder(Some(Metaspace::new(SPACE, PrependScheme::Always, true)));
        }
        Subwords::ByteBpe => {
            let bytes = ByteLevel::new(false, false, false);
            let steps = vec![split(BYTE_PIECES)?.into(), bytes.into()];
            tokenizer.with_pre_tokenizer(Some(PreTokenizers::new(steps))).with_decoder(Some(bytes));
        }
    }
    Ok(tokenizer)
}

/// The pieces of `line` that merges stay within.
///
/// # Errors
/// If the library fails, which no line should cause.
pub fn pieces(pipeline: &Tokenizer, line: &str) -> tokenizers::Result<Vec<String>> {
    let mut text = NormalizedString::from(line);
    if let Some(normalizer) = pipeline.get_normalizer() {
        normalizer.normalize(&mut text)?;
    }
    let mut text = PreTokenizedString::from(text);
    if let Some(pre_tokenizer) = pipeline.get_pre_tokenizer() {
        pre_tokenizer.pre_tokenize(&mut text)?;
    }
    let pieces = text.get_splits(OffsetReferential::Normalized, OffsetType::None);
    Ok(pieces.into_iter().map(|(piece, _, _)| piece.to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(kind: Subwords, line: &str) -> Vec<String> {
        pieces(&pipeline(kind, BPE::default()).unwrap(), line).unwrap()
    }

    #[test]
    fn words_and_marks_keep_the_space_before_them() {
        let line = "a (bé, c3)  d\t..";
        let pieces = cut(Subwords::Bpe, line);
        assert_eq!(pieces, ["▁a", "▁(", "bé", ",", "▁c3", ")", "▁", "▁d", "\t", ".", "."]);
        let pieces = cut(Subwords::ByteBpe, line);
        assert_eq!(pieces, ["a", "Ġ(", "bÃ©", ",", "Ġc3", ")", "ĠĠ", "d", "ĉ", ".."]);
        assert!(cut(Subwords::Bpe, "").is_empty());
    }
}
