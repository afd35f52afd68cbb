//! Sentences that are longer than a batch or a model takes: where they are, and what helps.

use crate::config::Config;
use crate::error::{Error, Result, refuse};
use crate::model::MAX_POSITIONS;
use crate::text::corpus::place_of;
use crate::text::{Dataset, Prepared};

/// What a validation pair that is too long is answered with.
const SKIP: &str = "set data.skip_long = true, which leaves such validation pairs out";

/// The most subwords of a sentence, its end included, and what says so.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    most: usize,
    /// The key; none for the positions of models.
    key: Option<String>,
}

impl Limit {
    /// That of the SuperNet's batches.
    pub fn of_supernet(config: &Config) -> Self {
        Self::of_batches("train", config.train.max_tokens)
    }

    /// That of batches where one architecture is trained.
    ///
    /// # Errors
    /// As [`crate::config::TrainConfig::with`].
    pub fn of_architecture(config: &Config) -> Result<Self> {
        let section = if config.train_architecture.has("max_tokens") { "train_architecture" } else { "train" };
        Ok(Self::of_batches(section, config.train.with(&config.train_architecture)?.max_tokens))
    }

    /// That of batches where one architecture is trained from a SuperNet's weights.
    ///
    /// # Errors
    /// As [`Self::of_architecture`].
    pub fn of_finetuning(config: &Config) -> Result<Self> {
        match config.finetune.has("max_tokens") {
            true => Ok(Self::of_batches("finetune", config.train.with(&config.finetune)?.max_tokens)),
            false => Self::of_architecture(config),
        }
    }

    /// That of the search's batches.
    pub fn of_search(config: &Config) -> Self {
        Self::of_batches("search", config.search.max_tokens)
    }

    /// That of models.
    pub fn of_models() -> Self {
        Self { most: MAX_POSITIONS, key: None }
    }

    fn of_batches(section: &str, most: usize) -> Self {
        Self { most, key: Some(format!("{section}.max_tokens")) }
    }

    /// As messages name it.
    fn name(&self) -> String {
        match &self.key {
            Some(key) => format!("{key} = {}", self.most),
            None => format!("the {} positions that models have", self.most),
        }
    }

    /// What is done about a sentence of `longest` subwords, other than leaving it out.
    fn remedy(&self, longest: usize) -> String {
        self.key.as_ref().map_or_else(|| "shorten it".to_owned(), |key| format!("raise {key} to {longest}"))
    }
}

/// The pairs of a set that are too long.
#[derive(Debug, Clone, PartialEq)]
struct Long {
    /// The first of them.
    first: usize,
    /// Its subwords, source and target; `None` for a side that does not count.
    subwords: [Option<usize>; 2],
    /// The most that any sentence of them has.
    longest: usize,
    count: usize,
}

impl Long {
    /// Those of `set` with more than `most` subwords on one of `sides`, 1 for the source alone.
    fn of(set: &Dataset, sides: usize, most: usize) -> Option<Self> {
        let subwords = |i: usize| [set.source(i).len(), set.target(i).len()];
        let longer = |i: usize| subwords(i).into_iter().take(sides).max().unwrap_or(0);
        let mut long = (0..set.len()).filter(|&i| longer(i) > most);
        let first = long.next()?;
        let mut found = Self { first, subwords: [None; 2], longest: longer(first), count: 1 };
        for (side, subwords) in subwords(first).into_iter().take(sides).enumerate() {
            found.subwords[side] = Some(subwords);
        }
        for i in long {
            found.longest = found.longest.max(longer(i));
            found.count += 1;
        }
        Some(found)
    }

    /// `PLACE has N source and M target subwords (eos included), more than LIMIT (as have 3 others)`.
    fn fault(&self, place: &str, limit: &Limit) -> String {
        let others = match self.count {
            1 => String::new(),
            2 => " (as has one other)".to_owned(),
            count => format!(" (as have {} others)", count - 1),
        };
        format!("{place} has {}, more than {}{others}", self.told(), limit.name())
    }

    fn told(&self) -> String {
        let sides = ["source", "target"].into_iter().zip(self.subwords);
        let sides: Vec<String> = sides.filter_map(|(side, count)| Some(format!("{} {side}", count?))).collect();
        format!("{} subwords (eos included)", sides.join(" and "))
    }
}

/// What is wrong with the training pairs, if anything is.
pub(super) fn training_fault(prepared: &Prepared, limit: &Limit) -> Option<String> {
    let long = Long::of(&prepared.train, 2, limit.most)?;
    let fault = long.fault(&format!("training pair {} of those kept", long.first + 1), limit);
    // It counts without the end of the sentence, and 0 is none.
    let max_length = format!("set data.max_length = {}, which leaves such training pairs out", limit.most - 1);
    Some(match (&limit.key, limit.most) {
        (None, _) => format!("{fault}: {max_length}"),
        (_, ..2) => format!("{fault}: {}", limit.remedy(long.longest)),
        _ => format!("{fault}: {}, or {max_length}", limit.remedy(long.longest)),
    })
}

