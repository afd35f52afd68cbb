//! The two files that fairseq binarises the sentences of one language into: `.idx` says how many ids each sentence has and
//! where they begin, `.bin` holds the ids of all, behind one another. All numbers are little-endian.
//!
//! `MMIDIDX` (`--dataset-impl mmap`): magic of 9 bytes, u64 version 1, u8 type of the ids, u64 n, n × i32 lengths, n × i64
//! offsets in bytes. `TNTIDX` (`lazy`, `cached`; of TorchNet): magic of 8 bytes, u64 version 1, u64 type, u64 bytes of an id,
//! u64 n, u64 n, n + 1 × i64 the numbers 0 … n (a sentence has one dimension), n + 1 × i64 offsets in ids, n × i64 lengths;
//! its ids are stored plus one.

use super::vocabulary::{EOS, SPECIALS, UNK};
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

const MMIDIDX: &[u8] = b"MMIDIDX\0\0";
const TNTIDX: &[u8] = b"TNTIDX\0\0";
/// The only version of both.
const VERSION: u64 = 1;

/// The most sentences of a file; pairs are numbered by `u32`.
const MAX_SENTENCES: u64 = 1 << 30;

/// Vocabularies below this have ids of two bytes, as in fairseq.
const TWO_BYTES: usize = 65_500;

/// How an id is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Element {
    /// fairseq's number of the type.
    code: u8,
    bytes: usize,
    is_signed: bool,
}

/// The types of ids; 6 and 7 are numbers with a point, which ids never are.
const ELEMENTS: [Element; 8] = {
    const fn element(code: u8, bytes: usize, is_signed: bool) -> Element {
        Element { code, bytes, is_signed }
    }
    [
        element(1, 1, false),
        element(2, 1, true),
        element(3, 2, true),
        element(4, 4, true),
        element(5, 8, true),
        element(8, 2, false),
        element(9, 4, false),
        element(10, 8, false),
    ]
};

impl Element {
    fn of(code: u64) -> Result<Self> {
        let found = ELEMENTS.into_iter().find(|element| u64::from(element.code) == code);
        found.ok_or_else(|| Error::input(format!("ids of type {code}, which is no type of whole numbers")))
    }

    /// The number in `bytes`; one above `i64` becomes negative, which no id is.
    fn number(self, bytes: &[u8]) -> i64 {
        let is_negative = self.is_signed && bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut whole = if is_negative { [0xff; 8] } else { [0; 8] };
        whole[..self.bytes].copy_from_slice(bytes);
        i64::from_le_bytes(whole)
    }
}

/// The sentences of one language, read one after the other.
#[derive(Debug)]
pub struct IndexedSentences {
    path: PathBuf,
    file: BufReader<File>,
    element: Element,
    /// What is added to stored ids.
    shift: i64,
    lengths: Vec<u32>,
    read: usize,
    buffer: Vec<u8>,
}

impl IndexedSentences {
    /// Opens `index` and `data` and checks that they fit each other: each sentence begins where the one before ends.
    ///
    /// # Errors
    /// A file that cannot be read, is not of that layout, or is cut or longer than the other says; with its path.
    pub fn open(index: &Path, data: &Path) -> Result<Self> {
        let Index { element, shift, lengths } = read_index(index).map_err(|error| error.at(index.display()))?;
        let place = |error: Error| error.at(data.display());
        let (file, bytes) = open(data).map_err(place)?;
        // At most 2³⁰ lengths of 32 bits, times 8.
        let expected = lengths.iter().map(|&length| u128::from(length)).sum::<u128>() * element.bytes as u128;
        if u128::from(bytes) != expected {
            return Err(place(Error::input(format!(
                "{bytes} bytes where {} asks for {expected}: one of them is damaged, or they do not belong together",
                index.display()
            ))));
        }
        let file = BufReader::new(file);
        Ok(Self { path: data.into(), file, element, shift, lengths, read: 0, buffer: Vec::new() })
    }

