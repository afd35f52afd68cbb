//! Foreign checkpoints, against files that PyTorch and subword-nmt made (see the scripts beside this file) and against
//! the reference's goldens.

mod hostile;
mod program;

use crate::goldens::files;
use crate::shared::{goldens, shared};
use automoe::config::Tables;
use automoe::cost::Embeddings;
use automoe::interop::NamedTensor;
use automoe::interop::fairseq::FairseqCheckpoint;
use automoe::interop::foreign;
use automoe::interop::names::{to_native, to_reference};
use automoe::interop::safetensors::{read_safetensors, write_safetensors};
use automoe::interop::shape::{Shape, infer_shape};
use automoe::interop::torch::TorchFile;
use automoe::space::{Architecture, Experts};
use automoe::text::SubwordModel;
use automoe::text::bpe_codes::{self, BpeCodes};
use automoe::text::sentencepiece::SentencePiece;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A file beside this one.
fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(name)
}

fn json(name: &str) -> Value {
    let text = std::fs::read_to_string(beside(name)).expect("a record beside this file");
    serde_json::from_str(&text).expect("JSON")
}

/// Every golden model: its name and its tensors under the reference's names.
fn golden_models() -> Vec<(String, Vec<NamedTensor>)> {
    let mut models = Vec::new();
    let folders = files::folders("goldens by name").into_iter();
    for entry in folders.flat_map(|folder| std::fs::read_dir(folder).expect("listed")) {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            models.push((name, read_safetensors(&path).expect("a golden model")));
        }
    }
    assert!(!models.is_empty(), "the goldens have models");
    models
}

/// Name, shape and bits: equal only if the tensors are, NaN and signed zero included.
fn bits(tensors: &[NamedTensor]) -> Vec<(String, Vec<usize>, Vec<u32>)> {
    let bits = |tensor: &NamedTensor| tensor.data.iter().map(|x| x.to_bits()).collect();
    tensors.iter().map(|tensor| (tensor.name.clone(), tensor.shape.clone(), bits(tensor))).collect()
}

/// The tensors that PyTorch itself read, in order of name.
fn recorded(record: &Value) -> Vec<NamedTensor> {
    let numbers = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let tensor = |(name, tensor): (&String, &Value)| NamedTensor {
        name: name.clone(),
        shape: numbers(&tensor["shape"]).iter().map(|x| x.as_u64().expect("a size") as usize).collect(),
        data: numbers(&tensor["data"]).iter().map(|x| x.as_f64().expect("a number") as f32).collect(),
    };
    let mut tensors: Vec<_> = record.as_object().expect("tensors").iter().map(tensor).collect();
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    tensors
}

#[test]
fn torch_files_of_both_forms_read_as_pytorch_reads_them() {
    let expected = recorded(&json("expected.json")["tensors"]);
    assert!(expected.iter().any(|tensor| tensor.name == "strided"));
    for name in ["tensors.pt", "tensors_legacy.pt"] {
        let mut file = TorchFile::open(&beside(name)).expect(name);
        let tensors = file.state_dict(file.object().root()).expect(name);
        let loaded = file.load(&tensors).expect(name);
        for (loaded, expected) in bits(&loaded).iter().zip(bits(&expected)) {
            assert_eq!(*loaded, expected, "{name}");
        }
        assert_eq!(loaded.len(), expected.len(), "{name}");
    }
}

#[test]
fn fairseq_checkpoints_give_weights_settings_and_shapes() {
    let record = json("expected.json");
    for name in ["fairseq.pt", "fairseq_legacy.pt"] {
        let checkpoint = FairseqCheckpoint::load(&beside(name)).expect(name);
        assert_eq!(bits(&checkpoint.tensors), bits(&recorded(&record["model"])), "{name}");
        let args = serde_json::to_value(&checkpoint.args).expect("JSON");
        assert_eq!(args, record["args"], "{name}");

        let native = to_native(checkpoint.tensors).expect(name);
        let Shape { embeddings, qkv_dim, architecture } = infer_shape(&native).expect(name);
        assert_eq!(embeddings, Embeddings { source_vocab: 7, target_vocab: 7, tables: Tables::Shared });
        assert_eq!(qkv_dim, 6);
        let mut expected = Architecture::dense(4, 5, 1, 1, 1);
        expected.decoder.layers[0].ffn_embed_dim = 1;
        expected.decoder.layers[0].experts = Some(Experts { ffn_dims: vec![3, 5], top_k: 1 });
        assert_eq!(architecture, expected);
    }
}

