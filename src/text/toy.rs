//! An invented pair of languages with a translation that is learned in a minute, yet not word by word.
//!
//! Source: `[adverb] subject object [place] verb tense`, adjectives after their noun, and endings that tell case and
//! number. Target: `subject verb object [in place] [adverb]`, adjectives before their noun in mirrored order, articles
//! that agree with the noun's gender and number, verbs that agree with the subject's number and the tense.
//! Every source sentence has one translation. Sentences have 4 to 12 words.

use super::parallel::ParallelText;
use crate::error::{Error, Result};
use crate::seed;
use rand::{Rng, RngExt};
use std::collections::HashSet;

const NOUNS: usize = 10;
const ADJECTIVES: usize = 8;
const VERBS: usize = 8;
const ADVERBS: usize = 4;

/// The most pairs in all: far fewer than there are sentences, so that new ones are soon found.
const MAX_PAIRS: usize = 1_000_000;

/// The source's endings of a subject and of an object, singular and plural, and of a place.
const CASES: [[&str; 2]; 2] = [["a", "ai"], ["un", "uni"]];
const PLACE: &str = "es";
/// The source's words for the present and the past.
const TENSES: [&str; 2] = ["na", "ro"];
/// The target's articles by gender and number.
const ARTICLES: [[&str; 2]; 2] = [["el", "els"], ["la", "las"]];
/// The target's endings of a noun by number.
const NUMBERS: [&str; 2] = ["", "s"];
/// The target's endings of a verb by tense and number.
const VERB_ENDINGS: [[&str; 2]; 2] = [["et", "en"], ["ite", "iten"]];

/// Training, validation and test text with `pairs` pairs each, no sentence twice in all three together. The words and the
/// sentences are drawn from `seed`.
///
/// # Errors
/// If a part would be empty or there would be too many pairs.
pub fn toy(seed: u64, pairs: [usize; 3]) -> Result<[ParallelText; 3]> {
    let total = pairs.iter().try_fold(0_usize, |sum, &n| sum.checked_add(n));
    if pairs.contains(&0) || total.is_none_or(|total| total > MAX_PAIRS) {
        return Err(Error::input(format!(
            "`toy_pairs` is {pairs:?}: each part needs at least one pair, and all together at most {MAX_PAIRS}"
        )));
    }
    let languages = Languages::invent(&mut seed::stream(seed, "toy-words", 0));
    let mut random = seed::stream(seed, "toy-sentences", 0);
    let mut seen = HashSet::new();
    Ok(pairs.map(|pairs| {
        let mut text = ParallelText::default();
        while text.len() < pairs {
            let meaning = Meaning::draw(&mut random);
            if seen.insert(meaning.clone()) {
                text.sources.push(languages.source(&meaning));
                text.targets.push(languages.target(&meaning));
            }
        }
        text
    }))
}

/// What a sentence says, in either language.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Meaning {
    subject: Phrase,
    object: Phrase,
    verb: usize,
    tense: usize,
    place: Option<usize>,
    adverb: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Phrase {
    noun: usize,
    /// 0 singular, 1 plural.
    number: usize,
    /// In the source's order.
    adjectives: Vec<usize>,
}

impl Meaning {
    fn draw(random: &mut impl Rng) -> Self {
        Self {
            subject: Phrase::draw(random, 2),
            object: Phrase::draw(random, 1),
            verb: random.random_range(0..VERBS),
            tense: random.random_range(0..2),
            place: random.random_bool(0.4).then(|| random.random_range(0..NOUNS)),
            adverb: random.random_bool(0.4).then(|| random.random_range(0..ADVERBS)),
        }
    }
}

impl Phrase {
    fn draw(random: &mut impl Rng, most_adjectives: usize) -> Self {
        let adjectives = random.random_range(0..=most_adjectives);
        Self {
            noun: random.random_range(0..NOUNS),
            number: random.random_range(0..2),
            adjectives: (0..adjectives).map(|_| random.random_range(0..ADJECTIVES)).collect(),
        }
    }
}

/// The stems of both languages; index i of one means what index i of the other means.
struct Languages {
    source: Stems,
    target: Stems,
    /// Of the target's nouns; an index into [`ARTICLES`].
    genders: Vec<usize>,
}

struct Stems {
    nouns: Vec<String>,
    adjectives: Vec<String>,
    verbs: Vec<String>,
    adverbs: Vec<String>,
}

impl Languages {
    fn invent(random: &mut impl Rng) -> Self {
        // Patterns of consonants and vowels: no two kinds of word are alike, endings included.
        let source = Stems::invent(random, ["kvkvk", "kvkva", "kvkti", "vkvko"]);
        let target = Stems::invent(random, ["kvkvm", "vkvkil", "kvvk", "kvklo"]);
        let genders = (0..NOUNS).map(|noun| noun % 2).collect();
        Self { source, target, genders }
    }

    fn source(&self, meaning: &Meaning) -> String {
        let stems = &self.source;
        let mut words = Vec::new();
        words.extend(meaning.adverb.map(|adverb| stems.adverbs[adverb].clone()));
        for (phrase, endings) in [&meaning.subject, &meaning.object].into_iter().zip(CASES) {
            words.push(stems.nouns[phrase.noun].clone() + endings[phrase.number]);
            words.extend(phrase.adjectives.iter().map(|&i| stems.adjectives[i].clone()));
        }
        words.extend(meaning.place.map(|noun| stems.nouns[noun].clone() + PLACE));
        words.push(stems.verbs[meaning.verb].clone());
        words.push(TENSES[meaning.tense].to_string());
        words.join(" ")
    }

