//! How text of users is read, whatever wrote it.

use super::program::{Program, TINY, arguments};
use super::text_formats::OVER_FILES;
use serde_json::Value;
use std::path::Path;

/// What `automoe data` prints, and its messages.
fn data(program: &Program, settings: &[&str]) -> (Value, String) {
    let output = program.command(&arguments(&["data"], settings)).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    (serde_json::from_slice(&output.stdout).unwrap(), errors)
}

#[test]
fn files_of_this_field_are_read_as_its_programs_read_them() {
    for (case, key, expected, unknown) in [
        ("B01-fastbpe-codes", "/train/source_tokens", 13, Some(1.0 / 13.0)),
        ("B03-odd-spaces-in-text", "/train/source_tokens", 28, Some(1.0 / 28.0)),
        ("B08-dict-overwrite-flag", "/source_vocabulary", 25, None),
    ] {
        let Some(program) = Program::of_field(case) else { continue };
        let (statistics, _) = data(&program, &["--config", "my.toml"]);
        assert_eq!(statistics.pointer(key), Some(&expected.into()), "{case}");
        if let Some(unknown) = unknown {
            assert_eq!(statistics["train"]["source_unknown_rate"], unknown, "{case}");
        }
    }
}

/// Codes, dictionaries, text and configs that an editor on Windows wrote.
#[test]
fn a_byte_order_mark_changes_nothing_and_utf_16_is_refused() {
    const CONFIG: &str = "[data]\ncorpus = 'files'\ndir = '.'\nsource_lang = 'xx'\ntarget_lang = 'yy'\n\
                          source_dict = 'dict'\nbpe_codes = 'codes'\n";
    let files = [
        ("my.toml", CONFIG),
        ("codes", "#version: 0.2\nl o\nlo w</w>\n"),
        ("dict", "low 1\nlo@@ 1\ne@@ 1\nr 1\n"),
        ("train.xx", "low lower\nlow\n"),
        ("train.yy", "low lower\nlow\n"),
        ("valid.xx", "low\n"),
        ("valid.yy", "low\n"),
    ];
    let program = Program::new();
    files.iter().for_each(|(name, text)| program.write(name, text));
    let (plain, _) = data(&program, &["--config", "my.toml"]);
    files.iter().for_each(|(name, text)| program.write(name, &format!("\u{feff}{text}")));
    assert_eq!(data(&program, &["--config", "my.toml"]).0, plain);
    for (name, text) in files {
        let utf_16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        std::fs::write(program.folder().join(name), utf_16).unwrap();
        let message = program.refusal(&["data", "--config", "my.toml"], "");
        assert!(message.contains(name) && message.contains("UTF-16 text: save it as UTF-8"), "{message}");
        program.write(name, text);
    }
}

#[test]
fn white_space_and_what_shows_nothing_leave_translations_alone() {
    let program = Program::new();
    program.output(&arguments(&["train"], &TINY));
    let translate = |input: &str| program.output_of(&["translate", "--checkpoint", "runs/toy/supernet"], input);
    let plain = translate("mi nesul\n");
    for odd in
        ["mi nesul ", " mi nesul", "mi  nesul", "mi\u{a0}nesul\t", "\u{feff}mi nesul", "mi\u{1c}\u{3000}nesul\r\n"]
    {
        assert_eq!(translate(odd), plain, "{odd:?}");
    }
    let blank = "\u{feff}\n\u{200b}\n\u{1c}\n \t\n\u{feff}\n\n";
    assert_eq!(translate(&format!("{blank}mi nesul")), format!("{}{plain}", "\n".repeat(6)));
    // Scores see no mark either.
    program.write("marked", &format!("\u{feff}{plain}"));
    for input in [plain.clone(), format!("\u{feff}{plain}")] {
        let score = program.output_of(&["score", "--reference", "marked", "--metric", "chrf"], &input);
        assert!(score.contains(" = 100.0"), "{score}");
    }
}

/// Settings of a tiny run with the SentencePiece model that [`with_sentencepiece`] has.
const SENTENCEPIECE: [&str; 6] =
    ["--config", "toy", "--set", "train.max_updates=8", "--set", "data.sentencepiece=spm.model"];

