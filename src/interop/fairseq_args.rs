//! The architecture that settings of fairseq, HAT and AutoMoE name.

use super::fairseq_settings::Args;
use crate::error::{Error, Result};
use crate::space::{Architecture, GENES};
use serde_json::{Map, Value, json};

/// The end of the reference's setting of a subtransformer's expert sizes; see [`sizes`].
const AS_TEXT: &str = "_listoflist";

/// The architecture that a checkpoint's settings name: the subtransformer of HAT and the reference, or fairseq's own
/// Transformer. `None` where there is none, as with a SuperNet. Of lists that go on beyond the layers or experts, what these
/// use is taken, as HAT does it.
///
/// # Errors
/// An architecture that is incomplete or no valid one.
pub(super) fn architecture(args: &Args) -> Result<Option<Architecture>> {
    let sides = match (subtransformer(args, "encoder")?, subtransformer(args, "decoder")?) {
        (Some(encoder), Some(decoder)) => Some((in_use(encoder, "encoder"), in_use(decoder, "decoder"))),
        _ if args.keys().any(|name| name.ends_with("_embed_choice")) => None,
        _ => transformer(args, "encoder").zip(transformer(args, "decoder")),
    };
    let Some((encoder, decoder)) = sides else {
        return Ok(None);
    };
    let value = json!({"encoder": encoder, "decoder": decoder});
    Architecture::from_value(&value).map(Some).map_err(|error| error.at("the architecture in its settings"))
}

/// The lists of `genes` without what lies beyond the layers and their experts.
fn in_use(mut genes: Map<String, Value>, side: &str) -> Map<String, Value> {
    let number = |value: Option<&Value>| value.and_then(Value::as_u64).map(|number| number as usize);
    let layers = number(genes.get(&format!("{side}_layer_num"))).unwrap_or(usize::MAX);
    let experts = genes.get(&format!("{side}_n_experts")).cloned();
    let sizes = format!("{side}_each_expert_ffn_dim");
    for (name, value) in &mut genes {
        let Value::Array(values) = value else { continue };
        values.truncate(layers);
        if *name != sizes {
            continue;
        }
        for (layer, list) in values.iter_mut().enumerate() {
            let count = experts.as_ref().and_then(|experts| number(experts.get(layer).or(Some(experts))));
            if let (Value::Array(list), Some(count)) = (list, count) {
                list.truncate(count);
            }
        }
    }
    genes
}

/// The widths of encoder and decoder that positions are made for: the SuperNet's, the widest of `*_embed_choice`, or the
/// widths of fairseq's own Transformer. `None` where the settings do not tell.
pub(super) fn supernet_dims(args: &Args) -> Option<[usize; 2]> {
    let width = |side: &str| match args.get(&format!("{side}_embed_choice")) {
        Some(choice) => choice.as_array()?.iter().filter_map(Value::as_u64).max(),
        None => args.get(&format!("{side}_embed_dim"))?.as_u64(),
    };
    let [encoder, decoder] =
        ["encoder", "decoder"].map(|side| width(side).and_then(|width| usize::try_from(width).ok()));
    Some([encoder?, decoder?])
}