    fn target(&self, meaning: &Meaning) -> String {
        let stems = &self.target;
        let mut words = self.target_phrase(&meaning.subject);
        let ending = VERB_ENDINGS[meaning.tense][meaning.subject.number];
        words.push(stems.verbs[meaning.verb].clone() + ending);
        words.extend(self.target_phrase(&meaning.object));
        if let Some(noun) = meaning.place {
            words.push("in".to_string());
            words.extend(self.target_phrase(&Phrase { noun, number: 0, adjectives: Vec::new() }));
        }
        words.extend(meaning.adverb.map(|adverb| stems.adverbs[adverb].clone()));
        words.join(" ")
    }

    fn target_phrase(&self, phrase: &Phrase) -> Vec<String> {
        let mut words = vec![ARTICLES[self.genders[phrase.noun]][phrase.number].to_string()];
        let adjectives = phrase.adjectives.iter().rev();
        words.extend(adjectives.map(|&i| self.target.adjectives[i].clone()));
        words.push(self.target.nouns[phrase.noun].clone() + NUMBERS[phrase.number]);
        words
    }
}

impl Stems {
    /// Draws distinct stems after the patterns of nouns, adjectives, verbs and adverbs.
    fn invent(random: &mut impl Rng, [nouns, adjectives, verbs, adverbs]: [&str; 4]) -> Self {
        let mut draw = |pattern: &str, count: usize| {
            let mut stems: Vec<String> = Vec::new();
            while stems.len() < count {
                let stem = invent_stem(random, pattern);
                if !stems.contains(&stem) {
                    stems.push(stem);
                }
            }
            stems
        };
        Self {
            nouns: draw(nouns, NOUNS),
            adjectives: draw(adjectives, ADJECTIVES),
            verbs: draw(verbs, VERBS),
            adverbs: draw(adverbs, ADVERBS),
        }
    }
}

/// `k` becomes a consonant and `v` a vowel; other letters stay.
fn invent_stem(random: &mut impl Rng, pattern: &str) -> String {
    let mut letter = |letters: &[u8]| char::from(letters[random.random_range(0..letters.len())]);
    pattern
        .chars()
        .map(|place| match place {
            'k' => letter(b"bdfgjklmnprstvz"),
            'v' => letter(b"aeiou"),
            fixed => fixed,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn words(lines: &[String]) -> HashSet<&str> {
        lines.iter().flat_map(|line| line.split(' ')).collect()
    }

    #[test]
    fn the_languages_are_small_and_their_sentences_short() {
        for seed in 0..20 {
            let [train, ..] = toy(seed, [2000, 1, 1]).unwrap();
            assert!(words(&train.sources).len() + words(&train.targets).len() <= 150);
            for line in train.sources.iter().chain(&train.targets) {
                assert!((4..=12).contains(&line.split(' ').count()), "{line}");
            }
        }
    }

    #[test]
    fn every_source_has_one_translation_and_is_in_one_part_only() {
        for seed in 0..20 {
            let parts = toy(seed, [3000, 200, 200]).unwrap();
            assert_eq!(parts.each_ref().map(ParallelText::len), [3000, 200, 200]);
            let mut translations = HashMap::new();
            for (source, target) in parts.iter().flat_map(|part| part.sources.iter().zip(&part.targets)) {
                assert!(translations.insert(source, target).is_none(), "{source}");
            }
        }
    }

    #[test]
    fn the_languages_depend_on_the_seed_alone() {
        let text = |seed| toy(seed, [50, 5, 5]).unwrap();
        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
    }

    #[test]
    fn order_and_agreement_differ_between_the_languages() {
        let names = |pattern: &str, count| (0..count).map(|i| format!("{pattern}{i}")).collect();
        let stems = || Stems {
            nouns: names("n", NOUNS),
            adjectives: names("j", ADJECTIVES),
            verbs: names("v", VERBS),
            adverbs: names("b", ADVERBS),
        };
        let languages =
            Languages { source: stems(), target: stems(), genders: (0..NOUNS).map(|noun| noun % 2).collect() };
        let phrase = |noun, number, adjectives: &[usize]| Phrase { noun, number, adjectives: adjectives.to_vec() };
        let meaning = Meaning {
            subject: phrase(1, 1, &[2, 3]),
            object: phrase(4, 0, &[5]),
            verb: 6,
            tense: 1,
            place: Some(7),
            adverb: Some(0),
        };
        assert_eq!(languages.source(&meaning), "b0 n1ai j2 j3 n4un j5 n7es v6 ro");
        assert_eq!(languages.target(&meaning), "las j3 j2 n1s v6iten el j5 n4 in la n7 b0");
    }

    #[test]
    fn sizes_are_bounded() {
        for pairs in [[0, 1, 1], [1, 1, 0], [MAX_PAIRS, 1, 1], [usize::MAX, 1, 1]] {
            assert!(toy(1, pairs).unwrap_err().to_string().contains("toy_pairs"));
        }
    }
}
