use super::*;
use half::{bf16, f16};
use proptest::prelude::*;
use std::sync::LazyLock;

fn tensor(name: &str, shape: &[usize], data: &[f32]) -> NamedTensor {
    NamedTensor { name: name.into(), shape: shape.to_vec(), data: data.to_vec() }
}

fn state() -> Value {
    json!({"update": 120, "loss": 4.25, "text": "a \"quoted\" ü", "none": null})
}

fn saved(tensors: &[NamedTensor], state: &Value) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let views = tensors.iter().map(NamedTensor::view);
    fs::read(save(folder.path(), "last", views, state).unwrap()).unwrap()
}

fn parse(bytes: &[u8]) -> Result<Checkpoint> {
    read(bytes, bytes.len() as u64, |_| true)
}

/// A file with this header and data, whose checksum is right.
fn file_of(info: TensorInfo, data: &[u8]) -> Vec<u8> {
    let mut checksum = Checksum::new("{}");
    checksum.begin("x", &info);
    checksum.add(data);
    let metadata = json!({STATE: "{}", CHECKSUM: checksum.finish()});
    let header = json!({METADATA: metadata, "x": info}).to_string();
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), data].concat()
}

/// Two small tensors and their file.
static SMALL: LazyLock<(Checkpoint, Vec<u8>)> = LazyLock::new(|| {
    let tensors = vec![
        tensor("decoder.bias", &[4], &[2.0, -1.5, 0.1, 1e30]),
        tensor("encoder.weight", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
    ];
    let bytes = saved(&tensors, &state());
    let state = state();
    (Checkpoint { tensors, state }, bytes)
});

#[test]
fn what_is_saved_is_loaded_bit_for_bit_in_order_of_name() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("models/winner");
    let large: Vec<f32> = (0..3 * CHUNK / 4 + 5).map(|i| i as f32 * 0.37).collect();
    let odd = [-0.0, f32::MIN_POSITIVE / 2.0, f32::INFINITY, 0.1];
    let tensors = [
        tensor("z.large", &[large.len()], &large),
        tensor("b.empty", &[0, 3], &[]),
        tensor("c.scalar", &[], &[0.1]),
        tensor("a.empty", &[2, 0], &[]),
        tensor("c.odd", &[2, 2], &odd),
        tensor("a.nan", &[1], &[f32::from_bits(0x7fc0_1234)]),
    ];
    let views = tensors.iter().map(NamedTensor::view);
    let path = save(&below, "step-3", views, &state()).unwrap();
    assert_eq!(path, below.join("step-3.safetensors"));
    let loaded = Checkpoint::load(&path).unwrap();
    assert_eq!(loaded.state, state());
    let bits = |tensors: &[NamedTensor]| -> Vec<(String, Vec<usize>, Vec<u32>)> {
        let mut all: Vec<_> = tensors
            .iter()
            .map(|t| {
                let bits = t.data.iter().map(|x| x.to_bits()).collect();
                (t.name.clone(), t.shape.clone(), bits)
            })
            .collect();
        all.sort();
        all
    };
    assert_eq!(bits(&loaded.tensors), bits(&tensors));
    assert!(loaded.tensors.is_sorted_by_key(|tensor| &tensor.name));
    let copy: Value = serde_json::from_slice(&fs::read(below.join("step-3.json")).unwrap()).unwrap();
    assert_eq!(copy, state());
}

#[test]
fn the_same_contents_give_the_same_bytes_in_any_order_and_anyone_can_read_them() {
    let (checkpoint, bytes) = &*SMALL;
    let mut turned = checkpoint.tensors.clone();
    turned.reverse();
    assert_eq!(saved(&turned, &checkpoint.state), *bytes);
    let read = safetensors::SafeTensors::deserialize(bytes).unwrap();
    let weight = read.tensor("encoder.weight").unwrap();
    assert_eq!(weight.shape(), [2, 3]);
    assert_eq!(weight.data()[4..8], 2f32.to_le_bytes());
    let data_start = bytes.len() - 10 * 4;
    assert_eq!(data_start % 8, 0);
}

#[test]
fn a_checkpoint_that_is_there_has_its_copy_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    // The file cannot take the name of a folder: as if the process were killed just before it is there.
    fs::create_dir(folder.path().join("last.safetensors")).unwrap();
    assert_eq!(save(folder.path(), "last", [], &state()).unwrap_err().exit_code(), 2);
    let copy: Value = serde_json::from_slice(&fs::read(folder.path().join("last.json")).unwrap()).unwrap();
    assert_eq!(copy, state());
}

#[test]
fn tensors_that_are_not_wanted_are_checked_but_not_kept() {
    let (checkpoint, bytes) = &*SMALL;
    let some = |bytes: &[u8]| read(bytes, bytes.len() as u64, |name| name.starts_with("enc"));
    assert_eq!(some(bytes).unwrap().tensors, checkpoint.tensors[1..]);
    let mut damaged = bytes.clone();
    let decoder = bytes.len() - 10 * 4;
    damaged[decoder] ^= 1;
    assert!(some(&damaged).is_err());
}

