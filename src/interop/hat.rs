//! HAT's and AutoMoE's YAML files: an architecture (`configs/*/subtransformer/*.yml`), a search space
//! (`configs/*/supertransformer/space*.yml`).

use super::fairseq_args::subtransformer;
use super::fairseq_settings::{Args, Settings};
use crate::error::{Error, Result, listed, refuse_each};
use crate::space::{Architecture, GENES, Gene, Scope, Side};
use crate::yaml;
use serde_json::{Value, json};
use std::fmt::Write;

/// Settings of a space's file that are keys of `[model]` here, by the same name.
const MODEL: [&str; 6] = [
    "qkv_dim",
    "share_all_embeddings",
    "share_decoder_input_output_embed",
    "dropout",
    "attention_dropout",
    "activation_dropout",
];

/// Whether a file whose first line, neither blank nor the beginning of JSON, is `line` is to be read as YAML.
pub fn is_yaml(line: &str) -> bool {
    let line = line.trim();
    let is_setting = line.starts_with(|first: char| first.is_alphabetic()) && line.contains(':');
    line.starts_with('#') || line.starts_with("---") || is_setting
}

/// The architecture in the YAML `text`, for models whose attentions have `qkv_dim` features.
///
/// # Errors
/// Text that is not such YAML; no architecture in it, or one that is no valid one; a setting that models here cannot have.
pub fn architecture(text: &str, qkv_dim: usize) -> Result<Architecture> {
    let args = checked(text)?;
    if let Some(given) = args.get("qkv_dim").filter(|given| !given.is_null() && **given != qkv_dim) {
        let message = format!("qkv-dim is {given}, but model.qkv_dim {qkv_dim}; add --set model.qkv_dim={given}");
        return Err(Error::input(message));
    }
    let stack = |side: &str| {
        let missing =
            || Error::input(format!("no architecture: expected {side}-embed-dim-subtransformer and its like"));
        subtransformer(&args, side)?.ok_or_else(missing)
    };
    Architecture::from_value(&json!({"encoder": stack("encoder")?, "decoder": stack("decoder")?}))
}

/// A config, as TOML, of the search space in the YAML `text`, and the names of the settings there that are not in it.
///
/// # Errors
/// Text that is not such YAML; choices that are missing or no lists of numbers, all of them; a setting that models here cannot
/// have.
pub fn space(text: &str) -> Result<(String, Vec<String>)> {
    let mut args = checked(text)?;
    let mut config = String::from("[space]\n");
    let (mut missing, mut faults) = (Vec::new(), Vec::new());
    for gene in GENES {
        for side in Side::BOTH {
            let Some(default) = gene.defaults(side) else { continue };
            let name = name(gene, side);
            let choices = match args.remove(&name).filter(|given| !given.is_null()) {
                Some(given) => choices(given, gene),
                // What HAT does not have is as in its models: dense, nothing dropped.
                None if gene.name == "n_experts" => Ok(json!([])),
                None => {
                    missing.extend(gene.is_of_hat().then(|| name.replace('_', "-")));
                    Ok(json!(default))
                }
            };
            match choices {
                Ok(choices) => drop(writeln!(config, "{} = {choices}", gene.key(side))),
                Err(message) => faults.push(format!("{}: {message}", name.replace('_', "-"))),
            }
        }
    }
    if !missing.is_empty() {
        faults.push(format!("{}: missing, so this is no search space of HAT's", listed(&missing, ", ")));
    }
    refuse_each(&faults)?;
    config.push_str("[model]\n");
    for key in MODEL {
        if let Some(value) = args.remove(key).filter(|value| !value.is_null()) {
            let _ = writeln!(config, "{key} = {value}");
        }
    }
    Ok((config, args.into_keys().map(|name| name.replace('_', "-")).collect()))
}

/// The setting that holds a gene's choices.
fn name(gene: &Gene, side: Side) -> String {
    match gene.name {
        "embed_dim" => format!("{}_embed_choice", side.name()),
        _ if gene.is_of_hat() => format!("{}_choice", gene.key(side)),
        // The reference's own genes are named plainly.
        _ => gene.key(side),
    }
}

/// A gene's choices, or what is wrong with what was `given`.
fn choices(given: Value, gene: &Gene) -> Result<Value, &'static str> {
    let given = if given.is_array() { given } else { Value::Array(vec![given]) };
    let layers = given.as_array().into_iter().flatten();
    let values: Vec<_> =
        layers.flat_map(|layer| layer.as_array().map_or(std::slice::from_ref(layer), Vec::as_slice)).collect();
    if values.iter().any(|value| !value.is_i64()) {
        return Err("expected a list of whole numbers");
    }
    // There the reference has flags, of which it makes shares of other sizes.
    if gene.scope() == Scope::Expert && values.iter().all(|value| value.as_i64() < Some(2)) {
        return Err("expected the sizes that an expert may have, not flags");
    }
    Ok(given)
}

