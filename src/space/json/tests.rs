use super::*;
use crate::test_shared::goldens;

fn model() -> Value {
    json!({
        "encoder": {
            "encoder_embed_dim": 32,
            "encoder_layer_num": 2,
            "encoder_ffn_embed_dim": [64, 32],
            "encoder_self_attention_heads": [4, 2],
        },
        "decoder": {
            "decoder_embed_dim": 16,
            "decoder_layer_num": 1,
            "decoder_ffn_embed_dim": [64],
            "decoder_self_attention_heads": [4],
            "decoder_ende_attention_heads": [2],
            "decoder_arbitrary_ende_attn": [1],
        },
    })
}

fn read(change: impl FnOnce(&mut Value)) -> Result<Architecture> {
    let mut value = model();
    change(&mut value);
    Architecture::from_value(&value)
}

fn fault(change: impl FnOnce(&mut Value)) -> String {
    read(change).unwrap_err().to_string()
}

#[test]
fn a_dense_model_prints_as_it_was_given() {
    let architecture = read(|_| {}).unwrap();
    assert_eq!(architecture.encoder.layers[0].experts, None);
    let cross = architecture.decoder.layers[0].cross_attention.unwrap();
    assert_eq!((cross.heads, cross.encoder_layers), (2, 2));
    assert_eq!(architecture.to_value(), model());
}

#[test]
fn gaps_are_filled() {
    let given = read(|value| {
        value["encoder"]["encoder_self_attention_heads"] = json!(4);
        value["encoder"]["encoder_n_experts"] = json!([3, 1]);
        value["encoder"]["encoder_num_experts_to_route"] = json!([2, 2]);
        value["encoder"]["encoder_each_expert_ffn_dim"] = json!([[8, 16, 24], [8]]);
        value["decoder"]["decoder_n_experts"] = json!([]);
        value["decoder"].as_object_mut().unwrap().remove("decoder_arbitrary_ende_attn");
    });
    let given = given.unwrap();
    let printed = given.to_value();
    let encoder = &printed["encoder"];
    assert_eq!(encoder["encoder_self_attention_heads"], json!([4, 4]));
    assert_eq!(encoder["encoder_num_experts_to_route"], json!([2, 1]));
    assert_eq!(encoder["encoder_each_expert_ffn_dim"], json!([[8, 16, 24], [8]]));
    assert_eq!(printed["decoder"]["decoder_arbitrary_ende_attn"], json!([-1]));
    assert_eq!(Architecture::from_value(&printed).unwrap(), given);
}

#[test]
fn equal_models_print_equally() {
    let dummy = read(|value| {
        value["encoder"]["encoder_n_experts"] = json!([2, 1]);
        value["encoder"]["encoder_std_vs_dummy_experts"] = json!([0, 1]);
        value["encoder"]["encoder_drop_mha_sublayer"] = json!([1, 1]);
    });
    let sizes = read(|value| {
        value["encoder"]["encoder_n_experts"] = json!([2, 1]);
        value["encoder"]["encoder_each_expert_ffn_dim"] = json!([[0, 64], [32]]);
    });
    let dummy = dummy.unwrap();
    assert_eq!(dummy, sizes.unwrap());
    let printed = dummy.to_value();
    assert_eq!(printed["encoder"]["encoder_each_expert_ffn_dim"], json!([[0, 64], [32]]));
    assert_eq!(printed["encoder"].get("encoder_drop_mha_sublayer"), None);

    let standard = read(|value| {
        value["encoder"]["encoder_n_experts"] = json!([2, 1]);
        value["encoder"]["encoder_each_expert_ffn_dim"] = json!([[64, 64], [32]]);
    });
    let printed = standard.unwrap().to_value();
    assert_eq!(printed["encoder"].get("encoder_each_expert_ffn_dim"), None);
}

#[test]
fn dense_layers_beside_experts_and_dropped_sublayers_come_back() {
    let given = read(|value| {
        value["encoder"]["encoder_n_experts"] = json!([0, 4]);
        value["encoder"]["encoder_drop_ffn_sublayer"] = json!([1, 0]);
        value["decoder"]["decoder_drop_mha_sublayer"] = json!([0]);
    });
    let given = given.unwrap();
    assert_eq!(given.encoder.layers[0].experts, None);
    assert!(!given.encoder.layers[1].keep_ffn);
    assert!(!given.decoder.layers[0].keep_attention);
    let text = serde_json::to_string(&given).unwrap();
    assert_eq!(serde_json::from_str::<Architecture>(&text).unwrap(), given);
    assert_eq!(Architecture::from_json(&text).unwrap(), given);
}

