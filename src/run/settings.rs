//! Whether two runs have the same settings, and where they differ.

use crate::config::{default_of_new_key, is_adjustable, may_change};
use crate::error::{Error, Result, listed};
use std::collections::BTreeMap;

/// Keys that may not change between calls and are, all the same, in no fingerprint: in version 0.1.0 they could change.
const NOT_FINGERPRINTED: [&str; 2] = ["train.precision", "train_architecture.precision"];

/// What is made in a run with its settings, by which some of them come into `config.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// Weights.
    Weights,
    /// Trials of a search.
    Trials,
    /// Anything else.
    Other,
}

/// Whether `key` may change between calls and is, all the same, in the fingerprints of runs that were begun with it: version
/// 0.1.0 had it there.
fn is_fingerprinted(key: &str) -> bool {
    ["data.test", "train_architecture.save_every"].contains(&key) || is_adjustable(key)
}

/// The settings of a run as flat keys (`train.lr`) and values, without those that may change between calls, and without keys
/// that are newer than version 0.1.0 and have their default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// The settings in a TOML text.
    ///
    /// # Errors
    /// [`Error::Input`] when it is not TOML.
    pub fn parse(text: &str) -> Result<Self> {
        let table: toml::Table = toml::from_str(text).map_err(|error| Error::input(error.message()))?;
        let mut flat = BTreeMap::new();
        flatten("", table, &mut flat);
        flat.retain(|key, value| {
            let is_default = default_of_new_key(key).is_some_and(|default| on_one_line(default) == *value);
            (!may_change(key) || is_fingerprinted(key)) && !is_default
        });
        Ok(Self(flat))
    }

    /// Equal for equal settings, whatever the order and the layout of their text; precisions are not in it.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (key, value) in self.0.iter().filter(|(key, _)| !NOT_FINGERPRINTED.contains(&key.as_str())) {
            hasher.update(format!("{key} = {value}\n").as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// The lines that differ in `new`: `train.lr = 0.1 (now 0.2), …`; empty when none does.
    pub fn differences(&self, new: &Self) -> String {
        self.differing(new, |key| !may_change(key))
    }

    /// The lines that differ in `new` of settings that trainings go on with other values of; empty when none does.
    pub fn adjustments(&self, new: &Self) -> String {
        self.differing(new, is_adjustable)
    }

    fn differing(&self, new: &Self, counts: impl Fn(&str) -> bool) -> String {
        let added = new.0.keys().filter(|key| !self.0.contains_key(*key));
        let keys = self.0.keys().chain(added).filter(|key| counts(key));
        let lines: Vec<String> = keys.filter_map(|key| difference(key, self.value(key), new.value(key))).collect();
        listed(&lines, ", ")
    }

    /// How precisions differ in `new`, which fingerprints do not tell; empty where they do not.
    pub fn other_precisions(&self, new: &Self) -> String {
        let precisions = |settings: &Self| {
            let kept = settings.0.iter().filter(|(key, _)| NOT_FINGERPRINTED.contains(&key.as_str()));
            Self(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
        };
        precisions(self).differences(&precisions(new))
    }

    /// The value of `key`; the default where a config says nothing of a new key.
    fn value(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned().or_else(|| default_of_new_key(key).map(on_one_line))
    }
}

/// How the values of `key` differ, if they do.
fn difference(key: &str, then: Option<String>, now: Option<String>) -> Option<String> {
    match (then, now) {
        (then, now) if then == now => None,
        (Some(then), Some(now)) => Some(format!("{key} = {then} (now {now})")),
        (Some(then), None) => Some(format!("{key} = {then} (now gone)")),
        (None, now) => Some(format!("{key} = {} (new)", now?)),
    }
}

fn flatten(prefix: &str, table: toml::Table, flat: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let key = format!("{prefix}{}", key.escape_debug());
        match value {
            toml::Value::Table(table) => flatten(&format!("{key}."), table, flat),
            value => drop(flat.insert(key, on_one_line(&value))),
        }
    }
}

