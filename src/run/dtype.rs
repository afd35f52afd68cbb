//! Element types of tensors in files, and their conversion to `f32`.

use half::{bf16, f16};

/// Type of a tensor's elements in a file; all are read as little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// 64-bit float.
    F64,
    /// 32-bit float.
    F32,
    /// 16-bit IEEE float.
    F16,
    /// 16-bit brain float.
    Bf16,
    /// 64-bit signed integer.
    I64,
    /// 32-bit signed integer.
    I32,
    /// 16-bit signed integer.
    I16,
    /// 8-bit signed integer.
    I8,
    /// 8-bit unsigned integer.
    U8,
    /// Boolean, one byte each; anything but 0 is true.
    Bool,
}

impl Dtype {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// The elements stored in `bytes`, as `f32`: exact for the types that `f32` holds (NaN payloads of `F32`
    /// included), rounded to nearest for `F64`, `I64` and `I32`. Bytes past the last whole element are ignored.
    pub fn to_f32(self, bytes: &[u8]) -> Vec<f32> {
        let mut elements = Vec::with_capacity(bytes.len() / self.size());
        self.append_f32(bytes, &mut elements);
        elements
    }

    /// As [`Dtype::to_f32`], to the end of `to`.
    pub fn append_f32(self, bytes: &[u8], to: &mut Vec<f32>) {
        match self {
            Self::F64 => decode(bytes, to, |b| f64::from_le_bytes(b) as f32),
            Self::F32 => decode(bytes, to, f32::from_le_bytes),
            Self::F16 => decode(bytes, to, |b| f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => decode(bytes, to, |b| bf16::from_le_bytes(b).to_f32()),
            Self::I64 => decode(bytes, to, |b| i64::from_le_bytes(b) as f32),
            Self::I32 => decode(bytes, to, |b| i32::from_le_bytes(b) as f32),
            Self::I16 => decode(bytes, to, |b| i16::from_le_bytes(b).into()),
            Self::I8 => decode(bytes, to, |b| i8::from_le_bytes(b).into()),
            Self::U8 => decode(bytes, to, |[b]| b.into()),
            Self::Bool => decode(bytes, to, |[b]| if b == 0 { 0.0 } else { 1.0 }),
        }
    }
}

fn decode<const N: usize>(bytes: &[u8], to: &mut Vec<f32>, element: impl Fn([u8; N]) -> f32) {
    let (elements, _) = bytes.as_chunks::<N>();
    to.extend(elements.iter().map(|bytes| element(*bytes)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_its_own_bytes() {
        let cases: [(Dtype, Vec<u8>, f32); 10] = [
            (Dtype::F64, (-2.5f64).to_le_bytes().to_vec(), -2.5),
            (Dtype::F32, 0.1f32.to_le_bytes().to_vec(), 0.1),
            (Dtype::F16, vec![0x00, 0x3e], 1.5),
            (Dtype::Bf16, vec![0xc0, 0x3f], 1.5),
            (Dtype::I64, (-7i64).to_le_bytes().to_vec(), -7.0),
            (Dtype::I32, 70_000i32.to_le_bytes().to_vec(), 70_000.0),
            (Dtype::I16, (-300i16).to_le_bytes().to_vec(), -300.0),
            (Dtype::I8, vec![0xff], -1.0),
            (Dtype::U8, vec![0xff], 255.0),
            (Dtype::Bool, vec![2], 1.0),
        ];
        for (dtype, bytes, expected) in cases {
            assert_eq!(bytes.len(), dtype.size(), "{dtype:?}");
            assert_eq!(dtype.to_f32(&bytes), [expected], "{dtype:?}");
        }
    }

    #[test]
    fn f32_bits_survive() {
        let bits = [0x7fc0_1234u32, 0xff80_0000, 1, 0x8000_0000];
        let bytes: Vec<u8> = bits.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        let read: Vec<u32> = Dtype::F32.to_f32(&bytes).iter().map(|x| x.to_bits()).collect();
        assert_eq!(read, bits);
    }
}