#[test]
fn faults_name_the_key_and_what_was_expected() {
    let unknown = fault(|value| value["encoder"]["encoder_ffn_dim"] = json!([1]));
    assert_eq!(unknown, "unknown key \"encoder_ffn_dim\"; did you mean \"encoder_ffn_embed_dim\"?");
    let missing = fault(|value| {
        value["decoder"].as_object_mut().unwrap().remove("decoder_embed_dim");
    });
    assert_eq!(missing, "\"decoder_embed_dim\" is missing");
    let short = fault(|value| value["encoder"]["encoder_ffn_embed_dim"] = json!([64]));
    assert_eq!(short, "encoder_ffn_embed_dim: 1 values for 2 layers");
    let negative = fault(|value| value["encoder"]["encoder_ffn_embed_dim"] = json!([64, -1]));
    assert_eq!(negative, "encoder_ffn_embed_dim: expected a whole number, 0 or more, found -1");
    let attention = fault(|value| value["decoder"]["decoder_arbitrary_ende_attn"] = json!([3]));
    assert_eq!(attention, "decoder_arbitrary_ende_attn: expected -1, 1 or 2, found 3");
    let few = fault(|value| {
        value["encoder"]["encoder_n_experts"] = json!([1, 2]);
        value["encoder"]["encoder_each_expert_ffn_dim"] = json!([[64], [64]]);
    });
    assert_eq!(few, "encoder_each_expert_ffn_dim: layer 2 has 2 experts and needs a list of as many sizes, not 1");
    // What goes on beyond the layers or experts was made for another model.
    for (key, list, expected) in [
        ("encoder_ffn_embed_dim", json!([64, 32, 16]), "encoder_ffn_embed_dim: 3 values for 2 layers"),
        ("encoder_n_experts", json!([1, 1, 1]), "encoder_n_experts: 3 values for 2 layers"),
        (
            "encoder_each_expert_ffn_dim",
            json!([[128], [64], [32]]),
            "encoder_each_expert_ffn_dim: 3 values for 2 layers",
        ),
        (
            "encoder_each_expert_ffn_dim",
            json!([[128, 32], [64]]),
            "encoder_each_expert_ffn_dim: layer 1 has 1 experts and needs a list of as many sizes, not 2",
        ),
    ] {
        let found = fault(|value| {
            value["encoder"]["encoder_n_experts"] = json!([1, 1]);
            value["encoder"][key] = list;
        });
        assert_eq!(found, expected);
    }
    let twice =
        model().to_string().replacen("\"encoder_layer_num\":2", "\"encoder_layer_num\":1,\"encoder_layer_num\":2", 1);
    for error in [
        Architecture::from_json(&twice).unwrap_err().to_string(),
        serde_json::from_str::<Architecture>(&twice).unwrap_err().to_string(),
    ] {
        assert!(error.contains("\"encoder_layer_num\" is there twice"), "{error}");
    }
    let useless = fault(|value| value["encoder"]["encoder_std_vs_dummy_experts"] = json!([0, 1]));
    assert_eq!(useless, "encoder_std_vs_dummy_experts: needs encoder_n_experts, which is missing");
    assert!(Architecture::from_json("[]").unwrap_err().to_string().contains("JSON object"));
    assert!(Architecture::from_json("{").unwrap_err().to_string().contains("line 1"));
}