/// A value on one line, whatever TOML makes of a long text.
fn on_one_line(value: &toml::Value) -> String {
    value.to_string().replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        Settings::parse(text).unwrap()
    }

    #[test]
    fn layout_order_and_harmless_settings_make_no_difference() {
        let a = settings("seed = 1\nrun_dir = 'a'\n[train]\nlr = 0.1\nlog_every = 10\n");
        let b = settings("train = { log_every = 20, lr = 1e-1 }\nrun_dir = \"b\"\nseed = 1\n");
        assert_eq!(a.fingerprint(), b.fingerprint());
        assert_eq!(a.differences(&b), "");
        // The same key name elsewhere is another setting.
        let other = settings("seed = 1\n[train]\nlr = 0.1\n[translate_log]\nlog_every = 1\n");
        assert_ne!(a.fingerprint(), other.fingerprint());
    }

    #[test]
    fn precisions_are_told_apart_though_no_fingerprint_has_them() {
        let [single, half] = ["float32", "bfloat16"].map(|name| settings(&format!("[train]\nprecision = '{name}'\n")));
        assert_eq!(single.fingerprint(), half.fingerprint());
        assert_eq!(single.other_precisions(&half), r#"train.precision = "float32" (now "bfloat16")"#);
        let overridden =
            settings("seed = 2\n[train]\nprecision = 'float32'\n[train_architecture]\nprecision = 'float32'\n");
        assert_eq!(single.other_precisions(&overridden), r#"train_architecture.precision = "float32" (new)"#);
        assert_eq!(single.other_precisions(&settings("seed = 2\n[train]\nprecision = 'float32'\n")), "");
    }

    #[test]
    fn differences_name_key_old_value_and_new_value() {
        let old = settings("seed = 1\n[data]\ntrain = ['a']\n[train]\nadam_eps = 0.1\n");
        let new = settings("seed = 1\ndepth = 2\n[data]\ntrain = ['a', 'b']\n");
        assert_eq!(
            old.differences(&new),
            r#"data.train = ["a"] (now ["a", "b"]), train.adam_eps = 0.1 (now gone), depth = 2 (new)"#
        );
        assert_ne!(old.fingerprint(), new.fingerprint());
        let many = settings("a = 1\nb = 1\nc = 1\nd = 1\ne = 1\nf = 1\n");
        let named = settings("").differences(&many);
        assert_eq!(named, "a = 1 (new), b = 1 (new), c = 1 (new), d = 1 (new), e = 1 (new), f = 1 (new)");
    }

    #[test]
    fn what_trainings_go_on_with_is_fingerprinted_and_told_apart() {
        let text = "[train]\nlr = 0.1\nclip_norm = 0.0\nlr_schedule = 'cosine'\n";
        let (old, faster) = (settings(text), text.replace("0.1", "0.2"));
        assert_ne!(old.fingerprint(), settings(&faster).fingerprint());
        let new = settings(&format!("{faster}[train_architecture]\nmax_updates = 9\n[space]\nlr = 1\n"));
        assert_eq!(old.differences(&new), "space.lr = 1 (new)");
        assert_eq!(old.adjustments(&new), "train.lr = 0.1 (now 0.2), train_architecture.max_updates = 9 (new)");
    }

    #[test]
    fn a_new_key_that_is_not_there_counts_as_its_default() {
        assert_eq!(default_of_new_key("search.max_kv_cache_mb"), Some(&toml::Value::Float(0.0)));
        for known in ["seed", "train.lr", "train_architecture.lr", "search.max_gflops", "unknown"] {
            assert_eq!(default_of_new_key(known), None, "{known}");
        }
        assert_eq!(settings("").value("search.max_kv_cache_mb").as_deref(), Some("0.0"));
    }

    #[test]
    fn differences_are_one_line_whatever_the_values_are() {
        let old = settings("a = \"one\\ntwo\"\n\"k\\ny\" = 1\n");
        let lines = old.differences(&settings("b = '''\na\nb'''\n"));
        assert!(lines.contains("one") && lines.contains("(new)"), "{lines}");
        assert_eq!(lines.lines().count(), 1, "{lines}");
    }

    #[test]
    fn a_text_that_is_not_toml_is_one_line() {
        let error = Settings::parse("seed = \n[").unwrap_err().to_string();
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}