/// What fairseq writes since 2020 (see make_cfg.py): settings in omegaconf's nodes, newer names of weights.
#[test]
fn settings_of_omegaconf_are_read_as_plain_data() {
    let checkpoint = FairseqCheckpoint::load(&beside("fairseq_cfg.pt")).expect("read");
    assert_eq!(checkpoint.cfg, json("fairseq_cfg.json"));
    assert!(checkpoint.args.is_empty());
    let Shape { embeddings, qkv_dim, architecture } = infer_shape(&to_native(checkpoint.tensors).unwrap()).unwrap();
    assert_eq!(embeddings, Embeddings { source_vocab: 7, target_vocab: 7, tables: Tables::Shared });
    assert_eq!((qkv_dim, architecture), (4, Architecture::dense(4, 6, 1, 1, 1)));
    let error = foreign::load(&beside("fairseq_cfg.pt")).unwrap_err().to_string();
    assert!(error.contains("(cfg.model.decoder) have decoder_normalize_before = True"), "{error}");
}

#[test]
fn a_bare_state_dict_is_read_as_a_model() {
    let read = FairseqCheckpoint::load(&beside("tensors.pt")).expect("read");
    assert_eq!(read.tensors.len(), recorded(&json("expected.json")["tensors"]).len());
    assert!(read.args.is_empty());
}

#[test]
fn latency_predictors_of_the_shared_data_are_read() {
    let Some(path) = shared("latency predictors", "data/latency/wmt14ende_cpu_xeon.pt") else { return };
    let predictor = FairseqCheckpoint::load(&path).expect("read");
    let names: Vec<&str> = predictor.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    assert_eq!(names[..2], ["first_layer.bias", "first_layer.weight"]);
    assert!(names.contains(&"predict.weight"));
    let finite = |tensor: &NamedTensor| tensor.data.iter().all(|x| x.is_finite());
    assert!(predictor.tensors.iter().all(finite));
}

#[test]
fn goldens_go_to_our_names_and_back_bit_for_bit() {
    for (name, reference) in golden_models() {
        let native = to_native(reference.clone()).expect(&name);
        let back = to_reference(native.clone(), false).expect(&name);
        assert_eq!(bits(&back), bits(&reference), "{name}");
        let separate = to_reference(native.clone(), true).expect(&name);
        assert!(separate.iter().any(|tensor| tensor.name.ends_with("k_proj_weight")), "{name}");
        let again = to_native(separate).expect(&name);
        assert_eq!(bits(&again), bits(&native), "{name}");
    }
}

#[test]
fn goldens_have_the_shape_of_their_space() {
    let Some(folder) = goldens("goldens by shape") else { return };
    for name in files::recordings(&folder, "goldens by shape", |json| json.get("supernet").is_some()) {
        let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).expect(&name);
        let json: Value = serde_json::from_str(&text).expect(&name);
        let reference = read_safetensors(&folder.join(format!("{name}.safetensors"))).expect(&name);
        let shape = infer_shape(&to_native(reference).expect(&name)).expect(&name);
        let recorded = |key: &str| json["supernet"][key].as_u64().expect(key) as usize;
        let [width, ffn_dim, experts] = ["embed_dim", "ffn_dim", "max_experts"].map(recorded);
        let [encoder_layers, decoder_layers] = ["encoder_layers", "decoder_layers"].map(recorded);
        let mut architecture = Architecture::dense(width, ffn_dim, 1, encoder_layers, decoder_layers);
        let layers = architecture.encoder.layers.iter_mut().chain(&mut architecture.decoder.layers);
        for layer in layers.filter(|_| experts > 0) {
            layer.ffn_embed_dim = 1;
            layer.experts = Some(Experts { ffn_dims: vec![ffn_dim; experts], top_k: 1 });
        }
        let vocab = json["vocab"].as_u64().expect("vocab") as usize;
        let tables = if json["share_all_embeddings"] == true { Tables::Shared } else { Tables::Separate };
        let embeddings = Embeddings { source_vocab: vocab, target_vocab: vocab, tables };
        assert_eq!(shape, Shape { embeddings, qkv_dim: recorded("qkv_dim"), architecture }, "{name}");
    }
}

