//! Reads and writes safetensors files, whatever the naming of their tensors.

use super::NamedTensor;
use crate::error::{Error, Result};
use crate::run::atomic;
use crate::run::dtype::Dtype;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype as FileDtype, View};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

/// All tensors of the file at `path` as `f32`, in order of name.
///
/// # Errors
/// If the file cannot be read, is not a valid safetensors file, or has elements of a type that [`Dtype`] lacks.
pub fn read_safetensors(path: &Path) -> Result<Vec<NamedTensor>> {
    read_annotated(path).map(|(tensors, _)| tensors)
}

/// As [`read_safetensors`], with the texts by name that the file holds beside its tensors.
///
/// # Errors
/// As [`read_safetensors`].
pub fn read_annotated(path: &Path) -> Result<(Vec<NamedTensor>, HashMap<String, String>)> {
    let fail = |error: &dyn std::fmt::Display| Error::input(error).at(path.display());
    let bytes = std::fs::read(path).map_err(|error| fail(&error))?;
    let tensors = parse(&bytes).map_err(|error| error.at(path.display()))?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| fail(&error))?;
    Ok((tensors, metadata.metadata().clone().unwrap_or_default()))
}

/// Writes `tensors` as `f32` to `path`, whole or not at all: a file of that name is replaced only when the new one is
/// complete on disk. `annotation`, a name and a text, is kept beside the tensors.
///
/// # Errors
/// If two tensors have one name, a tensor's data does not fill its shape (both [`Error::Input`]), or the file cannot
/// be written ([`Error::Failure`]).
pub fn write_safetensors(path: &Path, tensors: &[NamedTensor], annotation: Option<(&str, &str)>) -> Result<()> {
    check(tensors).map_err(|error| error.at(path.display()))?;
    let views = tensors.iter().map(|tensor| (tensor.name.as_str(), Floats(tensor)));
    let annotation = annotation.map(|(name, text)| HashMap::from([(name.to_string(), text.to_string())]));
    let bytes = safetensors::serialize(views, annotation).map_err(|error| Error::failure(error).at(path.display()))?;
    atomic::write(path, &bytes)
}

fn parse(bytes: &[u8]) -> Result<Vec<NamedTensor>> {
    let file =
        SafeTensors::deserialize(bytes).map_err(|error| Error::input(format!("not a safetensors file: {error}")))?;
    let mut tensors = Vec::with_capacity(file.len());
    for (name, view) in file.iter() {
        let dtype = dtype(view.dtype()).ok_or_else(|| {
            Error::input(format!("`{}` has elements of type {:?}", name.escape_debug(), view.dtype()))
        })?;
        tensors.push(NamedTensor {
            name: name.to_string(),
            shape: view.shape().to_vec(),
            data: dtype.to_f32(view.data()),
        });
    }
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tensors)
}

fn dtype(dtype: FileDtype) -> Option<Dtype> {
    Some(match dtype {
        FileDtype::F64 => Dtype::F64,
        FileDtype::F32 => Dtype::F32,
        FileDtype::F16 => Dtype::F16,
        FileDtype::BF16 => Dtype::Bf16,
        FileDtype::I64 => Dtype::I64,
        FileDtype::I32 => Dtype::I32,
        FileDtype::I16 => Dtype::I16,
        FileDtype::I8 => Dtype::I8,
        FileDtype::U8 => Dtype::U8,
        FileDtype::BOOL => Dtype::Bool,
        _ => return None,
    })
}

fn check(tensors: &[NamedTensor]) -> Result<()> {
    let mut names: Vec<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    names.sort_unstable();
    if let Some(name) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::input(format!("`{}` is there twice", name[0])));
    }
    let whole = |tensor: &&NamedTensor| tensor.shape.iter().product::<usize>() == tensor.data.len();
    match tensors.iter().find(|tensor| !whole(tensor)) {
        Some(NamedTensor { name, shape, data }) => {
            Err(Error::input(format!("`{name}` has {} elements where its shape {shape:?} asks for others", data.len())))
        }
        None => Ok(()),
    }
}

/// A tensor as the safetensors writer wants it.
struct Floats<'a>(&'a NamedTensor);

impl View for Floats<'_> {
    fn dtype(&self) -> FileDtype {
        FileDtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.0.data.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>().into()
    }

    fn data_len(&self) -> usize {
        size_of_val(self.0.data.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tensor(name: &str, shape: &[usize], data: &[f32]) -> NamedTensor {
        NamedTensor { name: name.into(), shape: shape.to_vec(), data: data.to_vec() }
    }

    #[test]
    fn what_is_written_comes_back_bit_for_bit() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("model.safetensors");
        std::fs::write(&path, "an older file").expect("written");
        let tensors = [
            tensor("a", &[2, 2], &[1.0, -0.0, f32::MIN_POSITIVE / 2.0, f32::INFINITY]),
            tensor("b", &[], &[0.1]),
            tensor("empty", &[0, 3], &[]),
        ];
        write_safetensors(&path, &tensors, Some(("shape", "{\"é\": 1}"))).expect("written");
        let read = read_safetensors(&path).expect("read");
        let bits = |tensors: &[NamedTensor]| -> Vec<(String, Vec<usize>, Vec<u32>)> {
            let bits = |t: &NamedTensor| t.data.iter().map(|x| x.to_bits()).collect();
            tensors.iter().map(|t| (t.name.clone(), t.shape.clone(), bits(t))).collect()
        };
        assert_eq!(bits(&read), bits(&tensors));
        assert_eq!(read_annotated(&path).expect("read").1["shape"], "{\"é\": 1}");
        let left = std::fs::read_dir(folder.path()).expect("listed").count();
        assert_eq!(left, 1, "no temporary file stays");
    }

    #[test]
    fn unusable_tensors_leave_the_old_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("model.safetensors");
        std::fs::write(&path, "an older file").expect("written");
        let twice = [tensor("a", &[1], &[1.0]), tensor("a", &[1], &[2.0])];
        let short = [tensor("a", &[2], &[1.0])];
        for tensors in [twice.as_slice(), &short] {
            let error = write_safetensors(&path, tensors, None).expect_err("refused");
            assert_eq!(error.exit_code(), 2, "{error}");
            assert_eq!(std::fs::read(&path).expect("read"), b"an older file");
        }
        let nowhere = folder.path().join("no/such/folder/x.safetensors");
        let error = write_safetensors(&nowhere, &[], None).expect_err("no folder");
        assert_eq!(error.exit_code(), 2, "{error}");
    }

    proptest! {
        #[test]
        fn damaged_files_are_refused_or_read_but_never_panic(at in 0usize..400, byte: u8) {
            let folder = tempfile::tempdir()?;
            let path = folder.path().join("x.safetensors");
            let tensors = [tensor("a", &[2, 3], &[1.0; 6]), tensor("b", &[4], &[2.0; 4])];
            write_safetensors(&path, &tensors, None)?;
            let mut bytes = std::fs::read(&path)?;
            let at = at % bytes.len();
            if let Err(error) = parse(&bytes[..at]) {
                prop_assert!(!error.to_string().contains('\n'));
            }
            bytes[at] = byte;
            if let Err(error) = parse(&bytes) {
                prop_assert!(!error.to_string().contains('\n'));
            }
        }
    }
}