/// What is wrong with the validation pairs, if anything is.
pub(super) fn validation_fault(config: &Config, prepared: &Prepared, limit: &Limit) -> Option<String> {
    let long = Long::of(&prepared.valid, 2, limit.most)?;
    let fault = long.fault(&place(config, "validation", &config.data.valid, long.first), limit);
    Some(format!("{fault}: {}, or {SKIP}", limit.remedy(long.longest)))
}

/// What is wrong with the test sentences, if anything is. Where `data.skip_long` allows for them, they are told.
pub(super) fn test_fault(config: &Config, prepared: &Prepared) -> Option<String> {
    let limit = Limit::of_models();
    let long = Long::of(&prepared.test, 1, limit.most)?;
    let fault = long.fault(&place(config, "test", &config.data.test, long.first), &limit);
    if config.data.skip_long {
        tracing::warn!("{fault}: its translation is an empty line (data.skip_long)");
        return None;
    }
    Some(format!("{fault}: split it, or set data.skip_long = true, with which its translation is an empty line"))
}

/// Refuses data that no model can be trained on: an empty set, pairs that are longer than a model's positions. Where `config`
/// asks for it, validation pairs that are too long for anything that they are for are left out instead.
///
/// # Errors
/// Such data.
pub(super) fn check_data(config: &Config, prepared: &mut Prepared) -> Result<()> {
    for (name, set) in [("training", &prepared.train), ("validation", &prepared.valid)] {
        if set.is_empty() {
            return Err(Error::input(format!("the {name} set has no pairs")));
        }
    }
    if config.data.skip_long {
        leave_out_long(config, prepared)?;
    }
    let models = Limit::of_models();
    let faults = [training_fault(prepared, &models), validation_fault(config, prepared, &models)];
    refuse(&faults.into_iter().flatten().collect::<Vec<_>>())
}

/// Leaves out validation pairs that are longer than any batch or a model's positions.
///
/// # Errors
/// None is left.
fn leave_out_long(config: &Config, prepared: &mut Prepared) -> Result<()> {
    let alone = [Limit::of_architecture(config)?, Limit::of_finetuning(config)?];
    let limits = alone.into_iter().chain([Limit::of_search(config), Limit::of_models()]);
    let least = |least: Limit, limit: Limit| if limit.most < least.most { limit } else { least };
    let limit = limits.fold(Limit::of_supernet(config), least);
    let Some(long) = Long::of(&prepared.valid, 2, limit.most) else {
        return Ok(());
    };
    let pairs = prepared.valid.len();
    let place = place(config, "validation", &config.data.valid, long.first);
    prepared.keep_valid(|source, target| source.len().max(target.len()) <= limit.most);
    let told = format!(
        "{} of {pairs} validation pairs are longer than {} and left out (data.skip_long); the first is {place}, with {}",
        long.count,
        limit.name(),
        long.told()
    );
    if prepared.valid.is_empty() {
        return Err(Error::input(format!("{told}; none is left")));
    }
    tracing::warn!("{told}");
    Ok(())
}

/// `validation pair 2 (line 2 of "valid")`.
fn place(config: &Config, set: &str, names: &[String], index: usize) -> String {
    let found = place_of(&config.data, names, index).map(|place| format!(" ({place})"));
    format!("{set} pair {}{}", index + 1, found.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_pairs_are_counted_on_the_sides_that_matter() {
        let mut set = Dataset::default();
        for [source, target] in [[1, 1], [4, 9], [2, 12], [7, 1]] {
            set.push(&vec![9; source], &vec![9; target]);
        }
        let found = |first, subwords, longest, count| Some(Long { first, subwords, longest, count });
        assert_eq!(Long::of(&set, 2, 8), found(1, [Some(5), Some(10)], 13, 2));
        assert_eq!(Long::of(&set, 1, 7), found(3, [Some(8), None], 8, 1));
        assert_eq!(Long::of(&set, 2, 13), None);
    }

    #[test]
    fn what_helps_is_said() {
        let long = Long { first: 1, subwords: [Some(5), Some(10)], longest: 13, count: 3 };
        let limit = Limit::of_batches("train", 8);
        assert_eq!(
            format!("{}: {}", long.fault("it", &limit), limit.remedy(long.longest)),
            "it has 5 source and 10 target subwords (eos included), more than train.max_tokens = 8 (as have 2 others): raise \
             train.max_tokens to 13"
        );
        let long = Long { count: 1, subwords: [Some(1025), None], ..long };
        assert_eq!(
            long.fault("it", &Limit::of_models()),
            "it has 1025 source subwords (eos included), more than the 1024 positions that models have"
        );
    }
}
