//! Files written by `torch.save`: the zip form (PyTorch 1.6 and later) and the older stream of pickles.
//!
//! [`TorchFile::open`] reads the pickled object only; weights stay in the file until [`TorchFile::load`] asks for
//! them. Views, strides and shared storages come out as contiguous `f32` tensors. The zip form's checksums are
//! verified; the older form has none.

use crate::error::{Error, Result};
use crate::interop::NamedTensor;
use crate::interop::pickle::{self, Node, NodeId, Pickle, Storage, Tensor};
use crate::run::dtype::Dtype;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use zip::ZipArchive;

/// First pickle of the older form.
const LEGACY_MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
/// Second pickle of the older form.
const LEGACY_PROTOCOL: i128 = 1001;
/// Elements that even the smallest file may expand to: views may repeat elements.
const MIN_ELEMENTS: usize = 1 << 20;

/// A file of `torch.save`, its weights not read yet.
pub struct TorchFile<R> {
    object: Pickle,
    container: Container<R>,
    /// Size of the file in bytes.
    length: u64,
}

/// Where a file keeps its storages.
enum Container<R> {
    /// One entry each: `prefix/data/KEY`.
    Zip { archive: ZipArchive<R>, prefix: String },
    /// At these offsets, by key.
    Stream { reader: R, offsets: BTreeMap<String, u64> },
}

impl TorchFile<BufReader<File>> {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, or [`TorchFile::new`] refuses it.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::input(error).at(path.display()))?;
        Self::new(BufReader::new(file)).map_err(|error| error.at(path.display()))
    }
}

impl<R: Read + Seek> TorchFile<R> {
    /// Reads the pickled object of either form.
    ///
    /// # Errors
    /// If the file is of neither form or broken, or its pickle holds anything but tensors and plain containers.
    pub fn new(mut reader: R) -> Result<Self> {
        let length = reader.seek(SeekFrom::End(0)).map_err(unreadable)?;
        reader.rewind().map_err(unreadable)?;
        let mut start = [0; 2];
        reader.read_exact(&mut start).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => Error::input("not a PyTorch file: it is empty"),
            _ => unreadable(error),
        })?;
        reader.rewind().map_err(unreadable)?;
        let (object, container) = match &start {
            b"PK" => open_zip(reader, length)?,
            [0x80, _] => open_stream(reader, length)?,
            _ => {
                return Err(Error::input("not a PyTorch file: it starts neither like a zip archive nor like a pickle"));
            }
        };
        Ok(Self { object, container, length })
    }

    /// The pickled object.
    pub fn object(&self) -> &Pickle {
        &self.object
    }

    /// The names and tensors of the state dict `dict`, a node of [`TorchFile::object`].
    ///
    /// # Errors
    /// If `dict` is not a dictionary of names to tensors, or names one twice.
    pub fn state_dict(&self, dict: NodeId) -> Result<BTreeMap<String, Tensor>> {
        let entries = self.object.entries(dict);
        let entries = entries.ok_or_else(|| Error::input("expected a state dict (names to tensors)"))?;
        let mut tensors = BTreeMap::new();
        for (name, value) in entries {
            let name = self.object.str(*name);
            let name = name.ok_or_else(|| Error::input("the state dict has a name that is not a string"))?;
            let Node::Tensor(tensor) = self.object.node(*value) else {
                return Err(Error::input(format!("the state dict's `{name}` is not a tensor")));
            };
            if tensors.insert(name.to_string(), tensor.clone()).is_some() {
                return Err(Error::input(format!("the state dict has `{name}` twice")));
            }
        }
        Ok(tensors)
    }

    /// Reads `tensors` of this file's object as contiguous `f32`, in order of name; each storage is read once.
    ///
    /// # Errors
    /// If a storage is missing, broken or not of the size that the object declares, or the tensors together have
    /// more elements than the file has bytes (and more than 2^20).
    pub fn load(&mut self, tensors: &BTreeMap<String, Tensor>) -> Result<Vec<NamedTensor>> {
        let most = usize::try_from(self.length).unwrap_or(usize::MAX).max(MIN_ELEMENTS);
        let mut total = 0usize;
        let mut by_storage: BTreeMap<&str, Vec<(&String, &Tensor)>> = BTreeMap::new();
        for (name, tensor) in tensors {
            total = total.saturating_add(tensor.shape.iter().product());
            let storage = self.object.storage_of(tensor);
            by_storage.entry(&storage.key).or_default().push((name, tensor));
        }
        if total > most {
            return Err(Error::input(format!(
                "its tensors have {total} elements, too many for a file of {} bytes",
                self.length
            )));
        }
        let mut loaded = Vec::with_capacity(tensors.len());
        for (key, views) in by_storage {
            let mut storages = views.iter().map(|(_, tensor)| self.object.storage_of(tensor));
            let Some(storage) = storages.next() else {
                continue;
            };
            if storages.any(|other| other != storage) {
                return Err(Error::input(format!("storage `{key}` is declared twice")));
            }
            let bytes = self.container.storage(storage, self.length)?;
            loaded.extend(views.into_iter().map(|(name, tensor)| NamedTensor {
                name: name.clone(),
                shape: tensor.shape.clone(),
                data: gather(tensor, storage.dtype, &bytes),
            }));
        }
        loaded.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(loaded)
    }
}

