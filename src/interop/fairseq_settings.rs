//! Settings of fairseq, HAT and AutoMoE wherever a file keeps them, and whether a model of ours can be what they say.
//!
//! Until 2020 a checkpoint has all settings under `args`, an `argparse.Namespace`; later ones have groups of them under `cfg`
//! (`cfg.model`, `cfg.task`, …), where `model` may be such a namespace still, or be nested in turn (`encoder.layers`).

use crate::error::{Error, Result};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Settings by name.
pub(super) type Args = BTreeMap<String, Value>;

/// Settings that must be off (false, 0, empty), null or absent for a model to compute, and be trained, as ours is.
const OFF: [&str; 38] = [
    "encoder_normalize_before",
    "decoder_normalize_before",
    "encoder_learned_pos",
    "decoder_learned_pos",
    "no_token_positional_embeddings",
    "no_scale_embedding",
    "vocab_original_scaling",
    "layernorm_embedding",
    "no_cross_attention",
    "cross_self_attention",
    "left_pad_target",
    "full_context_alignment",
    "adaptive_softmax_cutoff",
    "adaptive_input",
    "tie_adaptive_weights",
    "use_factorized_embedding",
    "encoder_factorized_embed_dim",
    "decoder_factorized_embed_dim",
    "merge_src_tgt_embed",
    "char_inputs",
    "encoder_layerdrop",
    "decoder_layerdrop",
    "encoder_layers_to_keep",
    "decoder_layers_to_keep",
    "encoder_recurrent_stacking",
    "decoder_recurrent_stacking",
    "encoder_add_adapters",
    "decoder_add_adapters",
    "encoder_xformers_att_config",
    "decoder_xformers_att_config",
    "quant_noise_pq",
    "quant_noise_scalar",
    "base_layers",
    "scale_attn",
    "scale_fc",
    "scale_heads",
    "scale_resids",
    "use_alibi",
];

/// Groups of newer settings whose names were the beginning of a setting's name before.
const NESTED: [&str; 3] = ["encoder", "decoder", "quant_noise"];

/// Everything that a file says about its model.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// Each setting that is no group, in the order of the file.
    all: Vec<Setting>,
}

#[derive(Debug, Clone)]
struct Setting {
    /// As in `args`: `encoder_layers`, where the file has `layers` in the group `encoder`.
    name: String,
    /// The groups that it stands in, such as `cfg.model`.
    place: String,
    value: Value,
}

impl Settings {
    /// Those under `args` and `cfg` of a checkpoint.
    pub fn of_checkpoint(args: &Args, cfg: &Value) -> Self {
        let mut settings = Self::default();
        settings.gather("cfg", cfg);
        settings.gather_group("args", &Map::from_iter(args.clone()));
        settings
    }

    /// Those of one plain group.
    pub fn of_group(place: &str, group: &Map<String, Value>) -> Self {
        let mut settings = Self::default();
        settings.gather_group(place, group);
        settings
    }

    /// The settings by name. Of those with one name, that of `args` counts, then that of a group called `model`.
    pub fn by_name(&self) -> Args {
        let mut ordered: Vec<_> = self.all.iter().collect();
        ordered.sort_by_key(|setting| (setting.place == "args", setting.place.contains(".model")));
        ordered.into_iter().map(|setting| (setting.name.clone(), setting.value.clone())).collect()
    }

    /// Refuses a model of another kind than ours (pre-norm, learned positions, …), which would load and translate wrongly.
    ///
    /// # Errors
    /// The first setting that says so, wherever it stands.
    pub fn check(&self) -> Result<()> {
        for Setting { name, place, value } in &self.all {
            let ours = match name.as_str() {
                "activation_fn" if !value.is_null() && value != "relu" => "relu",
                name if OFF.contains(&name) && !is_off(value) => "False",
                _ => continue,
            };
            return Err(Error::input(format!(
                "its settings ({place}) have {name} = {}, but models here have {ours}",
                text(value)
            )));
        }
        Ok(())
    }

    /// Adds what stands in `value`, at any depth. Recursion is safe because its depth was bounded in reading.
    fn gather(&mut self, place: &str, value: &Value) {
        if let Value::Object(group) = value {
            self.gather_group(place, group);
        }
    }

