//! `dropout(softmax(q kᵀ / √head_dim + mask)) v` and its gradients: a cube for each query of each head, in the backward pass
//! another one for each key. Weights are held, `[batch, heads, queries, keys]`; of no shape a kernel is compiled anew.

mod kernels;

use super::elements::{UNITS, dropout};
use super::tensor::{CubeTensor, buffer, cubes, empty, primitive};
use crate::kernels::dropout::Mask;
use crate::kernels::extension::AttentionSetup;
use burn::backend::TensorMetadata;
use cubecl::prelude::*;
use kernels::{SizesLaunch, forward_kernel, key_kernel, query_kernel};

/// What attends to what.
pub(super) struct Attention<'a> {
    /// Queries in the first columns.
    query: &'a CubeTensor,
    /// Keys, and behind them values, from a column on.
    key_value: &'a CubeTensor,
    /// That column.
    key_start: usize,
    /// Of queries, keys and values, `heads · head_dim`.
    width: usize,
    queries: usize,
    keys: usize,
    batch: usize,
    heads: usize,
    dropout: Mask,
    mask: Option<CubeTensor>,
}

impl<'a> Attention<'a> {
    /// Over `qkv`, `[batch · time, 3 · qkv_dim]`.
    pub fn over_itself(qkv: &'a CubeTensor, setup: &AttentionSetup) -> Self {
        let width = qkv.shape()[1] / 3;
        Self::new([qkv, qkv], [width, width], setup)
    }

    /// Of `query`, `[batch · time, qkv_dim]`, over `key_value`, `[batch · source, 2 · qkv_dim]`.
    pub fn over_source(query: &'a CubeTensor, key_value: &'a CubeTensor, setup: &AttentionSetup) -> Self {
        Self::new([query, key_value], [0, query.shape()[1]], setup)
    }

    fn new([query, key_value]: [&'a CubeTensor; 2], [key_start, width]: [usize; 2], setup: &AttentionSetup) -> Self {
        let &AttentionSetup { batch, heads, dropout, .. } = setup;
        let [queries, keys] = [query, key_value].map(|tensor| tensor.shape()[0] / batch);
        let mask = setup.mask.clone().map(primitive);
        if let Some(mask) = &mask {
            assert_eq!((mask.shape()[1], mask.shape()[3]), (1, keys), "a mask has a number for each key, not by head");
        }
        Self { query, key_value, key_start, width, queries, keys, batch, heads, dropout, mask }
    }

    /// Distances of the mask's rows, of two sentences and of two queries.
    fn mask_strides(&self) -> [usize; 2] {
        self.mask.as_ref().map_or([0, 0], |mask| {
            let by_query = mask.shape()[2] > 1;
            let sentence = if by_query { self.queries * self.keys } else { self.keys };
            [if mask.shape()[0] > 1 { sentence } else { 0 }, if by_query { self.keys } else { 0 }]
        })
    }

    fn scale(&self) -> f32 {
        ((self.width / self.heads) as f32).powf(-0.5)
    }

    /// A cube for each of `rows` of each head of each sentence.
    fn cubes(&self, rows: usize) -> CubeCount {
        cubes(self.batch * self.heads * rows, 1)
    }

    fn sizes(&self) -> SizesLaunch {
        let [query_width, key_width] = [self.query, self.key_value].map(|tensor| tensor.shape()[1]);
        let &Self { batch, heads, queries, keys, width, key_start, .. } = self;
        SizesLaunch::new(batch, heads, queries, keys, width, query_width, key_width, key_start)
    }

    fn weights(&self) -> CubeTensor {
        empty(self.query, [self.batch, self.heads, self.queries, self.keys])
    }

    /// The context, `[batch · queries, qkv_dim]`, and the weights before dropout.
    pub fn forward(&self) -> [CubeTensor; 2] {
        let (output, weights) = (empty(self.query, [self.batch * self.queries, self.width]), self.weights());
        let [mask_sentence, mask_query] = self.mask_strides();
        // Safety: a cube for each query; units go through its keys and through the columns of its head.
        unsafe {
            forward_kernel::launch_unchecked(
                &self.query.client,
                self.cubes(self.queries),
                CubeDim::new_1d(UNITS as u32),
                buffer(self.query),
                buffer(self.key_value),
                buffer(self.mask.as_ref().unwrap_or(self.query)),
                buffer(&weights),
                buffer(&output),
                self.sizes(),
                mask_sentence,
                mask_query,
                self.scale(),
                dropout(self.dropout),
                self.mask.is_some(),
            );
        }
        [output, weights]
    }

    /// Writes the gradients into tensors of the shapes that queries, keys and values have: `gradient` is the context's,
    /// `weights` are those of [`Attention::forward`].
    pub fn backward(&self, gradient: &CubeTensor, weights: &CubeTensor, [query, key_value]: [&CubeTensor; 2]) {
        let slopes = self.weights();
        // Safety: as above, the second time with a cube for each key.
        unsafe {
            query_kernel::launch_unchecked(
                &self.query.client,
                self.cubes(self.queries),
                CubeDim::new_1d(UNITS as u32),
                buffer(self.key_value),
                buffer(gradient),
                buffer(weights),
                buffer(&slopes),
                buffer(query),
                self.sizes(),
                self.scale(),
                dropout(self.dropout),
            );
            key_kernel::launch_unchecked(
                &self.query.client,
                self.cubes(self.keys),
                CubeDim::new_1d(UNITS as u32),
                buffer(self.query),
                buffer(gradient),
                buffer(weights),
                buffer(&slopes),
                buffer(key_value),
                self.sizes(),
                dropout(self.dropout),
            );
        }
    }
}
