//! Reads a model's shape off the shapes of its tensors.

use super::NamedTensor;
use crate::config::Tables;
use crate::cost::Embeddings;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::space::{Architecture, CrossAttention, Experts, Layer, Stack};
use std::collections::BTreeMap;
use std::fmt;

/// A model whose layers all have their attention and feed-forward sublayers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The embedding tables.
    pub embeddings: Embeddings,
    /// Width of queries, keys and values, all heads together.
    pub qkv_dim: usize,
    /// Its architecture. What shapes do not tell is 1: heads, the encoder layers that cross-attention sees, the experts that
    /// a token is sent to and the feed-forward size of layers with experts.
    pub architecture: Architecture,
}

/// The embedding tables among `tensors`, which have our names.
///
/// # Errors
/// A table is missing or no matrix.
pub fn infer_embeddings(tensors: &[NamedTensor]) -> Result<Embeddings> {
    let (embeddings, _) = Shapes::of(tensors).embeddings()?;
    Ok(embeddings)
}

/// The shape of the model with exactly these `tensors`, under our names.
///
/// # Errors
/// If a tensor is missing, one too many, or of a shape that does not go with the others.
pub fn infer_shape(tensors: &[NamedTensor]) -> Result<Shape> {
    let shapes = Shapes::of(tensors);
    let (embeddings, [encoder_width, decoder_width]) = shapes.embeddings()?;
    let [qkv_rows, _] = shapes.matrix("encoder.layers.0.self_attn.in_proj.weight")?;
    let architecture = Architecture {
        encoder: Stack { embed_dim: encoder_width, layers: shapes.layers("encoder", None)? },
        decoder: Stack { embed_dim: decoder_width, layers: shapes.layers("decoder", Some(CROSS_ATTENTION))? },
    };
    let shape = Shape { embeddings, qkv_dim: qkv_rows / 3, architecture };
    shapes.check(&shape.parameters())?;
    if shapes.by_name.len() != tensors.len() {
        return Err(Error::input("the model has two tensors of one name"));
    }
    Ok(shape)
}

/// Cross-attention as far as shapes tell.
const CROSS_ATTENTION: CrossAttention = CrossAttention { heads: 1, encoder_layers: 1 };

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = |stack: &Stack| {
            let experts = stack.layers.iter().filter(|layer| layer.experts.is_some()).count();
            format!("{} layers ({experts} with experts), {} wide", stack.layers.len(), stack.embed_dim)
        };
        let Architecture { encoder, decoder } = &self.architecture;
        write!(f, "an encoder of {}, and a decoder of {}", layers(encoder), layers(decoder))
    }
}

impl Shape {
    /// Name and shape of every tensor of such a model.
    pub fn parameters(&self) -> Vec<(String, Vec<usize>)> {
        let tables = self.embeddings.shapes(&self.architecture).into_iter();
        let mut all: Vec<_> = tables.map(|(name, shape)| (name.to_owned(), shape.to_vec())).collect();
        all.extend(Plan::new(&self.architecture, self.qkv_dim).parameters());
        all
    }
}

/// Shapes by name.
struct Shapes<'a> {
    by_name: BTreeMap<&'a str, &'a [usize]>,
}