    /// How many sentences there are.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// The ids of the next sentence, without the eos at its end, for a vocabulary of `vocab` entries; nothing after the last.
    ///
    /// # Errors
    /// A sentence that does not end with eos, has eos, padding or `<s>` before, or an id outside the vocabulary; with file
    /// and number.
    pub fn next(&mut self, vocab: usize) -> Result<Option<Vec<u32>>> {
        let Some(&length) = self.lengths.get(self.read) else {
            return Ok(None);
        };
        self.read += 1;
        let fail =
            |problem: String| Error::input(format!("{}: sentence {}: {problem}", self.path.display(), self.read));
        // No more than the file has.
        self.buffer.resize(length as usize * self.element.bytes, 0);
        self.file.read_exact(&mut self.buffer).map_err(|error| fail(error.to_string()))?;
        let stored = self.buffer.chunks_exact(self.element.bytes).map(|bytes| self.element.number(bytes));
        let mut ids = Vec::with_capacity(length as usize);
        for number in stored {
            let id = number.checked_sub(self.shift).and_then(|id| u32::try_from(id).ok());
            match id.filter(|&id| (id as usize) < vocab) {
                Some(id) => ids.push(id),
                None => {
                    let shown = i128::from(number) - i128::from(self.shift);
                    return Err(fail(format!("the id {shown}, where the dictionary has 0 to {}", vocab - 1)));
                }
            }
        }
        if ids.pop() != Some(EOS) {
            return Err(fail(format!("it does not end with {}", SPECIALS[EOS as usize])));
        }
        match ids.iter().find(|&&id| id < UNK) {
            Some(&id) => Err(fail(format!("{} within it", SPECIALS[id as usize]))),
            None => Ok(Some(ids)),
        }
    }
}

/// What an index says.
struct Index {
    element: Element,
    shift: i64,
    lengths: Vec<u32>,
}

fn open(path: &Path) -> Result<(File, u64)> {
    let open = || {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok((file, bytes))
    };
    open().map_err(Error::path)
}

fn read_index(path: &Path) -> Result<Index> {
    let (file, bytes) = open(path)?;
    let mut file = BufReader::new(file);
    let mut magic = [0; 8];
    let cut = |_| Error::input("too short for an index of fairseq's");
    file.read_exact(&mut magic).map_err(cut)?;
    let read = match &magic[..] {
        TNTIDX => read_tntidx,
        begin if MMIDIDX.starts_with(begin) => read_mmididx,
        _ => return Err(Error::input("not an index of fairseq's: it begins with neither MMIDIDX nor TNTIDX")),
    };
    read(&mut file, bytes)
}

/// The rest of an index of `bytes` bytes, behind the first eight.
fn read_mmididx(file: &mut impl Read, bytes: u64) -> Result<Index> {
    let [end] = array(file)?;
    if end != 0 {
        return Err(Error::input("not an index of fairseq's: another byte than 0 behind MMIDIDX"));
    }
    check_version(word(file)?)?;
    let [code] = array(file)?;
    let element = Element::of(code.into())?;
    let count = word(file)?;
    check_size(bytes, 26 + 12 * u128::from(count), count)?;
    let mut lengths = Vec::with_capacity(count as usize);
    for number in 1..=count {
        lengths.push(length(i32::from_le_bytes(array(file)?).into(), number)?);
    }
    let mut end = 0;
    for (number, length) in (1..).zip(&lengths) {
        check_offset(word(file)?, end, number)?;
        end = end.saturating_add(u64::from(*length) * element.bytes as u64);
    }
    Ok(Index { element, shift: 0, lengths })
}

