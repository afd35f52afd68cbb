//! `automoe import` and `automoe export` through the built program. What the models translate was recorded with PyTorch, see
//! make_translator.py.

use super::{beside, bits, json};
use crate::cli::program::{Program, TINY, arguments};
use automoe::interop::NamedTensor;
use automoe::interop::fairseq::FairseqCheckpoint;
use automoe::interop::safetensors::read_safetensors;
use serde_json::Value;

/// A config whose largest model is translator.pt's.
const SPACE: &str = "
[data]
joined_vocabulary = false
dir = \".\"
source_lang = \"xx\"
target_lang = \"yy\"
max_length_ratio = 0.0
[space]
encoder_embed_dim = [16]
decoder_embed_dim = [24]
encoder_layer_num = [1]
decoder_layer_num = [1]
encoder_ffn_embed_dim = [32]
decoder_ffn_embed_dim = [32]
encoder_self_attention_heads = [2]
decoder_self_attention_heads = [2]
decoder_ende_attention_heads = [2]
decoder_arbitrary_ende_attn = [-1]
encoder_n_experts = []
decoder_n_experts = [2, 1]
[model]
qkv_dim = 16
share_all_embeddings = false
dropout = 0.0
[train]
max_updates = 1
max_tokens = 200
update_freq = 1
checkpoint_every = 0
[search]
population = 2
parents = 1
mutations = 1
crossovers = 0
generations = 1
[translate]
beam = 1
length_penalty = 1.0
average_checkpoints = 0
";

/// The architecture of fairseq.pt.
const FAIRSEQ_ARCHITECTURE: &str = r#"{
  "encoder": {"encoder_embed_dim": 4, "encoder_layer_num": 1, "encoder_ffn_embed_dim": 5, "encoder_self_attention_heads": 2},
  "decoder": {"decoder_embed_dim": 4, "decoder_layer_num": 1, "decoder_ffn_embed_dim": 5, "decoder_self_attention_heads": 2,
    "decoder_ende_attention_heads": 2, "decoder_n_experts": 2, "decoder_each_expert_ffn_dim": [[3, 5]]}}"#;

/// A folder with the config of translator.pt as `tiny.toml`, that of fairseq.pt beside it, and the models with their files.
fn translator() -> Program {
    let program = Program::new();
    program.write("tiny.toml", SPACE);
    for name in ["translator.pt", "translator.codes", "dict.xx.txt", "dict.yy.txt", "fairseq.pt"] {
        std::fs::copy(beside(name), program.folder().join(name)).expect("copied");
    }
    let fairseq = SPACE
        .replace("joined_vocabulary = false", "joined_vocabulary = true")
        .replace("encoder_embed_dim = [16]", "encoder_embed_dim = [4]")
        .replace("decoder_embed_dim = [24]", "decoder_embed_dim = [4]")
        .replace("share_all_embeddings = false", "share_all_embeddings = true")
        .replace("qkv_dim = 16", "qkv_dim = 6");
    program.write("fairseq.toml", &(fairseq + "[baseline]\nembed_dim = 0\n"));
    program.write("fairseq.json", FAIRSEQ_ARCHITECTURE);
    program.write("three.txt", "a 1\nb 1\nc 1\n");
    program
}

const SUBWORDS: [&str; 6] =
    ["--dict-source", "dict.xx.txt", "--dict-target", "dict.yy.txt", "--bpe-codes", "translator.codes"];

/// `automoe import FILE` with the config and the subwords of translator.pt.
fn import<'a>(file: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    [&["import", file, "--config", "tiny.toml"], &SUBWORDS[..], rest].concat()
}

/// `automoe import FILE` with those of fairseq.pt.
fn import_fairseq<'a>(file: &'a str, run_dir: &'a str) -> Vec<&'a str> {
    let files = ["--dict-source", "three.txt", "--arch", "fairseq.json", "--run-dir", run_dir];
    [&["import", file, "--config", "fairseq.toml"], &files[..]].concat()
}

fn summary(program: &Program, arguments: &[&str]) -> Value {
    serde_json::from_str(&program.output(arguments)).expect("JSON")
}

fn tensors_of(program: &Program, file: &str) -> Vec<NamedTensor> {
    read_safetensors(&program.folder().join(file)).expect(file)
}

/// Translates what was recorded and compares texts and scores.
fn assert_translates(program: &Program, checkpoint: &str) {
    let cases = json("translator.json");
    let cases = cases.as_array().expect("cases");
    let text = |case: &Value, key: &str| case[key].as_str().expect("text").to_string();
    let input: String = cases.iter().map(|case| text(case, "line") + "\n").collect();
    let output = program.output_of(&["translate", "--checkpoint", checkpoint, "--scores"], &input);
    assert_eq!(output.lines().count(), cases.len());
    for (line, case) in output.lines().zip(cases) {
        let (score, translation) = line.split_once('\t').expect("a score");
        assert_eq!(translation, text(case, "translation"), "{}", case["line"]);
        let difference = score.parse::<f64>().expect("a number") - case["score"].as_f64().expect("a number");
        assert!(difference.abs() < 1e-4, "{line}: {}", case["score"]);
    }
}