    fn gather_group(&mut self, place: &str, group: &Map<String, Value>) {
        let prefix = place.rsplit('.').next().filter(|group| NESTED.contains(group));
        for (key, value) in group {
            let key = key.replace('-', "_");
            if value.is_object() {
                self.gather(&format!("{place}.{key}"), value);
                continue;
            }
            let name = prefix.map_or_else(|| key.clone(), |prefix| format!("{prefix}_{key}"));
            self.all.push(Setting { name, place: place.to_string(), value: value.clone() });
        }
    }
}

/// Whether a setting is off; fairseq keeps some flags as texts.
fn is_off(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) | Value::Object(_) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => ["", "False", "false", "None", "0"].contains(&text.as_str()),
        Value::Array(items) => items.is_empty(),
    }
}

/// A setting as the command line had it.
fn text(value: &Value) -> String {
    match value {
        Value::Bool(true) => "True".into(),
        Value::String(text) => text.escape_debug().to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(args: Value, cfg: Value) -> Settings {
        Settings::of_checkpoint(&serde_json::from_value(args).unwrap(), &cfg)
    }

    #[test]
    fn models_of_another_kind_are_refused_wherever_their_settings_stand() {
        for (args, cfg, expected) in [
            (json!({"encoder_normalize_before": true}), Value::Null, "(args) have encoder_normalize_before = True"),
            (json!({"decoder_learned_pos": "True"}), Value::Null, "(args) have decoder_learned_pos = True"),
            (json!({"adaptive_softmax_cutoff": "1000,2000"}), Value::Null, "adaptive_softmax_cutoff = 1000,2000"),
            (
                json!({"activation_fn": "gelu"}),
                json!({}),
                "(args) have activation_fn = gelu, but models here have relu",
            ),
            (json!({}), json!({"model": {"layernorm_embedding": true}}), "(cfg.model) have layernorm_embedding = True"),
            (json!({}), json!({"task": {"left_pad_target": true}}), "(cfg.task) have left_pad_target = True"),
            (json!({}), json!({"no_scale_embedding": 1}), "(cfg) have no_scale_embedding = 1"),
            (
                json!({}),
                json!({"model": {"decoder": {"normalize_before": true}}}),
                "(cfg.model.decoder) have decoder_normalize_before = True, but models here have False",
            ),
            (
                json!({}),
                json!({"model": {"quant_noise": {"pq": 0.1}}}),
                "(cfg.model.quant_noise) have quant_noise_pq = 0.1",
            ),
            (json!({}), json!({"model": {"decoder-layerdrop": 0.2}}), "decoder_layerdrop = 0.2"),
            (json!({}), json!({"model": {"adaptive_softmax_cutoff": [1000]}}), "adaptive_softmax_cutoff = [1000]"),
            // Said rightly in one place and wrongly in another.
            (json!({"activation_fn": "relu"}), json!({"model": {"activation_fn": "swish"}}), "activation_fn = swish"),
        ] {
            let error = settings(args, cfg).check().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn what_is_off_is_ours() {
        let off = json!([null, false, 0, 0.0, "", "False", "None", []]);
        for value in off.as_array().unwrap() {
            let cfg = json!({"model": {"encoder_normalize_before": value, "encoder": {"layerdrop": value}}});
            settings(json!({"layernorm_embedding": value, "activation_fn": "relu"}), cfg).check().unwrap();
        }
        settings(json!({"activation_fn": null, "clip_norm": "inf", "dropout": 0.1}), Value::Null).check().unwrap();
    }

    #[test]
    fn newer_settings_have_the_names_of_before() {
        let cfg = json!({
            "model": {"encoder": {"layers": 3}, "share_all_embeddings": true, "decoder_layers": 2},
            "task": {"share_all_embeddings": false},
        });
        let found = settings(json!({"decoder_layers": 1}), cfg).by_name();
        let expected = json!({"encoder_layers": 3, "share_all_embeddings": true, "decoder_layers": 1});
        assert_eq!(serde_json::to_value(found).unwrap(), expected);
    }
}
