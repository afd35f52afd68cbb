//! The operators on graphics devices, without gradients. Products are in the weights' precision; all else, and what goes in
//! and comes out, is in single precision. A feed-forward network is asked for all rows only.

use super::attention::Attention;
use super::tensor::{CubeTensor, cast, contiguous};
use super::{linear, norm};
use crate::kernels::dropout::Mask;
use crate::kernels::extension::{AttentionSetup, Kernels};
use burn::backend::Cube;
use std::ops::Range;

impl Kernels for Cube {
    fn linear(x: CubeTensor, weight: CubeTensor, bias: CubeTensor) -> CubeTensor {
        linear::linear(&cast(contiguous(x), weight.dtype), &contiguous(weight), &contiguous(bias))
    }

    fn feed_forward(
        x: CubeTensor,
        weight1: CubeTensor,
        bias1: CubeTensor,
        weight2: CubeTensor,
        bias2: CubeTensor,
        _: Range<usize>,
        dropout: Mask,
    ) -> CubeTensor {
        let [weight1, bias1, weight2, bias2] = [weight1, bias1, weight2, bias2].map(contiguous);
        let hidden = linear::hidden(&cast(contiguous(x), weight1.dtype), &weight1, &bias1, dropout);
        linear::linear(&hidden, &weight2, &bias2)
    }

    fn self_attention(qkv: CubeTensor, setup: AttentionSetup) -> CubeTensor {
        let [output, _] = Attention::over_itself(&contiguous(qkv), &setup).forward();
        output
    }

    fn cross_attention(query: CubeTensor, key_value: CubeTensor, setup: AttentionSetup) -> CubeTensor {
        let [output, _] = Attention::over_source(&contiguous(query), &contiguous(key_value), &setup).forward();
        output
    }

    fn add_norm(x: CubeTensor, y: CubeTensor, weight: CubeTensor, bias: CubeTensor, dropout: Mask) -> CubeTensor {
        norm::forward([x, y, weight, bias].map(contiguous).each_ref(), dropout).output
    }

    fn dropout(x: CubeTensor, dropout: Mask) -> CubeTensor {
        linear::dropped(&contiguous(x), dropout)
    }
}