#[test]
fn a_model_of_pytorch_translates_as_pytorch_did() {
    let program = translator();
    let larger = ["--set", "space.decoder_layer_num=[1, 2]"];
    let imported = summary(&program, &import("translator.pt", &larger));
    assert_eq!(imported["model"], "runs/tiny/models/imported");
    assert_translates(&program, "runs/tiny/models/imported");
    // It is no SuperNet: what could be cut out of it means nothing.
    let mut fewer_heads = imported["architecture"].clone();
    fewer_heads["encoder"]["encoder_self_attention_heads"] = vec![1].into();
    program.write("fewer_heads.json", &fewer_heads.to_string());
    let cut = ["translate", "--checkpoint", "runs/tiny/models/imported", "--arch", "fewer_heads.json"];
    let message = program.refusal(&cut, "mu\n");
    assert!(
        message.contains("runs/tiny/models/imported: no SuperNet: these weights were imported as one"),
        "{message}"
    );
    // What import prints is an architecture that other commands take.
    let cost = ["cost", "--config", "runs/tiny/config.toml", "--arch", "-"];
    let cost: Value = serde_json::from_str(&program.output_of(&cost, &imported["architecture"].to_string())).unwrap();
    let embeddings = (16 * 16 + 16 * 24) as u64;
    assert_eq!(cost["parameters"]["total"].as_u64().unwrap() + embeddings, imported["parameters"].as_u64().unwrap());
    // What counts embeddings says how many they are.
    let export = ["export", "--checkpoint", "runs/tiny/models/imported", "--out", "again.safetensors"];
    for counted in [imported, summary(&program, &export)] {
        assert_eq!(counted["embedding_parameters"], embeddings);
        assert_eq!(counted["parameters"], cost["parameters"]["total"].as_u64().unwrap() + embeddings);
    }
}

#[test]
fn import_and_export_are_inverse_under_either_names() {
    let program = translator();
    program.output(&import("translator.pt", &["--run-dir", "translator"]));
    program.output(&import_fairseq("fairseq.pt", "fairseq"));
    for (run, model, again) in [
        ("translator", "supernet", import as fn(&'static str, &[&'static str]) -> Vec<&'static str>),
        ("fairseq", "models/imported", |file, rest| import_fairseq(file, rest[1])),
    ] {
        let original = FairseqCheckpoint::load(&beside(&format!("{run}.pt"))).expect(run).tensors;
        for names in ["ours", "reference"] {
            let export = |run: &str, out: &str| {
                program.output(&["export", "--checkpoint", &format!("{run}/{model}"), "--out", out, "--names", names]);
                std::fs::read(program.folder().join(out)).expect(out)
            };
            let first = export(run, "first.safetensors");
            program.output(&again("first.safetensors", &["--run-dir", "again"]));
            assert!(export("again", "second.safetensors") == first, "{run}, {names}");
            std::fs::remove_dir_all(program.folder().join("again")).expect("removed");
        }
        // The second export has the names of the .pt, and every tensor of it but fairseq's versions and a shared table.
        let exported = bits(&tensors_of(&program, "second.safetensors"));
        let left_out = ["encoder.version", "decoder.version"];
        let weights: Vec<_> = bits(&original)
            .into_iter()
            .filter(|(name, ..)| !left_out.contains(&name.as_str()) && !name.ends_with("._float_tensor"))
            .filter(|(name, ..)| run != "fairseq" || name != "decoder.embed_tokens.weight")
            .collect();
        assert_eq!(exported, weights, "{run}");
    }
}

#[test]
fn an_imported_supernet_is_searched_and_inherited_from() {
    let program = translator();
    // Dictionaries are named by settings alone here, as for any other command.
    let files = ["dict.xx.txt", "dict.yy.txt", "translator.codes"];
    let keys = ["source_dict", "target_dict", "bpe_codes"].iter().zip(files);
    let settings: String = keys.map(|(key, file)| format!("{key} = \"{file}\"\n")).collect();
    program.write("tiny.toml", &SPACE.replace("[data]\n", &format!("[data]\nvocab_size = 16\n{settings}")));
    for part in ["train", "valid", "test"] {
        program.write(&format!("{part}.xx"), "bade kilo\nmu\nri ri baba kidemu\n");
        program.write(&format!("{part}.yy"), "tafe piso\nnu\ngi gi tata pifenu\n");
    }
    let imported = summary(&program, &["import", "translator.pt", "--config", "tiny.toml"]);
    assert_eq!(imported["model"], "runs/tiny/supernet");
    assert_translates(&program, "runs/tiny/supernet");
    let winner = program.output(&["search", "--config", "tiny.toml"]);
    let train = ["train", "--config", "tiny.toml", "--arch", "-", "--name", "winner", "--inherit"];
    let trained: Value = serde_json::from_str(&program.output_of(&train, &winner)).unwrap();
    assert_eq!(trained["updates"], 1);
}

