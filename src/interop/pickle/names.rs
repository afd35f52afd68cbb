//! The few names that a pickle may use.

use super::input::quoted;
use super::node::{Known, Node};
use crate::error::Error;
use crate::run::dtype::Dtype;

/// `torch` data types, which only appear as values.
const TORCH_DTYPES: [&str; 18] = [
    "float32",
    "float",
    "float64",
    "double",
    "float16",
    "half",
    "bfloat16",
    "uint8",
    "int8",
    "int16",
    "short",
    "int32",
    "int",
    "int64",
    "long",
    "bool",
    "complex64",
    "complex128",
];

/// What the class or function `module.name` stands for, or `None` for anything that is not on the list.
pub(super) fn resolve(module: &str, name: &str) -> Option<Node> {
    let known = match (module, name) {
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Known::RebuildTensor,
        ("torch._utils", "_rebuild_parameter") => Known::RebuildParameter,
        ("collections", "OrderedDict") => Known::OrderedDict,
        ("collections", "defaultdict") => Known::DefaultDict,
        ("argparse", "Namespace") => Known::Object,
        // Its meters and groups of settings, and the nodes of the settings it has since 2020.
        (module, _) if is_within(module, "fairseq") || is_within(module, "omegaconf") => Known::Object,
        ("typing", _) | ("operator" | "_operator", "getitem") => Known::Opaque,
        (
            "__builtin__" | "builtins",
            "bool" | "dict" | "float" | "int" | "list" | "str" | "tuple" | "long" | "unicode",
        ) => Known::Opaque,
        ("numpy", "dtype" | "ndarray") => Known::Opaque,
        ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar" | "_reconstruct") => Known::Opaque,
        ("__builtin__" | "builtins", "set" | "frozenset") => Known::Set,
        ("__builtin__" | "builtins", "bytes") => Known::Bytes,
        ("_codecs", "encode") => Known::Encode,
        ("torch", "Size" | "device") | ("pathlib", "Path" | "PosixPath") => Known::FirstArgument,
        ("torch", dtype) if TORCH_DTYPES.contains(&dtype) => {
            return Some(Node::Str(format!("torch.{dtype}")));
        }
        ("torch", class) => Known::Storage(storage_dtype(class)?),
        _ => return None,
    };
    Some(Node::Known(known))
}

/// Whether `module` is `package` or below it.
fn is_within(module: &str, package: &str) -> bool {
    module.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn storage_dtype(class: &str) -> Option<Dtype> {
    Some(match class {
        "DoubleStorage" => Dtype::F64,
        "FloatStorage" => Dtype::F32,
        "HalfStorage" => Dtype::F16,
        "BFloat16Storage" => Dtype::Bf16,
        "LongStorage" => Dtype::I64,
        "IntStorage" => Dtype::I32,
        "ShortStorage" => Dtype::I16,
        "CharStorage" => Dtype::I8,
        "ByteStorage" => Dtype::U8,
        "BoolStorage" => Dtype::Bool,
        _ => return None,
    })
}

/// The error for a name that is not on the list.
pub(super) fn unknown(module: &str, name: &str) -> Error {
    Error::input(format!(
        "the pickle asks for `{}.{}`, which is not plain data; only tensors and plain containers are read, so save the \
         state dict alone and try again",
        quoted(module),
        quoted(name)
    ))
}
