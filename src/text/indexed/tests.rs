//! Both layouts by hand, and what is no such file.

use super::*;

/// Two sentences, `4 5 </s>` and `6 </s>`, as MMIDIDX with ids of two bytes.
const MMAP: [&[u8]; 2] = [
    b"MMIDIDX\0\0\x01\0\0\0\0\0\0\0\x08\x02\0\0\0\0\0\0\0\
      \x03\0\0\0\x02\0\0\0\
      \0\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0",
    b"\x04\0\x05\0\x02\0\x06\0\x02\0",
];

/// The same as TNTIDX with ids of four bytes, each plus one.
const TORCHNET: [&[u8]; 2] = [
    b"TNTIDX\0\0\x01\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\
      \x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\
      \0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\
      \0\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\
      \x03\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0",
    b"\x05\0\0\0\x06\0\0\0\x03\0\0\0\x07\0\0\0\x03\0\0\0",
];

fn paths(dir: &tempfile::TempDir) -> [PathBuf; 2] {
    ["a.idx", "a.bin"].map(|name| dir.path().join(name))
}

fn read([index, data]: [&[u8]; 2], vocab: usize) -> Result<Vec<Vec<u32>>> {
    let dir = tempfile::tempdir().unwrap();
    let [index_path, data_path] = paths(&dir);
    std::fs::write(&index_path, index).unwrap();
    std::fs::write(&data_path, data).unwrap();
    let mut file = IndexedSentences::open(&index_path, &data_path)?;
    let mut sentences = Vec::new();
    while let Some(sentence) = file.next(vocab)? {
        sentences.push(sentence);
    }
    assert_eq!(sentences.len(), file.len());
    Ok(sentences)
}

#[test]
fn the_published_layouts_are_read() {
    for files in [MMAP, TORCHNET] {
        assert_eq!(read(files, 7).unwrap(), [vec![4, 5], vec![6]]);
    }
}

#[test]
fn what_is_written_is_the_published_layout() {
    let dir = tempfile::tempdir().unwrap();
    let files = paths(&dir);
    let sentences: [&[u32]; 2] = [&[4, 5, EOS], &[6, EOS]];
    write(files.clone(), sentences.into_iter(), 7).unwrap();
    assert_eq!(files.clone().map(|path| std::fs::read(path).unwrap()), MMAP.map(<[u8]>::to_vec));
    // Ids that two bytes need not hold have four.
    write(files.clone(), sentences.into_iter(), TWO_BYTES).unwrap();
    let [index, data] = files.map(|path| std::fs::read(path).unwrap());
    assert_eq!((index[17], data.len()), (4, 20));
    assert_eq!(read([&index, &data], 7).unwrap(), [vec![4, 5], vec![6]]);
}

#[test]
fn ids_of_all_types_are_read() {
    let mut wide = MMAP[0].to_vec();
    for (code, bytes) in [(1, 1), (2, 1), (3, 2), (4, 4), (5, 8), (9, 4), (10, 8)] {
        wide[17] = code;
        wide[42] = 3 * bytes;
        let data: Vec<u8> =
            [4_u64, 5, 2, 6, 2].iter().flat_map(|id| id.to_le_bytes().into_iter().take(bytes.into())).collect();
        assert_eq!(read([&wide, &data], 7).unwrap(), [vec![4, 5], vec![6]], "type {code}");
    }
}

#[test]
fn damage_is_named() {
    let change = |files: [&[u8]; 2], file: usize, at: usize, byte: u8| {
        let mut files = files.map(<[u8]>::to_vec);
        files[file][at] = byte;
        read([&files[0], &files[1]], 7).unwrap_err().to_string()
    };
    for (files, file, at, byte, expected) in [
        (MMAP, 0, 0, b'X', "a.idx: not an index of fairseq's"),
        (MMAP, 0, 8, 1, "a.idx: not an index of fairseq's"),
        (MMAP, 0, 9, 2, "a.idx: version 2"),
        (MMAP, 0, 17, 6, "a.idx: ids of type 6"),
        (MMAP, 0, 17, 4, "a.idx: sentence 2: it begins at 6 and not at 12"),
        // More sentences than any memory holds.
        (MMAP, 0, 25, 0x7f, "where an index of 9151314442816847874 sentences has 109815773313802174514"),
        (MMAP, 0, 29, 0xff, "a.idx: sentence 1: a length of -"),
        (MMAP, 0, 30, 3, "a.bin: 10 bytes where "),
        (MMAP, 1, 3, 1, "a.bin: sentence 1: the id 261, where the dictionary has 0 to 6"),
        (MMAP, 1, 4, 4, "a.bin: sentence 1: it does not end with </s>"),
        (MMAP, 1, 0, 2, "a.bin: sentence 1: </s> within it"),
        (MMAP, 1, 6, 1, "a.bin: sentence 2: <pad> within it"),
        (TORCHNET, 0, 16, 5, "a.idx: ids of type 5 with 4 bytes"),
        (TORCHNET, 0, 40, 3, "a.idx: 2 sentences but 3 lengths"),
        (TORCHNET, 0, 56, 2, "a.idx: sentence 1: it is no row of ids"),
        (TORCHNET, 0, 72, 1, "a.idx: sentence 1: it begins at 1"),
        (TORCHNET, 0, 88, 1, "a.idx: sentence 2: a length of -2"),
        (TORCHNET, 0, 96, 2, "a.idx: sentence 1: its length"),
        (TORCHNET, 1, 0, 0, "a.bin: sentence 1: the id -1"),
    ] {
        let error = change(files, file, at, byte);
        assert!(error.contains(expected), "expected {expected:?}: {error}");
    }
}

#[test]
fn no_cut_or_flipped_byte_panics_and_no_cut_is_accepted() {
    for files in [MMAP, TORCHNET] {
        for (file, bytes) in files.iter().enumerate() {
            for end in 0..bytes.len() {
                let mut cut = files;
                cut[file] = &bytes[..end];
                let error = read(cut, 7).unwrap_err();
                assert_eq!(error.exit_code(), 2);
                let mut flipped = bytes.to_vec();
                flipped[end] ^= 0xff;
                cut[file] = &flipped;
                assert!(read(cut, 7).is_err());
            }
        }
    }
}