/// The settings in `text`, none of which makes it another kind of model.
fn checked(text: &str) -> Result<Args> {
    let settings = yaml::settings(text)?;
    Settings::of_group("YAML", &settings).check()?;
    Ok(settings.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINNER: &str = "# a comment\nencoder-embed-dim-subtransformer: 64\ndecoder-embed-dim-subtransformer: 48\n\
        encoder-ffn-embed-dim-all-subtransformer: [128, 64]\ndecoder-ffn-embed-dim-all-subtransformer: [64]\n\
        encoder-layer-num-subtransformer: 2\ndecoder-layer-num-subtransformer: 1\n\
        encoder-self-attention-heads-all-subtransformer: [4, 2]\ndecoder-self-attention-heads-all-subtransformer: [4]\n\
        decoder-ende-attention-heads-all-subtransformer: [4]\ndecoder-arbitrary-ende-attn-all-subtransformer: [1]\n";

    #[test]
    fn an_architecture_is_read_with_its_experts() {
        let dense = architecture(WINNER, 64).unwrap();
        assert_eq!((dense.encoder.embed_dim, dense.decoder.embed_dim), (64, 48));
        assert_eq!(dense.decoder.layers[0].cross_attention.unwrap().encoder_layers, 2);
        let experts = "encoder-n-experts: [2, 1]\nencoder-num-experts-to-route: [1, 1]\n\
            encoder-std-vs-dummy-experts: [1, 1]\nencoder-each-expert-ffn-dim-listoflist: ['96_32', '64']\n\
            encoder-drop-mha-sublayer: [1, 0]\nqkv-dim: 64\narch: transformersuper_wmt_en_de\n";
        let sparse = architecture(&format!("{WINNER}{experts}"), 64).unwrap();
        let sizes = |layer: usize| sparse.encoder.layers[layer].experts.as_ref().unwrap().ffn_dims.clone();
        assert_eq!((sizes(0), sizes(1)), (vec![96, 32], vec![64]));
        assert!(!sparse.encoder.layers[1].keep_attention);
        assert_eq!(sparse.decoder, dense.decoder);
    }

    #[test]
    fn what_is_wrong_in_an_architecture_is_named() {
        for (text, expected) in [
            (WINNER.replace("[128, 64]", "[128, 64, 32]"), "encoder_ffn_embed_dim: 3 values for 2 layers"),
            (
                WINNER.replace("encoder-layer-num", "encoder-layer-nun"),
                "unknown key \"encoder_layer_nun\"; did you mean",
            ),
            (format!("{WINNER}qkv-dim: 512\n"), "qkv-dim is 512, but model.qkv_dim 64; add --set model.qkv_dim=512"),
            (format!("{WINNER}encoder-normalize-before: True\n"), "encoder_normalize_before = True"),
            (
                format!("{WINNER}encoder-n-experts: [1, 1]\nencoder-each-expert-ffn-dim-listoflist: ['9_x', '8']\n"),
                "like 1024_2048",
            ),
            ("seed: 1\n".into(), "no architecture: expected encoder-embed-dim-subtransformer"),
            (format!("{WINNER}seed: 1\nseed: 2\n"), "line 13: \"seed\" is there twice"),
        ] {
            let error = architecture(&text, 64).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    const SPACE: &str = "arch: transformersuper_wmt_en_de\nshare-all-embeddings: True\ndropout: 0.3\nencoder-embed-dim: 640\n\
        qkv-dim: 512\nencoder-embed-choice: [640, 512]\ndecoder-embed-choice: [640, 512]\n\
        encoder-ffn-embed-dim-choice: [3072, 2048]\ndecoder-ffn-embed-dim-choice: [3072]\n\
        encoder-layer-num-choice: [6]\ndecoder-layer-num-choice: [6, 5]\nencoder-self-attention-heads-choice: [8, 4]\n\
        decoder-self-attention-heads-choice: [8]\ndecoder-ende-attention-heads-choice: [8, 4]\n\
        decoder-arbitrary-ende-attn-choice: [-1, 1, 2]\n";

    #[test]
    fn a_space_is_a_config_of_dense_models_unless_it_names_experts() {
        let (config, left) = space(SPACE).unwrap();
        assert_eq!(left, ["arch", "encoder-embed-dim"]);
        let config: toml::Table = toml::from_str(&config).unwrap();
        assert_eq!(config["space"]["encoder_ffn_embed_dim"].to_string(), "[3072, 2048]");
        assert_eq!(config["space"]["decoder_arbitrary_ende_attn"].to_string(), "[-1, 1, 2]");
        assert_eq!(config["space"]["decoder_n_experts"].to_string(), "[]");
        assert_eq!(config["model"]["qkv_dim"].to_string(), "512");
        let (config, _) = space(&format!("{SPACE}encoder-n-experts: [1, 2]\ndecoder-n-experts: 3\n")).unwrap();
        assert!(config.contains("encoder_n_experts = [1,2]") && config.contains("decoder_n_experts = [3]"), "{config}");
    }

    #[test]
    fn what_is_wrong_in_a_space_is_named() {
        for (text, expected) in [
            (SPACE.replace("encoder-embed-choice", "encoder-embed"), "encoder-embed-choice: missing"),
            (
                SPACE.replace("[8, 4]", "[8, x]"),
                "encoder-self-attention-heads-choice: expected a list of whole numbers",
            ),
            (format!("{SPACE}decoder-learned-pos: True\n"), "decoder_learned_pos = True"),
            (
                format!("{SPACE}encoder-each-expert-ffn-dim: [0, 1]\n"),
                "encoder-each-expert-ffn-dim: expected the sizes",
            ),
        ] {
            let error = space(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let text = SPACE.replace("[8, 4]", "[8, x]").replace("encoder-layer-num-choice", "encoder-layer-num");
        let expected = "encoder-self-attention-heads-choice: expected a list of whole numbers\n\
            decoder-ende-attention-heads-choice: expected a list of whole numbers\n\
            encoder-layer-num-choice: missing, so this is no search space of HAT's";
        assert_eq!(space(&text).unwrap_err().to_string(), expected);
        let error = space("seed: 1\n").unwrap_err().to_string();
        assert!(error.starts_with("encoder-embed-choice, decoder-embed-choice, ") && !error.contains('\n'), "{error}");
    }
}
