//! A checkpoint: tensors by name, and the state of whatever made them, in one safetensors file.
//!
//! The state is JSON in the file's own header, so that weights and state can never be torn apart; the `.json` beside
//! the file is a copy for people. The header also holds a BLAKE3 checksum over the state and the tensors, so that
//! damage on disk is found when the file is loaded, and not as a strange BLEU score.

use super::atomic;
use super::dtype::Dtype;
use crate::error::{Error, Result};
use safetensors::Dtype as FileDtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// The longest header that is read or written.
const MAX_HEADER: u64 = 16 << 20;
/// Bytes of a tensor that are read or written at a time.
const CHUNK: usize = 1 << 16;
/// Where the safetensors format keeps what is not a tensor: texts by name.
const METADATA: &str = "__metadata__";
/// The entry of the metadata that holds the state as JSON text.
const STATE: &str = "state";
/// The entry of the metadata that holds the checksum.
const CHECKSUM: &str = "blake3";

/// A tensor on the CPU, under the name it has in files.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Its name; no other tensor of a file has it.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its elements, the last dimension contiguous.
    pub data: Vec<f32>,
}

/// A tensor to be saved: a [`NamedTensor`] that is borrowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TensorView<'a> {
    /// Its name; no other tensor of a file has it.
    pub name: &'a str,
    /// Its shape.
    pub shape: &'a [usize],
    /// Its elements, the last dimension contiguous.
    pub data: &'a [f32],
}

impl NamedTensor {
    /// The same tensor, borrowed.
    pub fn view(&self) -> TensorView<'_> {
        TensorView { name: &self.name, shape: &self.shape, data: &self.data }
    }
}

/// A loaded checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The tensors, in order of name.
    pub tensors: Vec<NamedTensor>,
    /// What was saved beside them.
    pub state: Value,
}

impl Checkpoint {
    /// The checkpoint in the file at `path`. Elements may also be F16 or BF16; they become `f32`.
    ///
    /// # Errors
    /// [`Error::Input`] when there is no such file, or it is not a checkpoint that [`save`] wrote, or it is damaged;
    /// [`Error::Failure`] when it cannot be read.
    pub fn load(path: &Path) -> Result<Self> {
        Self::load_some(path, |_| true)
    }

    /// As [`Checkpoint::load`], but only tensors whose name `keep` is true of take up memory: a model without the
    /// optimizer's moments, say. The whole file is checked all the same.
    ///
    /// # Errors
    /// See [`Checkpoint::load`].
    pub fn load_some(path: &Path, keep: impl Fn(&str) -> bool) -> Result<Self> {
        let place = |error: Error| error.at(path.display());
        let reading = |error: io::Error| place(Error::path(error));
        let file = File::open(path).map_err(reading)?;
        let size = file.metadata().map_err(reading)?.len();
        read(BufReader::with_capacity(CHUNK, file), size, keep).map_err(place)
    }
}

/// Writes `tensors` and `state` to `<folder>/<name>.safetensors`, and a copy of the state for people to read to
/// `<folder>/<name>.json`; returns the path of the former. Files of those names are replaced when the new ones are
/// complete on disk, and the folder is created. The same tensors and state give the same bytes.
///
/// # Errors
/// [`Error::Failure`] when two tensors have one name, a tensor's data does not fill its shape, or a file cannot be
/// written.
pub fn save<'a>(
    folder: &Path,
    name: &str,
    tensors: impl IntoIterator<Item = TensorView<'a>>,
    state: &Value,
) -> Result<PathBuf> {
    let path = folder.join(format!("{name}.safetensors"));
    let mut tensors: Vec<TensorView<'a>> = tensors.into_iter().collect();
    tensors.sort_by_key(|tensor| tensor.name);
    let header = header(&tensors, state).map_err(|error| error.at(path.display()))?;
    fs::create_dir_all(folder).map_err(|error| Error::failure(error).at(folder.display()))?;
    // First, as whoever finds the checkpoint takes its work for done: a copy that was still missing would stay so.
    atomic::write(&folder.join(format!("{name}.json")), format!("{state:#}\n").as_bytes())?;
    atomic::write_with(&path, |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        for tensor in &tensors {
            write_floats(tensor.data, file)?;
        }
        Ok(())
    })?;
    Ok(path)
}

/// The header of a file with these tensors, which are in order of name.
fn header(tensors: &[TensorView<'_>], state: &Value) -> Result<Vec<u8>> {
    let state = state.to_string();
    let mut checksum = Checksum::new(&state);
    let mut entries = Map::from_iter([(METADATA.to_string(), Value::Null)]);
    let mut start = 0;
    for tensor in tensors {
        let elements = checked_product(tensor.shape);
        if elements != Some(tensor.data.len()) {
            return Err(Error::failure(format!(
                "`{}` has {} elements, which do not fill its shape {:?}",
                tensor.name,
                tensor.data.len(),
                tensor.shape
            )));
        }
        let end = start + size_of_val(tensor.data);
        let info = TensorInfo { dtype: FileDtype::F32, shape: tensor.shape.to_vec(), data_offsets: (start, end) };
        start = end;
        checksum.begin(tensor.name, &info);
        write_floats(tensor.data, &mut checksum.0).map_err(Error::failure)?;
        if entries.insert(tensor.name.to_string(), json!(info)).is_some() {
            return Err(Error::failure(format!("`{}` is there twice", tensor.name)));
        }
    }
    entries[METADATA] = json!({CHECKSUM: checksum.finish(), STATE: state});
    let mut header = serde_json::to_vec(&entries).map_err(Error::failure)?;
    // The format wants the data to begin at a multiple of 8 bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    if header.len() as u64 > MAX_HEADER {
        return Err(Error::failure(format!(
            "the state and the names of the tensors take up more than {MAX_HEADER} bytes"
        )));
    }
    Ok(header)
}

