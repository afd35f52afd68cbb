//! White space as Python sees it, by which fairseq, SentencePiece's users and sacreBLEU part words; and what shows nothing.

use std::borrow::Cow;

/// Python's `str.isspace`: Unicode's white space and the four ASCII separators.
fn is_space(character: char) -> bool {
    character.is_whitespace() || is_separator(character)
}

/// One of the four ASCII separators, which only Python takes for white space.
pub(crate) fn is_separator(character: char) -> bool {
    ('\u{1c}'..='\u{1f}').contains(&character)
}

/// Whether `character` takes no room: Unicode's `Default_Ignorable_Code_Point`.
fn is_zero_width(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether nothing in `line` can be seen: it has white space, zero-width and control characters alone.
pub(crate) fn is_blank(line: &str) -> bool {
    line.chars().all(|character| is_space(character) || is_zero_width(character) || character.is_control())
}

/// The line's words: what white space separates, as Python's `str.split()` does it.
pub(crate) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(is_space).filter(|word| !word.is_empty())
}

/// The line without white space at its end.
pub(crate) fn trim_end(line: &str) -> &str {
    line.trim_end_matches(is_space)
}

/// The line's words with one space between them.
pub(crate) fn collapsed(line: &str) -> Cow<'_, str> {
    match is_collapsed(line) {
        true => Cow::Borrowed(line),
        false => Cow::Owned(words(line).collect::<Vec<_>>().join(" ")),
    }
}

/// Whether the white space of `line` is one space between words each.
pub(crate) fn is_collapsed(line: &str) -> bool {
    let mut is_within_word = false;
    for character in line.chars() {
        let was_within_word = std::mem::replace(&mut is_within_word, !is_space(character));
        if !is_within_word && (character != ' ' || !was_within_word) {
            return false;
        }
    }
    is_within_word || line.is_empty()
}

/// Whether `line` has white space other than the space.
pub(crate) fn has_odd_space(line: &str) -> bool {
    line.contains(|character| character != ' ' && is_space(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_that_of_python() {
        assert_eq!(trim_end("a\u{200b} \u{1c}\u{85}\u{a0}\n"), "a\u{200b}");
        assert_eq!(words(" a\u{1f}b\u{3000}c\u{2028}d\u{a0}\u{85} e ").collect::<Vec<_>>(), ["a", "b", "c", "d", "e"]);
        assert_eq!(words("a\u{200b}b\u{feff}").collect::<Vec<_>>(), ["a\u{200b}b\u{feff}"]);
    }

    #[test]
    fn collapsing_leaves_one_space_between_words() {
        for line in ["a b", " a b", "a  b", "a b ", "a\tb", "a\u{a0}b", "\ta\u{1c}\u{3000}b\r"] {
            assert_eq!(collapsed(line), "a b", "{line:?}");
        }
        for line in ["", " ", "\t\u{1c}"] {
            assert_eq!(collapsed(line), "", "{line:?}");
        }
    }

    #[test]
    fn what_shows_nothing_is_blank() {
        for line in ["", " \t", "\u{200b}", "\u{feff}", "\u{1c}", "\u{0}\u{7f}\u{9f}", " \u{ad}\u{2060}\u{e0001} "] {
            assert!(is_blank(line), "{line:?}");
        }
        for line in ["a", "\u{200b}.", "\u{301}", "\u{fffd}"] {
            assert!(!is_blank(line), "{line:?}");
        }
    }
}
