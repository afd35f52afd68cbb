//! Weights in the precision of a model's products.

use super::named::{Path, track_path};
use crate::kernels::operators;
use crate::model::precision::Products;
use crate::model::transformer::Transformer;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{FloatDType, Tensor};

impl Transformer {
    /// The same model with its products as `products` says: linear maps and experts, whose weights become leaves of that type,
    /// and the output projection. Attention scores, normalisation, routing and the loss stay in single precision. In 8-bit
    /// integers weights stay what they are, and inference has quantised copies.
    pub fn with_products(mut self, products: Products) -> Self {
        self.products = products;
        if products.int8 {
            self.quantize();
        }
        match products.dtype {
            FloatDType::F32 => self,
            dtype => self.map(&mut Rounded { dtype, path: Path::default() }),
        }
    }
}

/// Rounds the weights of linear maps, routers' excepted.
struct Rounded {
    dtype: FloatDType,
    path: Path,
}

impl ModuleMapper for Rounded {
    track_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        if D == 1 || !name.ends_with(".weight") || name.contains(".router.") {
            return param;
        }
        let value = param.val();
        let tracked = value.is_require_grad();
        let rounded = operators::rounded(value.inner(), self.dtype);
        let rounded = if tracked { Tensor::from_inner(rounded).require_grad() } else { rounded };
        Param::initialized(param.id, rounded)
    }
}