/// One stack's genes from `*_subtransformer` and `*_all_subtransformer`, under the names of the JSON form; `None` where there
/// are none.
///
/// # Errors
/// Sizes of experts that cannot be read.
pub(super) fn subtransformer(args: &Args, side: &str) -> Result<Option<Map<String, Value>>> {
    let given = args.iter().filter(|(name, value)| name.starts_with(side) && !value.is_null());
    let mut genes = Map::new();
    for (name, value) in given.clone() {
        if let Some(gene) = name.strip_suffix("_subtransformer") {
            let gene = gene.strip_suffix("_all").unwrap_or(gene);
            genes.insert(gene.to_string(), value.clone());
        }
    }
    if genes.is_empty() {
        return Ok(None);
    }
    // The names of genes that AutoMoE added do not end so.
    let added = GENES.iter().filter(|gene| !gene.is_of_hat());
    let added: Vec<String> = added.map(|gene| format!("{side}_{}", gene.name)).collect();
    for (name, value) in given {
        if let Some(gene) = name.strip_suffix(AS_TEXT) {
            genes.insert(gene.to_string(), sizes(value).map_err(|error| error.at(name))?);
        } else if added.contains(name) {
            genes.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    Ok(Some(genes))
}

/// `["1024_2048", "512"]` as `[[1024, 2048], [512]]`: the reference writes the sizes of a layer's experts as one text.
fn sizes(value: &Value) -> Result<Value> {
    let wrong = || Error::input("expected a text like 1024_2048 for each layer, the sizes of its experts");
    let layer = |value: &Value| match value {
        Value::Number(_) => Ok(Value::from(vec![value.clone()])),
        Value::String(text) => {
            let sizes = text.split('_').map(|size| size.parse::<u64>().map_err(|_| wrong()));
            Ok(Value::from(sizes.collect::<Result<Vec<_>>>()?))
        }
        _ => Err(wrong()),
    };
    let layers = value.as_array().ok_or_else(wrong)?;
    layers.iter().map(layer).collect()
}

/// One stack of fairseq's `transformer`, whose layers are alike.
fn transformer(args: &Args, side: &str) -> Option<Map<String, Value>> {
    let of = |name: &str| args.get(&format!("{side}_{name}")).filter(|value| value.is_u64()).cloned();
    let heads = of("attention_heads")?;
    let mut genes = Map::from_iter([
        (format!("{side}_embed_dim"), of("embed_dim")?),
        (format!("{side}_layer_num"), of("layers")?),
        (format!("{side}_ffn_embed_dim"), of("ffn_embed_dim")?),
        (format!("{side}_self_attention_heads"), heads.clone()),
    ]);
    if side == "decoder" {
        genes.insert("decoder_ende_attention_heads".into(), heads);
    }
    Some(genes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(value: Value) -> Args {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_transformer_of_fairseq_has_layers_alike() {
        let args = args(json!({
            "encoder_embed_dim": 512, "encoder_layers": 6, "encoder_ffn_embed_dim": 2048, "encoder_attention_heads": 8,
            "decoder_embed_dim": 512, "decoder_layers": 3, "decoder_ffn_embed_dim": 2048, "decoder_attention_heads": 8,
            "dropout": 0.1, "encoder_normalize_before": false, "left_pad_target": "False", "activation_fn": "relu",
        }));
        assert_eq!(supernet_dims(&args), Some([512, 512]));
        assert_eq!(architecture(&args).unwrap(), Some(Architecture::dense(512, 2048, 8, 6, 3)));
    }

    #[test]
    fn a_subtransformer_is_taken_before_the_supernet_it_is_part_of() {
        let mut settings = json!({
            "encoder_embed_choice": [640, 512], "decoder_embed_choice": [512, 768], "encoder_embed_dim": 512,
            "encoder_embed_dim_subtransformer": null,
        });
        assert_eq!(architecture(&args(settings.clone())).unwrap(), None);
        let genes = json!({
            "encoder_embed_dim_subtransformer": 512, "encoder_layer_num_subtransformer": 1,
            "encoder_ffn_embed_dim_all_subtransformer": [2048, 1024],
            "encoder_self_attention_heads_all_subtransformer": [8, 4], "encoder_n_experts": [2, 1],
            "decoder_embed_dim_subtransformer": 640, "decoder_layer_num_subtransformer": 1,
            "decoder_ffn_embed_dim_all_subtransformer": [3072], "decoder_self_attention_heads_all_subtransformer": [4],
            "decoder_ende_attention_heads_all_subtransformer": [8],
            "decoder_arbitrary_ende_attn_all_subtransformer": [2],
        });
        settings.as_object_mut().unwrap().extend(genes.as_object().unwrap().clone());
        let found = architecture(&args(settings.clone())).unwrap().unwrap();
        assert_eq!(supernet_dims(&args(settings.clone())), Some([640, 768]));
        assert_eq!((found.encoder.embed_dim, found.encoder.layers.len()), (512, 1));
        assert_eq!(found.encoder.layers[0].experts.as_ref().unwrap().ffn_dims, [2048, 2048]);
        let cross = found.decoder.layers[0].cross_attention.unwrap();
        assert_eq!((found.decoder.embed_dim, cross.heads, cross.encoder_layers), (640, 8, 3));
        settings["decoder_layer_num_subtransformer"] = json!(0);
        let error = architecture(&args(settings)).unwrap_err().to_string();
        assert!(error.starts_with("the architecture in its settings: decoder_layer_num"), "{error}");
    }
}