/// The rest of an index of `bytes` bytes, behind the first eight.
fn read_tntidx(file: &mut impl Read, bytes: u64) -> Result<Index> {
    check_version(word(file)?)?;
    let element = Element::of(word(file)?)?;
    let width = word(file)?;
    if width != element.bytes as u64 {
        return Err(Error::input(format!("ids of type {} with {width} bytes", element.code)));
    }
    let (count, sizes) = (word(file)?, word(file)?);
    if sizes != count {
        return Err(Error::input(format!("{count} sentences but {sizes} lengths")));
    }
    check_size(bytes, 64 + 24 * u128::from(count), count)?;
    for expected in 0..=count {
        if word(file)? != expected {
            return Err(Error::input(format!("sentence {expected}: it is no row of ids")));
        }
    }
    let mut lengths = Vec::with_capacity(count as usize);
    let mut end = word(file)?;
    check_offset(end, 0, 1)?;
    for number in 1..=count {
        let next = word(file)?;
        lengths.push(length(next.wrapping_sub(end) as i64, number)?);
        end = next;
    }
    for (number, length) in (1..=count).zip(&lengths) {
        if word(file)? != u64::from(*length) {
            return Err(Error::input(format!("sentence {number}: its length is not that between its offsets")));
        }
    }
    Ok(Index { element, shift: 1, lengths })
}

fn array<const N: usize>(file: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Error::input("it is cut short")),
        Err(error) => Err(Error::input(error)),
    }
}

fn word(file: &mut impl Read) -> Result<u64> {
    array(file).map(u64::from_le_bytes)
}

fn check_version(version: u64) -> Result<()> {
    match version {
        VERSION => Ok(()),
        other => Err(Error::input(format!("version {other} of fairseq's index, where {VERSION} is known"))),
    }
}

/// Before anything is allocated for as many sentences as the file says.
fn check_size(bytes: u64, expected: u128, count: u64) -> Result<()> {
    if u128::from(bytes) != expected {
        return Err(Error::input(format!(
            "{bytes} bytes, where an index of {count} sentences has {expected}: it is damaged"
        )));
    }
    match count <= MAX_SENTENCES {
        true => Ok(()),
        false => Err(Error::input(format!("{count} sentences, where at most {MAX_SENTENCES} are read"))),
    }
}

fn length(length: i64, sentence: u64) -> Result<u32> {
    u32::try_from(length).map_err(|_| Error::input(format!("sentence {sentence}: a length of {length}")))
}

fn check_offset(offset: u64, expected: u64, sentence: u64) -> Result<()> {
    match offset == expected {
        true => Ok(()),
        false => Err(Error::input(format!(
            "sentence {sentence}: it begins at {offset} and not at {expected}, where the one before ends"
        ))),
    }
}

/// Writes `sentences`, each with its eos, as `MMIDIDX` for a vocabulary of `vocab` entries.
///
/// # Errors
/// A file that cannot be written, with its path.
pub fn write<'a>(
    [index, data]: [impl AsRef<Path>; 2],
    sentences: impl ExactSizeIterator<Item = &'a [u32]> + Clone,
    vocab: usize,
) -> Result<()> {
    let (code, bytes) = if vocab < TWO_BYTES { (8, 2) } else { (4, 4) };
    written(data.as_ref(), |file| {
        for id in sentences.clone().flatten() {
            file.write_all(&id.to_le_bytes()[..bytes])?;
        }
        Ok(())
    })?;
    written(index.as_ref(), |file| {
        file.write_all(MMIDIDX)?;
        file.write_all(&VERSION.to_le_bytes())?;
        file.write_all(&[code])?;
        file.write_all(&(sentences.len() as u64).to_le_bytes())?;
        for sentence in sentences.clone() {
            // A sentence is bounded by the length of a line of text.
            file.write_all(&(sentence.len() as i32).to_le_bytes())?;
        }
        let mut offset = 0;
        for sentence in sentences {
            file.write_all(&(offset as u64).to_le_bytes())?;
            offset += sentence.len() * bytes;
        }
        Ok(())
    })
}

fn written(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<()> {
    let write = || {
        let mut file = BufWriter::new(File::create(path)?);
        fill(&mut file)?;
        file.flush()
    };
    write().map_err(|error| Error::path(error).at(path.display()))
}

#[cfg(test)]
mod tests;