#[test]
fn safetensors_hold_either_naming() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.safetensors");
    let checkpoint = FairseqCheckpoint::load(&beside("fairseq.pt")).expect("read");
    let native = to_native(checkpoint.tensors.clone()).expect("renamed");
    for tensors in [checkpoint.tensors, native] {
        write_safetensors(&path, &tensors, None).expect("written");
        assert_eq!(bits(&read_safetensors(&path).expect("read")), bits(&tensors));
    }
}

#[test]
fn bpe_codes_segment_as_subword_nmt_does() {
    let record = json("bpe_cases.json");
    for (name, cases) in record.as_object().expect("files") {
        let codes = BpeCodes::load(&beside(name)).expect(name);
        let again = BpeCodes::parse(&codes.to_text()).expect(name);
        for case in cases.as_array().expect("cases") {
            let (line, pieces) = (case["line"].as_str().expect("text"), case["pieces"].as_str().expect("text"));
            let encoded = codes.encode_line(line);
            assert_eq!(encoded.join(" "), pieces, "{name}: {line:?}");
            assert_eq!(again.encode_line(line), encoded, "{name}: {line:?}");
            // A word that itself ends in `@@` does not come back: nor does it from subword-nmt.
            if !line.contains("@@") {
                let words: Vec<&str> = line.split([' ', '\r', '\n']).filter(|word| !word.is_empty()).collect();
                assert_eq!(bpe_codes::decode(&encoded), words.join(" "), "{name}");
            }
        }
    }
}

#[test]
fn sentencepiece_models_segment_as_sentencepiece_does() {
    let record = json("sentencepiece_cases.json");
    for (name, cases) in record.as_object().expect("models") {
        let model = SentencePiece::load(&beside(&format!("{name}.model"))).expect(name);
        let subwords = SubwordModel::sentencepiece(model.clone(), None).expect(name);
        let stored = SubwordModel::from_json(&subwords.to_json().expect("JSON")).expect(name);
        for case in cases.as_array().expect("cases") {
            let text = case["text"].as_str().expect("text");
            assert_eq!(serde_json::json!(model.encode(text)), case["pieces"], "{name}: {text:?}");
            let ids = subwords.encode(text);
            assert_eq!(stored.encode(text), ids, "{name}: {text:?}");
            // Lines have no spaces at their ends, and what is unknown has its name.
            let decoded = case["decoded"].as_str().expect("text").replace(" \u{2047} ", "<unk>");
            assert_eq!(stored.decode(&ids), decoded.trim_matches(' '), "{name}: {text:?}");
        }
    }
}

#[test]
fn damaged_sentencepiece_models_are_refused() {
    let bytes = std::fs::read(beside("spm_bytes.model")).expect("a model");
    for end in (0..bytes.len()).step_by(7) {
        // A cut between two fields may leave a smaller model.
        if let Ok(model) = SentencePiece::parse(&bytes[..end]) {
            model.encode("the lowest \u{fb01} tower");
        }
    }
    // The trie of the rules: wherever a unit leads, nothing outside is looked at.
    for place in (0..bytes.len()).step_by(11) {
        let mut bytes = bytes.clone();
        bytes[place] ^= 0x55;
        if let Ok(model) = SentencePiece::parse(&bytes) {
            model.encode("the lowest \u{fb01} tower \u{ff21}e\u{301}");
        }
    }
    for bytes in [&b""[..], b"#version: 0.2\nl o\n", b"<unk>\t0\n<s>\t0\n"] {
        let error = SentencePiece::parse(bytes).expect_err("no model").to_string();
        assert!(error.starts_with("not a SentencePiece model: "), "{error}");
    }
}

#[test]
fn broken_bpe_codes_name_the_line() {
    for (text, message) in [
        ("#version: 0.3\na b\n", "line 1: version 0.3"),
        ("#version: 0.2.1\na b\n", "line 1: version 0.2.1"),
        ("a b 2\na b\n", "line 2: expected two symbols and a count, parted by one space"),
        ("a b 2\na b c\n", "line 2: expected two symbols and a count"),
        ("#version: 0.2\na b\na b c\n", "line 3: expected two symbols"),
        ("", "line 1: expected two symbols"),
        ("a b\n\nc d\n", "line 2: expected two symbols"),
    ] {
        let error = BpeCodes::parse(text).expect_err(text).to_string();
        assert!(error.starts_with(message), "{error}");
    }
    let error = BpeCodes::load(&beside("absent.codes")).expect_err("absent");
    assert_eq!(error.exit_code(), 2);
}
