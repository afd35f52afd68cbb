//! The schema of configs, and that it says of them what is so.

use super::*;
use crate::config::keys::{Keys, dotted};
use crate::config::mistakes::OVERRIDES;
use serde_json::Value;

/// What is wrong with `value` by `schema`: the words of draft 7 that are used here.
fn faults(schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut need = |is_right: bool, word: &str| found.extend((!is_right).then(|| format!("{place}: {word}")));
    let is_of_type = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        None => true,
        Some(other) => panic!("{place}: type {other}"),
    };
    need(is_of_type, "type");
    for (word, argument) in schema.as_object().unwrap() {
        let number =
            |holds: fn(f64, f64) -> bool| value.as_f64().is_none_or(|value| holds(value, argument.as_f64().unwrap()));
        let length = value.as_array().map(|list| list.len() as u64);
        match word.as_str() {
            "$schema" | "title" | "description" | "default" | "type" => {}
            "enum" => need(argument.as_array().unwrap().contains(value), word),
            "minimum" => need(number(|value, bound| value >= bound), word),
            "maximum" => need(number(|value, bound| value <= bound), word),
            "exclusiveMinimum" => need(number(|value, bound| value > bound), word),
            "exclusiveMaximum" => need(number(|value, bound| value < bound), word),
            "multipleOf" => need(number(|value, divisor| value % divisor == 0.0), word),
            "minItems" => need(length.is_none_or(|length| length >= argument.as_u64().unwrap()), word),
            "maxItems" => need(length.is_none_or(|length| length <= argument.as_u64().unwrap()), word),
            "uniqueItems" => {
                let list = value.as_array().map_or(&[][..], Vec::as_slice);
                need(list.iter().enumerate().all(|(index, item)| !list[..index].contains(item)), word);
            }
            "anyOf" => {
                let fits = |schema: &Value| faults(schema, value, place).is_empty();
                need(argument.as_array().unwrap().iter().any(fits), word);
            }
            "items" | "properties" | "additionalProperties" => {}
            other => panic!("{place}: {other} is not looked at here"),
        }
    }
    for item in value.as_array().into_iter().flatten() {
        found.extend(schema.get("items").into_iter().flat_map(|schema| faults(schema, item, place)));
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(name) {
            Some(schema) => found.extend(faults(schema, value, &format!("{place}.{name}"))),
            None if schema["additionalProperties"] == false => found.push(format!("{place}.{name}: unknown")),
            None => {}
        }
    }
    found
}

fn faults_of(text: &str) -> Vec<String> {
    let config: toml::Table = text.parse().unwrap();
    faults(&Config::schema(), &serde_json::to_value(config).unwrap(), "")
}

#[test]
fn configs_keep_to_the_schema() {
    for (name, text) in BUILT_IN {
        assert_eq!(faults_of(text), [""; 0], "{name}");
        let complete = Config::load(name).unwrap().to_toml().unwrap();
        assert_eq!(faults_of(&complete), [""; 0], "{name}, all keys");
    }
    assert_eq!(faults_of(since_0_1::WRITTEN_BY_0_1), [""; 0]);
}

/// What the program refuses key by key, the schema refuses.
#[test]
fn what_is_wrong_with_a_key_is_wrong_by_the_schema() {
    for (text, expected) in [
        ("sed = 1", ".sed: unknown"),
        ("[trian]", ".trian: unknown"),
        ("[train]\nmax_updaets = 1", ".train.max_updaets: unknown"),
        ("[train_architecture]\nmax_updaets = 1", ".train_architecture.max_updaets: unknown"),
        ("[search]\nmax_flops = 1", ".search.max_flops: unknown"),
        ("[space]\nencoder_heads = [1]", ".space.encoder_heads: unknown"),
        ("seed = -1", ".seed: minimum"),
        ("data = 3", ".data: type"),
        ("data.corpus = \"web\"", ".data.corpus: enum"),
        ("data.train = \"train\"", ".data.train: type"),
        ("data.train = [1]", ".data.train: type"),
        ("data.toy_pairs = [1, 1]", ".data.toy_pairs: minItems"),
        ("data.corpus = \"toy\"\ndata.toy_pairs = [1, 0, 1]", ".data.toy_pairs: minimum"),
        ("data.vocab_size = 4", ".data.vocab_size: minimum"),
        ("data.lowercase = 1", ".data.lowercase: type"),
        ("model.dropout = 1.0", ".model.dropout: exclusiveMaximum"),
        ("model.capacity_factor = 0", ".model.capacity_factor: exclusiveMinimum"),
        ("train.lr_schedule = \"linear\"", ".train.lr_schedule: enum"),
        ("train.weights = \"mixed\"", ".train.weights: enum"),
        ("train.max_updates = 1.5", ".train.max_updates: type"),
        ("train.adam_betas = [0.9, 1.0]", ".train.adam_betas: exclusiveMaximum"),
        ("train_architecture.lr = 0", ".train_architecture.lr: exclusiveMinimum"),
        ("search.algorithm = \"annealing\"", ".search.algorithm: enum"),
        ("search.latency = \"guessed\"", ".search.latency: enum"),
        ("search.mutation_probability = 1.5", ".search.mutation_probability: maximum"),
        ("search.max_gflops = -1", ".search.max_gflops: minimum"),
        ("space.encoder_embed_dim = [5]", ".space.encoder_embed_dim: multipleOf"),
        ("space.encoder_embed_dim = [[64]]", ".space.encoder_embed_dim: type"),
        ("space.encoder_layer_num = []", ".space.encoder_layer_num: minItems"),
        ("space.encoder_layer_num = [1, 1]", ".space.encoder_layer_num: uniqueItems"),
        ("space.encoder_n_experts = [[1], 2]", ".space.encoder_n_experts: anyOf"),
        ("space.decoder_arbitrary_ende_attn = [3]", ".space.decoder_arbitrary_ende_attn: anyOf"),
        ("translate.beam = 0", ".translate.beam: minimum"),
        ("baseline.encoder_layers = 1000", ".baseline.encoder_layers: maximum"),
    ] {
        assert!(faults_of(text).iter().any(|fault| fault == expected), "{text}: {:?}", faults_of(text));
        assert!(!mistake(text, &[]).is_empty());
    }
}

#[test]
fn the_schema_has_the_keys_the_defaults_and_words_for_users() {
    let keys = Keys::all();
    let defaults = serde_json::to_value(Config::default()).unwrap();
    for section in std::iter::once("").chain(keys.sections()) {
        let of_section = if section.is_empty() { &defaults } else { &defaults[section] };
        for (name, schema) in keys.of(section).unwrap() {
            let key = dotted(section, name);
            let words = schema["description"].as_str().unwrap_or_else(|| panic!("{key} has no documentation"));
            // Links are rustdoc's.
            assert!(!words.contains("](") && !words.contains("::") && words.ends_with('.'), "{key}: {words}");
            match schema["type"] == "object" || OVERRIDES.contains(&section) {
                true => assert_eq!(schema.get("default"), None, "{key}"),
                false => assert_eq!(schema["default"], of_section[name], "{key}"),
            }
        }
        let written = of_section.as_object().unwrap().keys();
        assert!(written.into_iter().all(|name| keys.get(section, name).is_some()), "{section}");
    }
    for section in OVERRIDES {
        assert!(keys.of("train").unwrap().keys().eq(keys.of(section).unwrap().keys()), "{section}");
    }
}
