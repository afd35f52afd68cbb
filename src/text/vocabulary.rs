//! Which token has which id. The four special tokens come first, as in fairseq.

use crate::bounded::read_with;
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::path::Path;

/// Begin of sentence: there by fairseq's convention, not used by the models here.
pub const BOS: u32 = 0;
/// Padding.
pub const PAD: u32 = 1;
/// End of sentence; the decoder's first input too.
pub const EOS: u32 = 2;
/// What the vocabulary lacks.
pub const UNK: u32 = 3;

/// The special tokens' names, in order of their ids.
pub const SPECIALS: [&str; 4] = ["<s>", "<pad>", "</s>", "<unk>"];

/// The most entries of a vocabulary.
pub const MAX_ENTRIES: usize = 1 << 20;

/// The largest `dict.txt` that is read, in bytes.
pub const MAX_DICT_BYTES: u64 = 1 << 28;

/// Ends a line of a `dict.txt` whose token may be there already.
const OVERWRITE: &str = " #fairseq:overwrite";

/// Tokens and their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    tokens: Vec<String>,
    ids: HashMap<String, u32>,
}

impl Vocabulary {
    /// The special tokens, then `tokens` in their order.
    ///
    /// # Errors
    /// If a token is empty or there twice, or there are too many.
    pub fn from_tokens(tokens: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut vocabulary = Self { tokens: Vec::new(), ids: HashMap::new() };
        for token in SPECIALS.map(String::from).into_iter().chain(tokens) {
            vocabulary.push(token)?;
        }
        Ok(vocabulary)
    }

    /// Reads a fairseq `dict.txt`: `token count` a line. The tokens follow the special tokens in the file's order; the
    /// counts, which SentencePiece makes negative, are checked and dropped. Entries that fairseq appended as padding
    /// (`madeupword0000`) are kept.
    ///
    /// A line that ends in `#fairseq:overwrite` may name a token that is there already. A special token keeps its own id;
    /// any other gets that of the new line, and its earlier id stands for no text any more.
    ///
    /// # Errors
    /// If the file cannot be read, a line is not `token count`, or a token is there twice without that flag.
    pub fn from_fairseq_dict(path: &Path) -> Result<Self> {
        read_with(path, MAX_DICT_BYTES, Self::parse_fairseq_dict)
    }

    fn parse_fairseq_dict(text: &str) -> Result<Self> {
        let mut vocabulary = Self::from_tokens([])?;
        // Not `str::lines`: a file may use other line ends than `\n` within tokens.
        let lines = text.strip_suffix('\n').unwrap_or(text).split('\n').zip(1..);
        for (line, number) in lines.filter(|_| !text.is_empty()) {
            let place = format!("line {number}");
            let line = line.strip_suffix('\r').unwrap_or(line);
            let (line, overwrites) = match line.strip_suffix(OVERWRITE) {
                Some(line) => (line, true),
                None => (line, false),
            };
            let (token, _) = line
                .rsplit_once(' ')
                .filter(|(_, count)| count.parse::<i64>().is_ok())
                .ok_or_else(|| Error::input("expected a token, a space and its count").at(&place))?;
            if overwrites {
                if SPECIALS.contains(&token) {
                    continue;
                }
                vocabulary.retire(token);
            }
            vocabulary.push(token.to_string()).map_err(|error| error.at(&place))?;
        }
        Ok(vocabulary)
    }

    /// How many entries there are, the special ones included.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Never: the special tokens are always there.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The token of `id`.
    pub fn token(&self, id: u32) -> Option<&str> {
        self.tokens.get(id as usize).map(String::as_str)
    }

    /// The id of `token`; [`UNK`] where it has none.
    pub fn id(&self, token: &str) -> u32 {
        self.ids.get(token).copied().unwrap_or(UNK)
    }

    /// Whether `token` has an id of its own.
    pub fn contains(&self, token: &str) -> bool {
        self.ids.contains_key(token)
    }

    /// Makes room for another id of `token`: its earlier one gets a name that no word of a text is.
    fn retire(&mut self, token: &str) {
        if let Some(id) = self.ids.remove(token) {
            let name = format!("{token} (id {id})");
            self.tokens[id as usize].clone_from(&name);
            self.ids.insert(name, id);
        }
    }

    fn push(&mut self, token: String) -> Result<()> {
        if token.is_empty() {
            return Err(Error::input("an empty token"));
        }
        if self.len() == MAX_ENTRIES {
            return Err(Error::input(format!("more than {MAX_ENTRIES} tokens")));
        }
        // `MAX_ENTRIES` fits.
        let id = self.len() as u32;
        if let Some(first) = self.ids.insert(token.clone(), id) {
            return Err(Error::input(format!("token `{}` has id {first} already", token.escape_debug())));
        }
        self.tokens.push(token);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vocabulary> {
        Vocabulary::parse_fairseq_dict(text)
    }

    #[test]
    fn specials_come_first_and_unknown_tokens_are_unk() {
        let vocabulary = Vocabulary::from_tokens(["a".to_string()]).unwrap();
        assert_eq!(vocabulary.len(), 5);
        assert_eq!(vocabulary.token(PAD), Some("<pad>"));
        assert_eq!((vocabulary.id("a"), vocabulary.id("b")), (4, UNK));
        assert_eq!((vocabulary.id("<s>"), vocabulary.id("</s>")), (BOS, EOS));
        assert_eq!(vocabulary.token(5), None);
    }

    #[test]
    fn a_fairseq_dict_keeps_the_order_of_its_lines() {
        let vocabulary = parse("the 12\r\n, 9\nx\u{2028}y 1\nmadeupword0000 0\n").unwrap();
        assert_eq!(vocabulary.len(), 8);
        assert_eq!(vocabulary.id(","), 5);
        assert_eq!(vocabulary.token(6), Some("x\u{2028}y"));
        assert_eq!(parse("").unwrap().len(), 4);
    }

    #[test]
    fn flags_overwrite_earlier_tokens_and_counts_may_be_negative() {
        let vocabulary =
            parse("<pad> 0 #fairseq:overwrite\na -1\nb -2\na -3 #fairseq:overwrite\r\nc 1 #fairseq:overwrite\n")
                .unwrap();
        assert_eq!(["<pad>", "a", "b", "c"].map(|token| vocabulary.id(token)), [PAD, 6, 5, 7]);
        assert_eq!(vocabulary.len(), 8);
        let written = (4..8).map(|id| vocabulary.token(id).unwrap().to_owned());
        assert_eq!(Vocabulary::from_tokens(written).unwrap(), vocabulary);
    }

    #[test]
    fn malformed_dict_lines_are_named() {
        for (text, expected) in [
            ("a 1\nb", "line 2: expected a token"),
            ("a one\n", "line 1: expected a token"),
            ("a 1 #fairseq:other\n", "line 1: expected a token"),
            ("a #fairseq:overwrite\n", "line 1: expected a token"),
            ("a 1\n\n", "line 2: expected a token"),
            (" 1\n", "line 1: an empty token"),
            ("a 1\nb 1\na 2\n", "line 3: token `a` has id 4 already"),
            ("<unk> 1\n", "line 1: token `<unk>` has id 3 already"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_dict_is_read_from_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dict.de.txt");
        assert!(Vocabulary::from_fairseq_dict(&path).is_err());
        std::fs::write(&path, "a 1\n").unwrap();
        assert_eq!(Vocabulary::from_fairseq_dict(&path).unwrap().id("a"), 4);
    }
}
