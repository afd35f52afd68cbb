//! A SentencePiece model: lines to pieces, and pieces to lines.

use super::normalizer::{Normalizer, SPACE};
use super::pieces::Pieces;
use super::proto::{BYTE, ModelProto, UNKNOWN};
use super::{bpe, unigram};
use crate::bounded::read_bytes;
use crate::error::{Error, Result};
use crate::text::vocabulary::{MAX_ENTRIES, SPECIALS, Vocabulary};
use prost::Message;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 26;
/// The longest piece, in bytes; trainers make none beyond 512 characters.
const MAX_PIECE_BYTES: usize = 2048;
/// The types of models, by their numbers in the file.
const UNIGRAM: i32 = 1;
const BPE: i32 = 2;

/// A model that was trained by SentencePiece.
#[derive(Debug, Clone)]
pub struct SentencePiece {
    proto: ModelProto,
    pieces: Pieces,
    normalizer: Normalizer,
    is_bpe: bool,
    /// Whether unknown characters become their bytes.
    falls_back_to_bytes: bool,
}

impl SentencePiece {
    /// Reads a `.model` file.
    ///
    /// # Errors
    /// One that cannot be read, is larger than any such file, or is no model that is known here.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = read_bytes(path, MAX_BYTES).map_err(Error::input);
        bytes.and_then(|bytes| Self::parse(&bytes)).map_err(|error| error.at(path.display()))
    }

    /// As [`SentencePiece::load`], from the file's bytes.
    ///
    /// # Errors
    /// Bytes that are no model that is known here.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let proto = ModelProto::decode(bytes)
            .map_err(|_| Error::input("not a SentencePiece model: expected the .model file that its trainer wrote"))?;
        Self::from_proto(proto)
    }

    fn from_proto(proto: ModelProto) -> Result<Self> {
        check(&proto)?;
        let trainer = proto.trainer.clone().unwrap_or_default();
        let is_bpe = match trainer.model_type.unwrap_or(UNIGRAM) {
            UNIGRAM => false,
            BPE => true,
            _ => return Err(Error::input("a SentencePiece model of words or characters; expected unigram or bpe")),
        };
        let normalizer = proto.normalizer.clone().unwrap_or_default();
        Ok(Self {
            pieces: Pieces::new(&proto),
            normalizer: Normalizer::new(&normalizer, trainer.treat_whitespace_as_suffix)?,
            is_bpe,
            falls_back_to_bytes: trainer.byte_fallback,
            proto,
        })
    }

    /// The model as JSON, which [`SentencePiece::from_json`] reads.
    ///
    /// # Errors
    /// None that a model causes.
    pub fn to_json(&self) -> Result<Value> {
        serde_json::to_value(&self.proto).map_err(Error::failure)
    }

    /// # Errors
    /// JSON that is no model that is known here.
    pub fn from_json(json: &Value) -> Result<Self> {
        Self::from_proto(ModelProto::deserialize(json).map_err(Error::input)?)
    }

    /// The vocabulary of the model's own pieces behind the special symbols, whose names it may have as well, in the order of
    /// fairseq's recipes (`tail -n +4 spm.vocab`).
    ///
    /// # Errors
    /// None that a checked model causes.
    pub fn vocabulary(&self) -> Result<Vocabulary> {
        let pieces = self.proto.pieces.iter().filter(|piece| piece.kind != Some(UNKNOWN));
        let names = pieces.map(|piece| piece.piece.clone()).filter(|name| !SPECIALS.contains(&name.as_str()));
        Vocabulary::from_tokens(names)
    }

    /// The pieces of `line`. What is unknown becomes its bytes (`<0xE6>`) where the model has them, else a piece of its own for
    /// each run of it.
    pub fn encode(&self, line: &str) -> Vec<String> {
        let text = self.normalizer.normalize(line, &self.pieces);
        let parts = if self.is_bpe { bpe::segment(&text, &self.pieces) } else { unigram::segment(&text, &self.pieces) };
        let mut pieces: Vec<String> = Vec::with_capacity(parts.len());
        let mut in_unknown = false;
        for (part, is_known) in parts {
            match (is_known, pieces.last_mut()) {
                (false, _) if self.falls_back_to_bytes => {
                    pieces.extend(part.bytes().map(|byte| format!("<0x{byte:02X}>")))
                }
                (false, Some(last)) if in_unknown => last.push_str(part),
                _ => pieces.push(part.to_owned()),
            }
            in_unknown = !is_known;
        }
        pieces
    }
}

/// That nothing in a file is believed unchecked.
fn check(proto: &ModelProto) -> Result<()> {
    if proto.pieces.len() > MAX_ENTRIES {
        return Err(Error::input(format!("more than {MAX_ENTRIES} pieces")));
    }
    let mut names = HashSet::new();
    for (piece, number) in proto.pieces.iter().zip(1..) {
        let fault = match piece.piece.len() {
            0 => "is empty",
            length if length > MAX_PIECE_BYTES => "is too long",
            _ if !piece.score.is_finite() => "has no finite score",
            _ if !names.insert(&piece.piece) => "is there twice",
            _ => continue,
        };
        return Err(Error::input(format!("not a SentencePiece model: piece {number} {fault}")));
    }
    let of_kind = |kind| proto.pieces.iter().filter(move |piece| piece.kind == Some(kind));
    if of_kind(UNKNOWN).count() != 1 {
        return Err(Error::input("not a SentencePiece model: expected one piece for what is unknown"));
    }
    let falls_back = proto.trainer.as_ref().is_some_and(|trainer| trainer.byte_fallback);
    if falls_back && of_kind(BYTE).filter_map(|piece| byte(&piece.piece)).collect::<HashSet<_>>().len() != 256 {
        return Err(Error::input("not a SentencePiece model: `byte_fallback` without a piece for each byte"));
    }
    Ok(())
}

/// The byte that a piece stands for, if it does: `<0xE6>`.
fn byte(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    u8::from_str_radix(digits, 16).ok().filter(|byte| format!("{byte:02X}") == digits)
}

/// Whether a dictionary is one of SentencePiece's pieces, which are joined by their `▁`, not by `@@`.
pub fn joins_pieces(vocabulary: &Vocabulary) -> bool {
    let mut tokens = (0..vocabulary.len() as u32).filter_map(|id| vocabulary.token(id));
    tokens.clone().any(|token| token.starts_with(SPACE)) && !tokens.any(|token| token.ends_with("@@"))
}

/// Joins pieces to a line: `▁` is a space, bytes are those of UTF-8 (others become `U+FFFD`), and no space stands at either
/// end.
pub fn decode(pieces: &[impl AsRef<str>]) -> String {
    let mut bytes = Vec::new();
    for piece in pieces.iter().map(AsRef::as_ref) {
        match byte(piece) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(piece.as_bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).replace(SPACE, " ").trim_matches(' ').to_owned()
}