impl<R: Read + Seek> Container<R> {
    /// The bytes of one storage.
    fn storage(&mut self, storage: &Storage, length: u64) -> Result<Vec<u8>> {
        let key = &storage.key;
        let size = storage_bytes(storage)?;
        match self {
            Self::Zip { archive, prefix } => {
                let bytes = zip_entry(archive, &format!("{prefix}/data/{key}"), length)?;
                if bytes.len() as u64 != size {
                    return Err(Error::input(format!(
                        "storage `{key}` has {} bytes where {size} were declared",
                        bytes.len()
                    )));
                }
                Ok(bytes)
            }
            Self::Stream { reader, offsets } => {
                let offset = offsets.get(key);
                let offset = offset.ok_or_else(|| Error::input(format!("storage `{key}` is missing")))?;
                reader.seek(SeekFrom::Start(*offset)).map_err(unreadable)?;
                let mut bytes = Vec::new();
                reader.take(size).read_to_end(&mut bytes).map_err(unreadable)?;
                match bytes.len() as u64 == size {
                    true => Ok(bytes),
                    false => Err(Error::input(format!("the file ends within storage `{key}`"))),
                }
            }
        }
    }
}

fn open_zip<R: Read + Seek>(reader: R, length: u64) -> Result<(Pickle, Container<R>)> {
    let mut archive = ZipArchive::new(reader).map_err(|error| Error::input(format!("broken zip archive: {error}")))?;
    let mut prefixes = archive.file_names().filter_map(|name| {
        let name = name.ok()?;
        let prefix = name.strip_suffix("/data.pkl")?;
        (!prefix.contains('/')).then(|| prefix.to_string())
    });
    let prefix = match (prefixes.next(), prefixes.next()) {
        (Some(prefix), None) => prefix,
        _ => {
            return Err(Error::input("not a PyTorch file: the zip archive lacks its one data.pkl"));
        }
    };
    drop(prefixes);
    let byte_order = format!("{prefix}/byteorder");
    if archive.index_for_name(&byte_order).is_some() && zip_entry(&mut archive, &byte_order, length)? != b"little" {
        return Err(Error::input("the file is not little-endian"));
    }
    let bytes = zip_entry(&mut archive, &format!("{prefix}/data.pkl"), length.min(pickle::MAX_BYTES))?;
    let mut rest = bytes.as_slice();
    let object = pickle::parse(&mut rest, bytes.len() as u64)?;
    match rest {
        [] => Ok((object, Container::Zip { archive, prefix })),
        _ => Err(Error::input("data.pkl goes on after its end")),
    }
}