impl<'a> Shapes<'a> {
    fn of(tensors: &'a [NamedTensor]) -> Self {
        Self { by_name: tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.shape.as_slice())).collect() }
    }

    /// The embedding tables, and the widths of encoder and decoder.
    fn embeddings(&self) -> Result<(Embeddings, [usize; 2])> {
        let source = self.matrix("encoder.embed_tokens")?;
        let decoder_table = "decoder.embed_tokens";
        let (tables, target) = if self.by_name.contains_key("decoder.embed_out") {
            (Tables::Separate, self.matrix(decoder_table)?)
        } else if self.by_name.contains_key(decoder_table) {
            (Tables::Tied, self.matrix(decoder_table)?)
        } else {
            (Tables::Shared, source)
        };
        let ([source_vocab, encoder_width], [target_vocab, decoder_width]) = (source, target);
        Ok((Embeddings { source_vocab, target_vocab, tables }, [encoder_width, decoder_width]))
    }

    fn matrix(&self, name: &str) -> Result<[usize; 2]> {
        let shape = self.by_name.get(name).ok_or_else(|| missing(name))?;
        <[usize; 2]>::try_from(*shape)
            .map_err(|_| Error::input(format!("`{name}` has the shape {shape:?} where a matrix was expected")))
    }

    /// The layers of a stack, by its highest layer number.
    fn layers(&self, stack: &str, cross_attention: Option<CrossAttention>) -> Result<Vec<Layer>> {
        let layers = self.count(&format!("{stack}.layers."));
        let layer = |index| {
            let place = format!("{stack}.layers.{index}.");
            let (ffn_embed_dim, experts) = match self.count(&format!("{place}moe.experts.")) {
                0 => (self.feed_forward(&format!("{place}ffn"))?, None),
                experts => (1, Some(self.experts(&place, experts)?)),
            };
            Ok(Layer { self_attention_heads: 1, cross_attention, ffn_embed_dim, experts, ..Layer::default() })
        };
        (0..layers).map(layer).collect()
    }

    fn experts(&self, place: &str, count: usize) -> Result<Experts> {
        let sizes = (0..count).map(|index| self.feed_forward(&format!("{place}moe.experts.{index}")));
        Ok(Experts { ffn_dims: sizes.collect::<Result<_>>()?, top_k: 1 })
    }

    /// The size of a feed-forward network.
    fn feed_forward(&self, network: &str) -> Result<usize> {
        let [size, _] = self.matrix(&format!("{network}.fc1.weight"))?;
        Ok(size)
    }

    /// One more than the highest number that follows `prefix` in a name.
    fn count(&self, prefix: &str) -> usize {
        let numbers = self.by_name.keys().filter_map(|name| {
            let (number, _) = name.strip_prefix(prefix)?.split_once('.')?;
            number.parse::<u16>().ok()
        });
        numbers.max().map_or(0, |highest| usize::from(highest) + 1)
    }

    fn check(&self, expected: &[(String, Vec<usize>)]) -> Result<()> {
        let mut left = self.by_name.clone();
        for (name, expected) in expected {
            let shape = left.remove(name.as_str()).ok_or_else(|| missing(name))?;
            if shape != expected {
                return Err(Error::input(format!(
                    "`{name}` has the shape {shape:?} where the other tensors ask for {expected:?}"
                )));
            }
        }
        match left.into_keys().next() {
            Some(name) => Err(Error::input(format!("`{name}` is not a tensor of such a model"))),
            None => Ok(()),
        }
    }
}

fn missing(name: &str) -> Error {
    Error::input(format!("`{name}` is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Shape {
        let mut architecture = Architecture::dense(6, 5, 1, 2, 1);
        architecture.decoder.embed_dim = 4;
        let experts = |layer: &mut Layer, sizes: &[usize]| {
            layer.ffn_embed_dim = 1;
            layer.experts = Some(Experts { ffn_dims: sizes.to_vec(), top_k: 1 });
        };
        experts(&mut architecture.encoder.layers[1], &[7, 3, 2]);
        experts(&mut architecture.decoder.layers[0], &[9]);
        let embeddings = Embeddings { source_vocab: 11, target_vocab: 13, tables: Tables::Tied };
        Shape { embeddings, qkv_dim: 8, architecture }
    }

    fn tensors(shape: &Shape) -> Vec<NamedTensor> {
        let zeros = |(name, shape): (String, Vec<usize>)| {
            let data = vec![0.0; shape.iter().product()];
            NamedTensor { name, shape, data }
        };
        shape.parameters().into_iter().map(zeros).collect()
    }

    #[test]
    fn shapes_come_back_from_their_tensors() {
        let mut separate = example();
        separate.embeddings.tables = Tables::Separate;
        let mut shared = example();
        shared.embeddings = Embeddings { source_vocab: 11, target_vocab: 11, tables: Tables::Shared };
        shared.architecture.decoder.embed_dim = 6;
        for shape in [example(), separate, shared] {
            assert_eq!(infer_shape(&tensors(&shape)), Ok(shape));
        }
    }

    #[test]
    fn every_missing_extra_or_misshapen_tensor_is_named() {
        let whole = tensors(&example());
        for index in 0..whole.len() {
            let mut without = whole.clone();
            let name = without.remove(index).name;
            // Without its table, the model reads as one that shares the encoder's; its layers then differ in width.
            if name != "decoder.embed_tokens" {
                let error = infer_shape(&without).expect_err(&name).to_string();
                assert_eq!(error, format!("`{name}` is missing"));
            }
            let mut misshapen = whole.clone();
            misshapen[index].shape.push(1);
            infer_shape(&misshapen).expect_err(&name);
        }
        let mut extra = whole.clone();
        extra[0].name = "encoder.extra".into();
        extra.extend(whole.first().cloned());
        let error = infer_shape(&extra).expect_err("one too many").to_string();
        assert_eq!(error, "`encoder.extra` is not a tensor of such a model");
        let mut twice = whole.clone();
        twice.extend(whole.first().cloned());
        infer_shape(&twice).expect_err("one twice");
    }
}