#[test]
fn half_precision_becomes_f32() {
    let values = [1.5f32, -0.25, 384.0];
    let halves: Vec<u8> = values.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect();
    let brains: Vec<u8> = values.iter().flat_map(|&x| bf16::from_f32(x).to_le_bytes()).collect();
    for (dtype, data) in [(FileDtype::F16, halves), (FileDtype::BF16, brains)] {
        let info = TensorInfo { dtype, shape: vec![3], data_offsets: (0, 6) };
        let loaded = parse(&file_of(info, &data)).unwrap();
        assert_eq!(loaded.tensors, [tensor("x", &[3], &values)]);
    }
}

#[test]
fn headers_that_ask_for_too_much_or_for_other_types_are_refused() {
    let huge = usize::MAX / 2;
    let cases = [
        (
            FileDtype::F32,
            vec![1 << 40],
            (0, 1 << 42),
            "damaged: 8 bytes of tensors where the header asks for 4398046511104",
        ),
        (FileDtype::F32, vec![huge, huge], (0, 8), "overflow"),
        (FileDtype::F32, vec![2], (0, 4), "invalid shape"),
        (FileDtype::F32, vec![1], (4, 8), "invalid offset"),
        (FileDtype::I64, vec![1], (0, 8), "`x`: elements of type I64; expected F32"),
    ];
    for (dtype, shape, data_offsets, expected) in cases {
        let info = TensorInfo { dtype, shape, data_offsets };
        let error = parse(&file_of(info, &[0; 8])).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(expected), "{error}");
    }
    for length in [u64::MAX, MAX_HEADER + 1, 9] {
        let bytes = [&length.to_le_bytes()[..], b"{}      "].concat();
        let error = parse(&bytes).unwrap_err().to_string();
        assert!(error.contains(&format!("a header of {length} bytes")), "{error}");
    }
    let nested = "[".repeat(1 << 20);
    let bytes = [&(nested.len() as u64).to_le_bytes()[..], nested.as_bytes()].concat();
    assert!(parse(&bytes).is_err());
}

#[test]
fn a_file_of_others_is_refused_with_one_line_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    let absent = Checkpoint::load(&path).unwrap_err();
    assert_eq!(absent.exit_code(), 2);
    fs::write(&path, b"\x08\0\0\0\0\0\0\0{}      ").unwrap();
    let other = Checkpoint::load(&path).unwrap_err();
    assert!(other.to_string().contains("no checkpoint of this program"));
    for error in [absent, other] {
        let place = format!("{}: ", path.display());
        assert!(error.to_string().starts_with(&place), "{error}");
    }
}

#[test]
fn unusable_tensors_leave_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = save(folder.path(), "last", [], &state()).unwrap();
    let old = fs::read(&path).unwrap();
    let cases = [
        vec![tensor("a", &[1], &[1.0]), tensor("a", &[1], &[2.0])],
        vec![tensor("a", &[2], &[1.0])],
        vec![tensor(METADATA, &[1], &[1.0])],
    ];
    for tensors in cases {
        let views = tensors.iter().map(NamedTensor::view);
        let error = save(folder.path(), "last", views, &json!({})).unwrap_err();
        assert_eq!(error.exit_code(), 1, "{error}");
        assert_eq!(fs::read(&path).unwrap(), old);
    }
}

#[test]
fn a_truncated_file_is_refused_with_one_line() {
    let large: Vec<f32> = (0..5000).map(|i| i as f32).collect();
    let bytes = saved(&[tensor("a", &[50, 100], &large)], &state());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    for end in (0..bytes.len()).step_by(97) {
        fs::write(&path, &bytes[..end]).unwrap();
        let error = Checkpoint::load(&path).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
    }
    let longer = [&bytes[..], b"\0"].concat();
    assert!(parse(&longer).is_err());
}

/// Wherever the damage is, it is found, or else has changed nothing.
fn found_or_harmless(damaged: &[u8]) {
    match parse(damaged) {
        Ok(checkpoint) => assert_eq!(checkpoint, SMALL.0),
        Err(error) => {
            assert_eq!(error.exit_code(), 2, "{error}");
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
        }
    }
}

#[test]
fn no_flipped_bit_goes_unnoticed() {
    let bytes = &SMALL.1;
    for at in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[at / 8] ^= 1 << (at % 8);
        found_or_harmless(&damaged);
    }
}

proptest! {
    #[test]
    fn random_damage_is_found_or_harmless(
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut damaged = SMALL.1.clone();
        for (at, byte) in places {
            let at = at.index(damaged.len());
            damaged[at] = byte;
        }
        found_or_harmless(&damaged);
    }

    #[test]
    fn random_headers_never_panic(header in "[{}\\[\\]\",:0-9a-zA-Z_ ]{0,80}", data: [u8; 8]) {
        let length = (header.len() as u64).to_le_bytes();
        let bytes = [&length[..], header.as_bytes(), &data].concat();
        prop_assert!(parse(&bytes).is_err());
    }
}
