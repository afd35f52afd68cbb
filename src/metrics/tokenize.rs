//! How BLEU cuts a line into words: sacreBLEU's tokenizers `13a`, `none`, `intl` and `char`, and the splitting of
//! hyphenated compounds that papers on English–German translation use.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use regex::Regex;

use crate::error::{Error, Result};
use crate::white_space::words;

/// A tokenizer of sacreBLEU's, under sacreBLEU's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tokenizer {
    /// `13a`: that of mteval-v13a, WMT's and sacreBLEU's default, for text as people write it.
    #[default]
    Mteval13a,
    /// `none`: words are what spaces separate, for text that is tokenised already.
    None,
    /// `intl`: that of mteval-v14, which separates all of Unicode's punctuation and symbols.
    Intl,
    /// `char`: each character is a word.
    Char,
}

impl Tokenizer {
    /// All tokenizers, in the order in which help lists them.
    pub const ALL: [Self; 4] = [Self::Mteval13a, Self::None, Self::Intl, Self::Char];

    /// sacreBLEU's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mteval13a => "13a",
            Self::None => "none",
            Self::Intl => "intl",
            Self::Char => "char",
        }
    }

    /// The line with white space between words. As in sacreBLEU, `none` leaves the line as it is and `char` leaves
    /// runs of white space; the others put one space between words and none at the ends.
    pub fn tokenize(self, line: &str) -> String {
        match self {
            Self::Mteval13a => mteval_13a(line),
            Self::None => line.to_string(),
            Self::Intl => join_words(&replace_all(line.to_string(), &*INTL_RULES)),
            Self::Char => {
                let mut spaced = String::with_capacity(2 * line.len());
                for character in line.chars() {
                    if !spaced.is_empty() {
                        spaced.push(' ');
                    }
                    spaced.push(character);
                }
                spaced
            }
        }
    }
}

impl fmt::Display for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Tokenizer {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|tokenizer| tokenizer.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::input(format!("no tokenizer {name:?}: choose one of {names}"))
        })
    }
}

/// Splits compounds at their hyphens: `x-y` becomes `x ##AT##-##AT## y`, as fairseq's `compound_split_bleu.sh` does
/// with `s{(\S)-(\S)}{$1 ##AT##-##AT## $2}g`.
///
/// As there, matches do not overlap and are of bytes: of `a-b-c`, whose middle is one byte, only the first hyphen is
/// split; of `ab-cd-ef` both.
pub fn compound_split(line: &str) -> String {
    // Perl's \s on bytes: those of ASCII, vertical tab included.
    let is_space = |byte: u8| byte == b' ' || (b'\t'..=b'\r').contains(&byte);
    let bytes = line.as_bytes();
    let mut split = String::with_capacity(line.len());
    let (mut copied, mut matched) = (0, 0);
    for (hyphen, _) in line.match_indices('-') {
        let before = hyphen > matched && !is_space(bytes[hyphen - 1]);
        let after = bytes.get(hyphen + 1).is_some_and(|byte| !is_space(*byte));
        if before && after {
            split.push_str(&line[copied..hyphen]);
            split.push_str(" ##AT##-##AT## ");
            copied = hyphen + 1;
            matched = hyphen + 2;
        }
    }
    split.push_str(&line[copied..]);
    split
}

/// A regular expression and what replaces each match.
type Rule = (Regex, &'static str);

fn rules<const N: usize>(rules: [(&str, &'static str); N]) -> [Rule; N] {
    rules.map(|(pattern, replacement)| {
        let regex = Regex::new(pattern).expect("the pattern is a constant that tests compile");
        (regex, replacement)
    })
}

/// mteval-v13a's rules for Western languages.
static MTEVAL_13A_RULES: LazyLock<[Rule; 4]> = LazyLock::new(|| {
    rules([
        // ASCII punctuation but for the apostrophe, comma, hyphen and full stop
        (r"([\{-\~\[-\x60\x20-\x26\(-\+\:-\@\/])", " ${1} "),
        // a full stop or comma, unless a digit comes before it
        (r"([^0-9])([\.,])", "${1} ${2} "),
        // a full stop or comma, unless a digit comes after it
        (r"([\.,])([^0-9])", " ${1} ${2}"),
        // a hyphen after a digit
        (r"([0-9])(-)", "${1} ${2} "),
    ])
});

/// mteval-v14's rules.
static INTL_RULES: LazyLock<[Rule; 3]> = LazyLock::new(|| {
    rules([
        // punctuation, unless a number comes before it
        (r"(\P{N})(\p{P})", "${1} ${2} "),
        // punctuation, unless a number comes after it
        (r"(\p{P})(\P{N})", " ${1} ${2}"),
        // symbols
        (r"(\p{S})", " ${1} "),
    ])
});

fn mteval_13a(line: &str) -> String {
    let mut line = line.replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    if line.contains('&') {
        // In this order, so that `&amp;lt;` becomes `<` as in sacreBLEU.
        for (entity, character) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
            line = line.replace(entity, character);
        }
    }
    join_words(&replace_all(format!(" {line} "), &*MTEVAL_13A_RULES))
}

/// The line after each rule in turn.
fn replace_all(line: String, rules: &[Rule]) -> String {
    rules.iter().fold(line, |line, (regex, replacement)| regex.replace_all(&line, *replacement).into_owned())
}

/// The words with one space between them.
fn join_words(line: &str) -> String {
    words(line).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tokenizer_cuts_a_sentence_its_own_way() {
        let line = "„Well-known“ (1,000.5 €), isn't it?";
        let tokenized = Tokenizer::ALL.map(|tokenizer| tokenizer.tokenize(line));
        assert_eq!(
            tokenized,
            [
                "„Well-known“ ( 1,000.5 € ) , isn't it ?",
                line,
                "„ Well - known “ ( 1,000.5 € ) , isn ' t it ?",
                "„ W e l l - k n o w n “   ( 1 , 0 0 0 . 5   € ) ,   i s n ' t   i t ?",
            ]
        );
    }

    #[test]
    fn names_are_read_back_and_others_are_refused() {
        for tokenizer in Tokenizer::ALL {
            assert_eq!(tokenizer.to_string().parse(), Ok(tokenizer));
        }
        let error = "14".parse::<Tokenizer>().unwrap_err();
        assert_eq!(error.to_string(), "no tokenizer \"14\": choose one of 13a, none, intl, char");
    }

    #[test]
    fn compounds_are_split_as_the_perl_script_splits_them() {
        for (line, split) in [
            ("", ""),
            ("-", "-"),
            ("a -b c- d - e", "a -b c- d - e"),
            ("ab-cd-ef", "ab ##AT##-##AT## cd ##AT##-##AT## ef"),
            ("a-b-c", "a ##AT##-##AT## b-c"),
            ("é-é-é", "é ##AT##-##AT## é ##AT##-##AT## é"),
            ("a--b", "a ##AT##-##AT## -b"),
            ("a-\u{b}b", "a-\u{b}b"),
        ] {
            assert_eq!(compound_split(line), split);
        }
    }
}