/// Reads a file of `size` bytes. Nothing is allocated that the file is not large enough to fill.
fn read(mut file: impl Read, size: u64, keep: impl Fn(&str) -> bool) -> Result<Checkpoint> {
    let header = read_header(&mut file, size)?;
    let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| {
        // The text may quote a name from the file.
        let cause = error.to_string().replace(char::is_control, " ");
        Error::input(format!("not a checkpoint, or damaged: {cause}"))
    })?;
    // The header was read, so the file has room for it.
    let (data, expected) = (size - 8 - header.len() as u64, metadata.data_len() as u64);
    if data != expected {
        return Err(Error::input(format!("damaged: {data} bytes of tensors where the header asks for {expected}")));
    }
    let text = |key| metadata.metadata().as_ref()?.get(key);
    let (Some(state), Some(sum)) = (text(STATE), text(CHECKSUM)) else {
        return Err(Error::input("no checkpoint of this program: the header has no state and checksum"));
    };
    let mut checksum = Checksum::new(state);
    let mut tensors = Vec::new();
    for (name, info) in by_offset(&metadata) {
        checksum.begin(&name, info);
        let mut data = keep(&name).then(Vec::new);
        read_tensor(&mut file, info, &mut checksum, data.as_mut())
            .map_err(|error| error.at(format!("`{}`", name.escape_debug())))?;
        if let Some(data) = data {
            let shape = info.shape.clone();
            tensors.push(NamedTensor { name, shape, data });
        }
    }
    if checksum.finish() != *sum {
        return Err(Error::input("damaged: the contents do not have the checksum they were saved with"));
    }
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    let state = serde_json::from_str(state).map_err(|error| Error::input(format!("the state is not JSON: {error}")))?;
    Ok(Checkpoint { tensors, state })
}

fn read_header(file: &mut impl Read, size: u64) -> Result<Vec<u8>> {
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(unreadable)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER || length > size.saturating_sub(8) {
        return Err(Error::input(format!(
            "not a checkpoint, or damaged: a header of {length} bytes in a file of {size}"
        )));
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header).map_err(unreadable)?;
    Ok(header)
}

/// The tensors in the order of their data. Those without elements may share an offset; they go by name.
fn by_offset(metadata: &Metadata) -> Vec<(String, &TensorInfo)> {
    let mut tensors: Vec<_> = metadata.tensors().into_iter().collect();
    tensors.sort_by(|(a, x), (b, y)| (x.data_offsets, a).cmp(&(y.data_offsets, b)));
    tensors
}

/// Reads one tensor's bytes into `checksum` and, as `f32`, into `data`.
fn read_tensor(
    file: &mut impl Read,
    info: &TensorInfo,
    checksum: &mut Checksum,
    mut data: Option<&mut Vec<f32>>,
) -> Result<()> {
    let dtype = match info.dtype {
        FileDtype::F32 => Dtype::F32,
        FileDtype::F16 => Dtype::F16,
        FileDtype::BF16 => Dtype::Bf16,
        other => {
            return Err(Error::input(format!("elements of type {other}; expected F32, F16 or BF16")));
        }
    };
    // The size of the file bounds this: the offsets were checked against it, and against type and shape.
    let mut left = info.data_offsets.1 - info.data_offsets.0;
    if let Some(data) = &mut data {
        data.reserve_exact(left / dtype.size());
    }
    let mut buffer = [0; CHUNK];
    while left > 0 {
        let chunk = &mut buffer[..left.min(CHUNK)];
        file.read_exact(chunk).map_err(unreadable)?;
        checksum.add(chunk);
        if let Some(data) = &mut data {
            dtype.append_f32(chunk, data);
        }
        left -= chunk.len();
    }
    Ok(())
}

fn unreadable(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => Error::input("not a checkpoint, or damaged: it ends too early"),
        _ => Error::failure(error),
    }
}

/// Writes `data` little-endian.
fn write_floats(data: &[f32], out: &mut dyn Write) -> io::Result<()> {
    let mut buffer = [0; CHUNK];
    for part in data.chunks(CHUNK / 4) {
        let bytes = &mut buffer[..size_of_val(part)];
        for (bytes, x) in bytes.as_chunks_mut().0.iter_mut().zip(part) {
            *bytes = x.to_le_bytes();
        }
        out.write_all(bytes)?;
    }
    Ok(())
}

fn checked_product(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |all, &n| all.checked_mul(n))
}

/// The checksum of a file's contents: of everything that [`Checkpoint`] takes from it. What has no fixed length comes
/// after its length, so that no two contents hash the same bytes.
struct Checksum(blake3::Hasher);

impl Checksum {
    fn new(state: &str) -> Self {
        let mut checksum = Self(blake3::Hasher::new());
        checksum.add_text(state);
        checksum
    }

    /// Begins a tensor; its bytes are added next.
    fn begin(&mut self, name: &str, info: &TensorInfo) {
        self.add_text(name);
        self.add_text(&info.dtype.to_string());
        self.add(&(info.shape.len() as u64).to_le_bytes());
        for &length in &info.shape {
            self.add(&(length as u64).to_le_bytes());
        }
    }

    fn add_text(&mut self, text: &str) {
        self.add(&(text.len() as u64).to_le_bytes());
        self.add(text.as_bytes());
    }

    fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}

#[cfg(test)]
mod tests;