/// One entry's bytes, at most `most`. Only stored entries are read, as PyTorch writes them, so that an entry is never
/// larger than the file.
fn zip_entry<R: Read + Seek>(archive: &mut ZipArchive<R>, name: &str, most: u64) -> Result<Vec<u8>> {
    let fail = |what: &dyn std::fmt::Display| Error::input(format!("entry `{}`: {what}", name.escape_debug()));
    let mut entry = archive.by_name(name).map_err(|error| fail(&error))?;
    let size = entry.size();
    if entry.compression() != zip::CompressionMethod::Stored || entry.compressed_size() != size {
        return Err(fail(&"compressed, which PyTorch's files are not"));
    }
    if size > most {
        return Err(fail(&format!("its {size} bytes are more than the {most} allowed")));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(|error| fail(&error))?;
    match bytes.len() as u64 == size {
        true => Ok(bytes),
        false => Err(fail(&"ends early")),
    }
}

/// The older form: pickles of a magic number, a protocol number, facts of the system, the object, and the storages'
/// keys; then each storage as its number of elements (64 bits) and the elements.
fn open_stream<R: Read + Seek>(mut reader: R, length: u64) -> Result<(Pickle, Container<R>)> {
    let mut next = || pickle::parse(&mut reader, length);
    let [magic, protocol, system] = [next()?, next()?, next()?];
    let number = |pickle: &Pickle, value| *pickle.node(pickle.root()) == Node::Int(value);
    if !number(&magic, LEGACY_MAGIC) || !number(&protocol, LEGACY_PROTOCOL) {
        return Err(Error::input("not a PyTorch file: it is a pickle of something else"));
    }
    let little = system.get(system.root(), "little_endian");
    if little.map(|value| system.node(value)) != Some(&Node::Bool(true)) {
        return Err(Error::input("the file is not little-endian"));
    }
    let (object, keys) = (next()?, next()?);
    let mut declared: BTreeMap<&str, &Storage> = BTreeMap::new();
    for storage in object.storages() {
        if *declared.entry(&storage.key).or_insert(storage) != storage {
            return Err(Error::input(format!("storage `{}` is declared twice", storage.key)));
        }
    }
    let Node::List(key_list) = keys.node(keys.root()) else {
        return Err(Error::input("the list of storages is not a list"));
    };
    let mut position = reader.stream_position().map_err(unreadable)?;
    let mut offsets = BTreeMap::new();
    for key in key_list {
        let storage = keys.str(*key).and_then(|key| declared.get(key));
        let storage = storage.ok_or_else(|| Error::input("the list of storages names one that is not used"))?;
        let mut elements = [0; 8];
        reader.seek(SeekFrom::Start(position)).map_err(unreadable)?;
        let read = reader.read_exact(&mut elements);
        read.map_err(|_| Error::input(format!("the file ends before storage `{}`", storage.key)))?;
        if u64::from_le_bytes(elements) != storage.elements {
            return Err(Error::input(format!("storage `{}` is not of its declared size", storage.key)));
        }
        offsets.insert(storage.key.clone(), position + 8);
        position = (position + 8).saturating_add(storage_bytes(storage)?);
        if position > length {
            return Err(Error::input(format!("the file ends within storage `{}`", storage.key)));
        }
    }
    match position == length {
        true => Ok((object, Container::Stream { reader, offsets })),
        false => Err(Error::input("the file goes on after its last storage")),
    }
}

fn storage_bytes(storage: &Storage) -> Result<u64> {
    let bytes = storage.elements.checked_mul(storage.dtype.size() as u64);
    bytes.ok_or_else(|| Error::input(format!("storage `{}` is larger than any file", storage.key)))
}

fn unreadable(error: std::io::Error) -> Error {
    Error::input(format!("cannot be read: {error}"))
}

/// The elements of `tensor` in row-major order. Its view lies within the storage, whose `bytes` are complete.
fn gather(tensor: &Tensor, dtype: Dtype, bytes: &[u8]) -> Vec<f32> {
    let size = dtype.size();
    let count: usize = tensor.shape.iter().product();
    if count == 0 {
        return Vec::new();
    }
    if is_contiguous(tensor) {
        return dtype.to_f32(&bytes[tensor.offset * size..(tensor.offset + count) * size]);
    }
    let mut elements = Vec::with_capacity(count * size);
    let mut index = vec![0; tensor.shape.len()];
    let mut at = tensor.offset;
    for _ in 0..count {
        elements.extend_from_slice(&bytes[at * size..(at + 1) * size]);
        for dimension in (0..index.len()).rev() {
            let stride = tensor.strides[dimension];
            if index[dimension] + 1 < tensor.shape[dimension] {
                index[dimension] += 1;
                at += stride;
                break;
            }
            at -= stride * index[dimension];
            index[dimension] = 0;
        }
    }
    dtype.to_f32(&elements)
}

fn is_contiguous(tensor: &Tensor) -> bool {
    let mut expected = 1;
    tensor.shape.iter().zip(&tensor.strides).rev().all(|(size, stride)| {
        let fits = *size == 1 || *stride == expected;
        expected *= size;
        fits
    })
}
