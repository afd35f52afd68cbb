//! Files made to do harm, or damaged: always one line of error, or harmless data; never a panic.

use super::beside;
use crate::cli::program::Program;
use automoe::error::{Error, Result};
use automoe::interop::NamedTensor;
use automoe::interop::fairseq::FairseqCheckpoint;
use automoe::interop::torch::TorchFile;
use proptest::prelude::*;
use rayon::prelude::*;
use std::io::Cursor;

/// The files that PyTorch made, and one as fairseq's newer settings make it.
const FILES: [&str; 5] = ["tensors.pt", "tensors_legacy.pt", "fairseq.pt", "fairseq_legacy.pt", "fairseq_cfg.pt"];

fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(beside(name)).expect("a file beside this one")
}

fn read(bytes: &[u8]) -> Result<FairseqCheckpoint> {
    FairseqCheckpoint::read(&mut TorchFile::new(Cursor::new(bytes))?)
}

fn assert_one_line(error: &Error) {
    let line = error.to_string();
    assert!(!line.is_empty() && !line.contains('\n') && line.len() < 1000, "{line}");
    assert_eq!(error.exit_code(), 2, "{line}");
}

/// An older-form file around the pickle `object`, whose storages follow.
fn legacy(object: &[u8], keys: &[u8], storages: &[u8]) -> Vec<u8> {
    let whole = bytes_of("tensors_legacy.pt");
    // Magic number, protocol and facts of the system: up to the third pickle's STOP, which `u.` ends.
    let end = whole.windows(2).position(|pair| pair == b"u.").expect("the system's facts") + 2;
    [&whole[..end], object, keys, storages].concat()
}

/// How many elements the tensors have together.
fn elements(tensors: &[NamedTensor]) -> usize {
    tensors.iter().map(|tensor| tensor.data.len()).sum()
}

#[test]
fn truncated_files_are_refused_at_every_length() {
    for name in FILES {
        let bytes = bytes_of(name);
        for length in 0..bytes.len() {
            match read(&bytes[..length]) {
                Ok(_) => panic!("{name} cut to {length} bytes was read"),
                Err(error) => assert_one_line(&error),
            }
        }
    }
}

#[test]
fn the_program_refuses_a_file_truncated_anywhere() {
    let program = Program::new();
    let bytes = bytes_of("tensors_legacy.pt");
    (0..bytes.len()).into_par_iter().for_each(|length| {
        let name = format!("{length}.pt");
        let path = program.folder().join(&name);
        std::fs::write(&path, &bytes[..length]).expect("written");
        let output = program.command(&["import", &name]).output().expect("run");
        std::fs::remove_file(path).expect("removed");
        let errors = String::from_utf8(output.stderr).expect("text");
        assert_eq!((output.status.code(), errors.lines().count()), (Some(2), 1), "{length} bytes: {errors}");
        assert!(output.stdout.is_empty() && errors.starts_with(&format!("automoe: {name}: ")), "{length}: {errors}");
    });
    assert!(program.files().is_empty(), "nothing is written");
}

#[test]
fn zip_files_are_refused_when_a_weight_is_damaged() {
    let bytes = bytes_of("tensors.pt");
    let needle = 0.1f32.to_le_bytes();
    let at = bytes.windows(4).position(|window| window == needle).expect("the scalar 0.1");
    let mut damaged = bytes.clone();
    damaged[at] ^= 1;
    let error = read(&damaged).expect_err("a wrong checksum");
    assert!(error.to_string().contains("checksum"), "{error}");
}

#[test]
fn tensors_that_expand_past_the_file_are_refused() {
    // {"x": one element repeated `count` times by strides of 0}, on a storage of 1 float.
    let file = |count: i32| {
        let mut object = b"\x80\x02}X\x01\x00\x00\x00xctorch._utils\n_rebuild_tensor_v2\n((".to_vec();
        object.extend(b"X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01NtQ");
        object.extend(b"K\x00(J");
        object.extend(count.to_le_bytes());
        object.extend(b"t(K\x00t\x89}tRs.");
        legacy(&object, b"\x80\x02]X\x01\x00\x00\x000a.", &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128, 63])
    };
    let read_back = read(&file(1000)).expect("a small expanded tensor");
    assert_eq!(elements(&read_back.tensors), 1000);
    assert!(read_back.tensors[0].data.iter().all(|x| *x == 1.0));
    let error = read(&file(i32::MAX)).expect_err("2^31 elements");
    assert!(error.to_string().contains("too many"), "{error}");
}

#[test]
fn storages_must_be_as_declared() {
    let object = b"\x80\x02}.";
    for (keys, storages) in
        [(&b"\x80\x02]X\x01\x00\x00\x000a."[..], &[0u8; 8][..]), (b"\x80\x02}.", &[]), (b"\x80\x02].", &[0])]
    {
        assert_one_line(&read(&legacy(object, keys, storages)).expect_err("refused"));
    }
    assert!(read(&legacy(object, b"\x80\x02].", &[])).is_ok());
}

#[test]
fn other_files_are_refused() {
    let other_pickle = b"\x80\x02K\x01.\x80\x02K\x01.\x80\x02}.";
    for bytes in [&b""[..], b"P", b"PK\x03\x04", b"{}", other_pickle, &[0x80; 100]] {
        assert_one_line(&read(bytes).expect_err("refused"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_files_never_panic(file in 0usize..4, edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = bytes_of(FILES[file]);
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Err(error) = read(&bytes) {
            assert_one_line(&error);
        }
    }

    #[test]
    fn pickles_of_random_opcodes_never_panic(body in prop::collection::vec(opcode(), 0..60)) {
        let object = [&b"\x80\x02"[..], &body.concat(), b"."].concat();
        if let Err(error) = read(&legacy(&object, b"\x80\x02].", &[])) {
            assert_one_line(&error);
        }
    }
}

/// An opcode with its argument, most of them well-formed so that programs get far.
fn opcode() -> impl Strategy<Value = Vec<u8>> {
    let plain = prop::sample::select(b"N(]})tdleasuRbQ012\x85\x86\x87\x88\x8f\x90\x91\x93\x94\x81".to_vec());
    let names = prop::sample::select(vec![
        &b"ctorch._utils\n_rebuild_tensor_v2\n"[..],
        b"ccollections\nOrderedDict\n",
        b"cargparse\nNamespace\n",
        b"ctorch\nFloatStorage\n",
        b"c__builtin__\nset\n",
        b"c_codecs\nencode\n",
        b"X\x07\x00\x00\x00storage",
        b"X\x01\x00\x00\x000",
    ]);
    prop_oneof![
        4 => plain.prop_map(|byte| vec![byte]),
        2 => names.prop_map(<[u8]>::to_vec),
        2 => (prop::sample::select(b"Khq".to_vec()), 0u8..6).prop_map(|(opcode, argument)| vec![opcode, argument]),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ]
}
