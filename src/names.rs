//! Names that users write: which of the known ones a wrong one may stand for.

use crate::error::listed;

/// How alike two names must be for one to be suggested: two thirds of the longer one's characters are right.
const NEAR: f64 = 2.0 / 3.0;

/// The message about a `key` that is none of `known`.
pub(crate) fn unknown(key: &str, known: &[String]) -> String {
    format!("unknown key \"{}\"; {}", key.escape_debug(), hint(key, known))
}

/// What `key` may stand for: the nearest of `known`, or any of them where none is near.
pub(crate) fn hint(key: &str, known: &[impl AsRef<str>]) -> String {
    match nearest(key, known.iter().map(AsRef::as_ref)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("expected one of {}", listed(known, ", ")),
    }
}

/// The one of `known` that `key` is most likely meant to be; `None` where none is near.
pub(crate) fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = known.map(|name| (likeness(key, name), name)).filter(|(likeness, _)| *likeness >= NEAR);
    likeness.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, name)| name)
}

/// From 0 to 1: of characters, or of words where one name has only words of the other and at least half of them.
fn likeness(key: &str, name: &str) -> f64 {
    let (short, long) = if key.len() < name.len() { (key, name) } else { (name, key) };
    let words = |name: &str| name.split('_').map(str::to_lowercase).collect::<Vec<_>>();
    let (short, long) = (words(short), words(long));
    let is_part = 2 * short.len() >= long.len() && short.iter().all(|word| long.contains(word));
    let of_characters = strsim::normalized_damerau_levenshtein(&key.to_lowercase(), &name.to_lowercase());
    if is_part { NEAR + (1.0 - NEAR) * of_characters } else { of_characters }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_names_are_suggested() {
        let known = [
            "seed",
            "lr",
            "decoder",
            "max_updates",
            "max_tokens",
            "warmup_updates",
            "warmup_init_lr",
            "encoder_ffn_embed_dim",
            "encoder_self_attention_heads",
            "encoder_n_experts",
        ];
        for (key, expected) in [
            ("max_updaets", Some("max_updates")),
            ("maxupdates", Some("max_updates")),
            ("Max_Tokens", Some("max_tokens")),
            ("warmup", Some("warmup_updates")),
            ("sede", Some("seed")),
            ("encoder_ffn_dim", Some("encoder_ffn_embed_dim")),
            ("encoder_heads", Some("encoder_self_attention_heads")),
            ("encoder_n_expert", Some("encoder_n_experts")),
            ("foo", None),
            ("", None),
            ("encoder", Some("decoder")),
            ("encoder_foo", None),
            ("encoder_xyz_abc", None),
            ("learning_rate", None),
            ("max", Some("max_tokens")),
        ] {
            assert_eq!(nearest(key, known.into_iter()), expected, "{key}");
        }
    }

    #[test]
    fn where_none_is_near_all_are_listed() {
        let known = ["encoder", "decoder"].map(String::from);
        assert_eq!(unknown("decodr", &known), "unknown key \"decodr\"; did you mean \"decoder\"?");
        assert_eq!(unknown("f\no", &known), "unknown key \"f\\no\"; expected one of encoder, decoder");
    }
}
