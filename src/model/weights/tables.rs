//! Gradients of embedding tables where look-up and projection stand outside autodiff: a table has one gradient, the sum of the
//! projection's and those of all that was looked up in it.

use super::value::{Kind, Values};
use crate::kernels::operators::add_embedding_gradient;
use crate::model::transformer::Transformer;
use burn::tensor::Tensor;

impl Transformer {
    /// Puts the gradients of the embedding tables into `gradients`.
    ///
    /// # Shapes
    /// - projection: that of the projection's table, `[vocab, decoder embed]`
    /// - embedded: those of the embedded source and target tokens, `[tokens, embed]` each
    /// - tokens: the ids of both
    pub(in crate::model) fn add_table_gradients(
        &self,
        gradients: &mut Values,
        projection: Tensor<2>,
        embedded: [Option<Tensor<2>>; 2],
        tokens: [&[u32]; 2],
    ) {
        let source_table = "encoder.embed_tokens";
        let target_table = if self.decoder.embed_tokens.is_some() { "decoder.embed_tokens" } else { source_table };
        let projection_table = if self.decoder.embed_out.is_some() { "decoder.embed_out" } else { target_table };
        let mut tables = Values::new();
        let projection = Kind::Matrix.of(projection).padded(self.table_shape(projection_table));
        tables.insert(projection_table.to_owned(), projection);
        for ((name, gradient), tokens) in [source_table, target_table].into_iter().zip(embedded).zip(tokens) {
            let Some(gradient) = gradient else {
                continue;
            };
            let table = tables.remove(name).map(|table| table.tensor);
            let table = table.unwrap_or_else(|| Tensor::zeros(self.table_shape(name), &gradient.device()));
            tables.insert(name.to_owned(), Kind::Matrix.of(add_embedding_gradient(table, gradient, tokens)));
        }
        gradients.extend(tables);
    }

    fn table_shape(&self, name: &str) -> [usize; 2] {
        let table = match name {
            "decoder.embed_tokens" => self.decoder.embed_tokens.as_ref(),
            "decoder.embed_out" => self.decoder.embed_out.as_ref(),
            _ => None,
        };
        table.unwrap_or(&self.encoder.embed_tokens).dims()
    }
}
