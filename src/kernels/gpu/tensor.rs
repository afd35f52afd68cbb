//! burn's tensors on graphics devices, as our kernels take them.

use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Cube, TensorMetadata};
use burn::tensor::{DType, Device, Int, Shape, Tensor};
use cubecl::ir::{ElemType, FloatKind};
use cubecl::prelude::{BufferArg, CubeCount};

/// burn's tensor on a graphics device.
pub type CubeTensor = FloatTensor<Cube>;

/// The same tensor with its elements in order of their indices.
pub fn contiguous(tensor: CubeTensor) -> CubeTensor {
    if tensor.is_contiguous() {
        return tensor;
    }
    let shape = tensor.shape();
    let flat = Cube::float_reshape(tensor, Shape::new([shape.num_elements()]));
    Cube::float_reshape(flat, shape)
}

/// The tensor in `dtype`, itself where it is so already.
pub fn cast(tensor: CubeTensor, dtype: DType) -> CubeTensor {
    if tensor.dtype == dtype { tensor } else { Cube::float_cast(tensor, dtype.into()) }
}

/// The transpose of a matrix, which moves nothing.
pub fn transposed(matrix: &CubeTensor) -> CubeTensor {
    Cube::float_swap_dims(matrix.clone(), 0, 1)
}

/// Cubes of `units` that have a unit for each of so many elements.
pub fn cubes(elements: usize, units: usize) -> CubeCount {
    // Two dimensions, as each may have 65 535 cubes at the most.
    let cubes = elements.div_ceil(units);
    let wide = cubes.clamp(1, 32 * 1024);
    CubeCount::Static(wide as u32, cubes.div_ceil(wide) as u32, 1)
}

/// A kernel's argument.
pub fn buffer(tensor: &CubeTensor) -> BufferArg {
    tensor.clone().into_buffer_arg()
}

/// The type of a tensor's elements, as kernels take it.
pub fn element(tensor: &CubeTensor) -> ElemType {
    ElemType::Float(match tensor.dtype {
        DType::F16 => FloatKind::F16,
        DType::BF16 => FloatKind::BF16,
        _ => FloatKind::F32,
    })
}

/// A tensor of `shape` on the device of `like`, of the same type, not yet written.
pub fn empty<const D: usize>(like: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    empty_of(like, shape.to_vec(), like.dtype)
}

/// The same of any number of dimensions and any type.
pub fn empty_of(like: &CubeTensor, shape: Vec<usize>, dtype: DType) -> CubeTensor {
    let bytes = shape.iter().product::<usize>() * dtype.size();
    let handle = like.client.empty(bytes);
    CubeTensor::new_contiguous(like.client.clone(), like.device.clone(), Shape::from(shape), handle, dtype)
}

/// The tensor without autodiff as burn holds it on a graphics device.
pub fn primitive<const D: usize>(tensor: Tensor<D>) -> CubeTensor {
    contiguous(tensor.try_into_primitive::<Cube>().expect("called on graphics devices only, without autodiff"))
}

/// The same tensor, which nobody else holds: for kernels that write in place.
pub fn own<const D: usize>(tensor: Tensor<D>) -> CubeTensor {
    let tensor = primitive(tensor);
    if tensor.can_mut() { tensor } else { tensor.copy() }
}

/// Whole numbers, on `device`.
pub fn ints(values: &[i32], device: &Device) -> CubeTensor {
    primitive_int(Tensor::from_data(values, device))
}

/// As [`primitive`], of whole numbers.
pub fn primitive_int(tensor: Tensor<1, Int>) -> CubeTensor {
    tensor.try_into_primitive::<Cube>().expect("called on graphics devices only")
}