#[test]
fn a_supernet_trained_here_comes_back() {
    let program = Program::new();
    program.output(&arguments(&["train"], &TINY));
    program.output(&["export", "--checkpoint", "runs/toy/supernet", "--out", "supernet.safetensors"]);
    let imported = summary(&program, &arguments(&["import", "supernet.safetensors", "--run-dir", "again"], &TINY));
    assert_eq!(imported["model"], "again/supernet");
    let winner = program.output(&arguments(&["search", "--run-dir", "again"], &TINY));
    assert_eq!(winner, program.output(&arguments(&["search"], &TINY)), "the same weights find the same");
    // A smaller architecture is cut out of it.
    program.write("winner.json", &winner);
    let cut = ["import", "supernet.safetensors", "--run-dir", "cut", "--arch", "winner.json"];
    let cut = summary(&program, &arguments(&cut, &TINY));
    assert_eq!(cut["model"], "cut/models/imported");
    let input = "mi lo\nta ri mo\n";
    let subnet = ["translate", "--checkpoint", "runs/toy/supernet", "--arch", "winner.json"];
    let subnet = program.output_of(&subnet, input);
    assert_eq!(program.output_of(&["translate", "--checkpoint", "cut/models/imported"], input), subnet);
}

#[test]
fn what_disagrees_is_named_and_nothing_is_written() {
    let program = translator();
    program.output(&import("translator.pt", &["--run-dir", "there"]));
    program.write("narrow.json", &FAIRSEQ_ARCHITECTURE.replace("[[3, 5]]", "[[3, 4]]"));
    let narrow: Vec<&str> = import_fairseq("fairseq.pt", "no")
        .iter()
        .map(|&a| if a == "fairseq.json" { "narrow.json" } else { a })
        .collect();
    let without_arch: Vec<&str> =
        import_fairseq("fairseq.pt", "no").into_iter().filter(|a| !["--arch", "fairseq.json"].contains(a)).collect();
    let wrong_dict = ["import", "translator.pt", "--config", "tiny.toml", "--dict-source", "dict.xx.txt"];
    for (arguments, parts) in [
        (narrow, &["`decoder.layers.0.moe.experts.1.fc1.bias` has the shape [5] where [4]"][..]),
        (without_arch, &["`", "has the shape", "--arch", "1 layers (1 with experts), 4 wide"]),
        (
            import(
                "translator.pt",
                &["--set", "model.qkv_dim=8", "--set", "model.share_decoder_input_output_embed=false"],
            ),
            &[
                "model.qkv_dim = 16 and not 8",
                "--set model.share_decoder_input_output_embed=true --set model.qkv_dim=16",
            ],
        ),
        ([&wrong_dict[..], &["--dict-target", "three.txt"]].concat(), &["decoder's table has 16", "three.txt", "7"]),
        (wrong_dict.to_vec(), &["data.source_dict", "target_dict"]),
        (import("dict.xx.txt", &[]), &["dict.xx.txt", "not a PyTorch file"]),
        (import("absent.safetensors", &[]), &["absent.safetensors"]),
        (import("translator.pt", &["--run-dir", "there"]), &["there/supernet", "--fresh"]),
        (import("translator.pt", &["--name", "../up"]), &["`../up`"]),
        (vec!["export", "--checkpoint", "there/supernet", "--out", "x.pt"], &["x.pt", ".safetensors"]),
        (vec!["export", "--checkpoint", "absent", "--out", "x.safetensors"], &["absent"]),
    ] {
        let message = program.refusal(&arguments, "");
        for part in parts {
            assert!(message.contains(part), "{part:?} is missing in: {message}");
        }
    }
}

#[test]
fn checkpoints_of_all_ages_translate_alike() {
    let Some(program) = Program::of_field("I01-fairseq-names") else { return };
    let input = std::fs::read_to_string(program.folder().join("input")).unwrap();
    let translated = ["old", "sep"].map(|age| {
        let (file, run) = (format!("{age}.pt"), format!("run-{age}"));
        let rest = ["--config", "tiny.toml", "--dict-source", "dict.txt", "--bpe-codes", "codes", "--run-dir", &run];
        let imported = summary(&program, &[&["import", &file], &rest[..]].concat());
        program.output_of(&["translate", "--checkpoint", imported["model"].as_str().unwrap(), "--scores"], &input)
    });
    assert_eq!(translated[0].lines().count(), input.lines().count());
    assert_eq!(translated[0], translated[1]);
}

#[test]
fn a_model_of_another_kind_is_refused_wherever_its_settings_stand() {
    let Some(program) = Program::of_field("I03-settings-in-cfg") else { return };
    let rest = ["--config", "tiny.toml", "--dict-source", "dict.txt", "--bpe-codes", "codes"];
    let message = program.refusal(&[&["import", "prenorm.pt"], &rest[..]].concat(), "");
    assert!(message.contains("prenorm.pt: its settings (cfg.model) have encoder_normalize_before = True"), "{message}");
}