#[test]
fn all_that_is_wrong_is_told() {
    let faults = fault(|value| {
        value["note"] = json!("mine");
        value["encoder"]["encoder_ffn_embed_dim"] = json!([64, "wide"]);
        value["encoder"]["encoder_self_attention_heads"] = json!([4]);
        value["encoder"]["encoder_n_experts"] = json!([1, -2]);
        value["encoder"]["encoder_each_expert_ffn_dim"] = json!([[64], [64]]);
        value["decoder"]["decoder_layer_num"] = json!(1.5);
        value["decoder"]["foo"] = json!(1);
        value["decoder"]["decoder_ffn_embed_dim"] = json!([[64]]);
        value["decoder"].as_object_mut().unwrap().remove("decoder_embed_dim");
    });
    let whole = "expected a whole number, 0 or more, found";
    let expected = [
        "unknown key \"note\"; expected one of encoder, decoder".to_string(),
        format!("encoder_ffn_embed_dim: {whole} \"wide\""),
        "encoder_self_attention_heads: 1 values for 2 layers".into(),
        format!("encoder_n_experts: {whole} -2"),
        "unknown key \"foo\"; expected one of decoder_embed_dim, decoder_layer_num, decoder_ffn_embed_dim, \
         decoder_self_attention_heads, decoder_n_experts, decoder_num_experts_to_route, decoder_each_expert_ffn_dim, \
         decoder_std_vs_dummy_experts, decoder_drop_mha_sublayer, decoder_drop_ffn_sublayer, decoder_ende_attention_heads, \
         decoder_arbitrary_ende_attn"
            .into(),
        format!("decoder_layer_num: {whole} 1.5"),
        "\"decoder_embed_dim\" is missing".into(),
        format!("decoder_ffn_embed_dim: {whole} [64]"),
    ];
    assert_eq!(faults.lines().collect::<Vec<_>>(), expected);
    let parts = Architecture::from_value(&json!({"decoder": [], "encode": {}})).unwrap_err().to_string();
    let expected = [
        "unknown key \"encode\"; did you mean \"encoder\"?",
        "\"encoder\" is missing",
        "decoder must be a JSON object with named values",
    ];
    assert_eq!(parts.lines().collect::<Vec<_>>(), expected);
    // Where a file of many has it, it stays one line.
    let error = serde_json::from_str::<Architecture>(r#"{"decoder": [], "encoder": []}"#).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1);
    let flat = fault(|value| {
        value["encoder"]["encoder_n_experts"] = json!([2, 1]);
        value["encoder"]["encoder_each_expert_ffn_dim"] = json!([64, 32]);
    });
    let list = "expected a list of sizes, found";
    let expected =
        [(1, 64), (2, 32)].map(|(layer, size)| format!("encoder_each_expert_ffn_dim: layer {layer}: {list} {size}"));
    assert_eq!(flat.lines().collect::<Vec<_>>(), expected);
}

/// Numbers that would need much memory are refused before anything is allocated for them.
#[test]
fn sizes_are_bounded() {
    let layers = fault(|value| value["encoder"]["encoder_layer_num"] = json!(u64::MAX));
    assert_eq!(layers, "encoder_layer_num: 18446744073709551615 is not between 1 and 256");
    let experts = fault(|value| value["encoder"]["encoder_n_experts"] = json!([1, 1u64 << 40]));
    assert_eq!(experts, "encoder_n_experts: 1099511627776 experts are more than 1024");
    let width = fault(|value| value["encoder"]["encoder_embed_dim"] = json!(1u64 << 40));
    assert!(width.starts_with("encoder_embed_dim: 1099511627776 is not an even number"));
}

/// All values of keys named `architecture`, at any depth.
fn architectures<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    let parts: Vec<_> = match value {
        Value::Object(map) => map.iter().map(|(key, part)| (key.as_str(), part)).collect(),
        Value::Array(items) => items.iter().map(|part| ("", part)).collect(),
        _ => vec![],
    };
    for (key, part) in parts {
        match key {
            "architecture" => found.push(part),
            _ => architectures(part, found),
        }
    }
}

#[test]
fn the_references_architectures_come_back() {
    let Some(folder) = goldens("the reference's architectures") else { return };
    let mut count = 0;
    for path in std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()) {
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let file = std::fs::read_to_string(&path).unwrap();
        let golden: Value = serde_json::from_str(&file).unwrap();
        let mut found = Vec::new();
        architectures(&golden, &mut found);
        for value in found {
            let architecture = Architecture::from_value(value).unwrap();
            let printed = architecture.to_value();
            assert_eq!(Architecture::from_value(&printed).unwrap(), architecture);
            count += 1;
        }
    }
    assert!(count > 80, "only {count} architectures in {}", folder.display());
}