/// A program with text and a SentencePiece model in its folder.
fn with_sentencepiece() -> Program {
    let program = Program::new();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/spm_unigram.model");
    std::fs::copy(model, program.folder().join("spm.model")).unwrap();
    let train = "the lower tower\nnew slow towers\nlow, lower, lowest\n".repeat(60);
    let valid = "the lower tower\n".repeat(20);
    for (name, text) in [("train.xx", &train), ("train.yy", &train), ("valid.xx", &valid), ("valid.yy", &valid)] {
        program.write(name, text);
    }
    program
}

#[test]
fn a_sentencepiece_model_goes_all_the_way() {
    let program = with_sentencepiece();
    let config = arguments(&SENTENCEPIECE, &OVER_FILES);
    let (statistics, _) = data(&program, &config);
    // By the recorded model: ▁ t h e ▁lower ▁tower, and the end of the sentence.
    assert_eq!(statistics["valid"]["source_tokens"], 140);
    program.output(&arguments(&["train"], &config));
    let translate =
        |model: &str| program.output_of(&["translate", "--checkpoint", model], "the  lower tower\n\u{200b}\n");
    let translated = translate("runs/toy/supernet");
    assert!(!translated.contains('▁') && translated.ends_with("\n\n"), "{translated}");
    program.output(&["export", "--checkpoint", "runs/toy/supernet", "--out", "model.safetensors"]);
    let import =
        ["import", "model.safetensors", "--config", "toy", "--sentencepiece", "spm.model", "--run-dir", "again"];
    let imported: Value = serde_json::from_str(&program.output(&import)).unwrap();
    assert_eq!(translate(imported["model"].as_str().unwrap()), translated);
    // Without it the model's table has other rows.
    let message =
        program.refusal_after_start(&["import", "model.safetensors", "--config", "toy", "--run-dir", "other"]);
    assert!(message.contains("--sentencepiece"), "{message}");
    for (settings, expected) in [
        (
            &["data.bpe_codes=spm.model", "data.source_dict=spm.model"][..],
            "data.sentencepiece: stands beside data.bpe_codes",
        ),
        (
            &["data.joined_vocabulary=false", "model.share_all_embeddings=false"],
            "data.sentencepiece: needs data.sentencepiece_target",
        ),
        (&["data.sentencepiece=", "data.sentencepiece_target=spm.model"], "needs data.sentencepiece beside it"),
    ] {
        let settings: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
        let message = program.refusal(&[&["data"], &config[..], &settings].concat(), "");
        assert!(message.contains(expected), "{expected:?} is missing in: {message}");
    }
    program.write("spm.model", "#version: 0.2\nl o\n");
    let message = program.refusal(&arguments(&["data"], &config), "");
    assert!(message.contains("spm.model: not a SentencePiece model"), "{message}");
}

#[test]
fn a_sentencepiece_model_segments_text_for_ids_that_have_dictionaries() {
    let program = with_sentencepiece();
    let (statistics, _) = data(&program, &[&SENTENCEPIECE[..], &OVER_FILES, &["--export-fairseq", "bin"]].concat());
    let config = [&SENTENCEPIECE[..], &OVER_FILES, &["--set", "data.dir=bin"]].concat();
    assert_eq!(data(&program, &config).0, statistics);
    program.output(&arguments(&["train"], &config));
    let translate = |input| program.output_of(&["translate", "--checkpoint", "runs/toy/supernet"], input);
    assert_eq!(translate("the lower tower\n"), translate(" the  lower tower\n"));
    let subwords = std::fs::read_to_string(program.folder().join("runs/toy/subwords-source.json")).unwrap();
    assert!(subwords.starts_with("{\"sentencepiece\""), "text is segmented by the model");
}

#[test]
fn a_text_of_few_subwords_says_so() {
    let program = Program::new();
    for name in ["train.xx", "train.yy", "valid.xx", "valid.yy"] {
        program.write(name, "low lower\nlowest low\n");
    }
    let (statistics, messages) =
        data(&program, &arguments(&OVER_FILES, &["--config", "toy", "--set", "data.vocab_size=300"]));
    let said = format!("data.vocab_size = 300, but the training text gives {}", statistics["source_vocabulary"]);
    assert!(messages.contains(&said), "{messages}");
}
