//! Reads a model's dimensions off the shapes of its tensors.

use super::NamedTensor;
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::fmt;

/// The dimensions of a model whose layers all have their attention and feed-forward sublayers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimensions {
    /// Rows of the encoder's embedding table.
    pub source_vocabulary: usize,
    /// Rows of the decoder's tables.
    pub target_vocabulary: usize,
    /// Which tables are one.
    pub sharing: Sharing,
    /// Width of queries, keys and values, all heads together.
    pub qkv_dim: usize,
    /// Width of the encoder.
    pub encoder_embed_dim: usize,
    /// Width of the decoder.
    pub decoder_embed_dim: usize,
    /// The encoder's layers, first to last.
    pub encoder_layers: Vec<FeedForward>,
    /// The decoder's layers, first to last.
    pub decoder_layers: Vec<FeedForward>,
}

/// Which of the three embedding tables (encoder input, decoder input, output) are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// All three.
    All,
    /// Decoder input and output.
    DecoderInputOutput,
    /// None.
    Separate,
}

/// The feed-forward part of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedForward {
    /// One network of this inner size.
    Dense(usize),
    /// A router and experts of these inner sizes.
    Experts(Vec<usize>),
}

/// The embedding tables of a model, read off their shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddingTables {
    /// Which of them are one.
    pub sharing: Sharing,
    /// `[vocabulary, width]` of the encoder's.
    pub source: [usize; 2],
    /// `[vocabulary, width]` of the decoder's; the encoder's where they are one.
    pub target: [usize; 2],
}

/// The embedding tables among `tensors`, which have our names.
///
/// # Errors
/// A table is missing or no matrix.
pub fn infer_tables(tensors: &[NamedTensor]) -> Result<EmbeddingTables> {
    Shapes::of(tensors).tables()
}

/// The dimensions of the model with exactly these `tensors`, under our names.
///
/// # Errors
/// If a tensor is missing, one too many, or of a shape that does not go with the others.
pub fn infer_shape(tensors: &[NamedTensor]) -> Result<Dimensions> {
    let shapes = Shapes::of(tensors);
    let EmbeddingTables { sharing, source, target } = shapes.tables()?;
    let ([source_vocabulary, encoder_embed_dim], [target_vocabulary, decoder_embed_dim]) = (source, target);
    let [qkv_rows, _] = shapes.matrix("encoder.layers.0.self_attn.in_proj.weight")?;
    let dimensions = Dimensions {
        source_vocabulary,
        target_vocabulary,
        sharing,
        qkv_dim: qkv_rows / 3,
        encoder_embed_dim,
        decoder_embed_dim,
        encoder_layers: shapes.layers("encoder")?,
        decoder_layers: shapes.layers("decoder")?,
    };
    shapes.check(&dimensions.parameters())?;
    if shapes.by_name.len() != tensors.len() {
        return Err(Error::input("the model has two tensors of one name"));
    }
    Ok(dimensions)
}

impl fmt::Display for Dimensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = |layers: &[FeedForward]| {
            let experts = layers.iter().filter(|layer| matches!(layer, FeedForward::Experts(_))).count();
            format!("{} layers ({experts} with experts)", layers.len())
        };
        write!(
            f,
            "an encoder of {}, {} wide, and a decoder of {}, {} wide",
            layers(&self.encoder_layers),
            self.encoder_embed_dim,
            layers(&self.decoder_layers),
            self.decoder_embed_dim
        )
    }
}

impl Dimensions {
    /// Name and shape of every tensor of such a model.
    pub fn parameters(&self) -> Vec<(String, Vec<usize>)> {
        let (encoder, decoder) = (self.encoder_embed_dim, self.decoder_embed_dim);
        let mut all = vec![("encoder.embed_tokens".into(), vec![self.source_vocabulary, encoder])];
        if self.sharing != Sharing::All {
            all.push(("decoder.embed_tokens".into(), vec![self.target_vocabulary, decoder]));
        }
        if self.sharing == Sharing::Separate {
            all.push(("decoder.embed_out".into(), vec![self.target_vocabulary, decoder]));
        }
        for (index, ffn) in self.encoder_layers.iter().enumerate() {
            self.layer(&mut all, &format!("encoder.layers.{index}."), encoder, ffn);
        }
        for (index, ffn) in self.decoder_layers.iter().enumerate() {
            let place = format!("decoder.layers.{index}.");
            self.layer(&mut all, &place, decoder, ffn);
            let attention = format!("{place}cross_attn.");
            linear(&mut all, &format!("{attention}q_proj"), self.qkv_dim, decoder);
            linear(&mut all, &format!("{attention}kv_proj"), self.qkv_dim.saturating_mul(2), encoder);
            linear(&mut all, &format!("{attention}out_proj"), decoder, self.qkv_dim);
            norm(&mut all, &format!("{place}cross_attn_layer_norm"), decoder);
        }
        all
    }

    fn layer(&self, all: &mut Vec<(String, Vec<usize>)>, place: &str, width: usize, ffn: &FeedForward) {
        linear(all, &format!("{place}self_attn.in_proj"), self.qkv_dim.saturating_mul(3), width);
        linear(all, &format!("{place}self_attn.out_proj"), width, self.qkv_dim);
        norm(all, &format!("{place}self_attn_layer_norm"), width);
        norm(all, &format!("{place}ffn_layer_norm"), width);
        let mut network = |place: String, inner: usize| {
            linear(all, &format!("{place}fc1"), inner, width);
            linear(all, &format!("{place}fc2"), width, inner);
        };
        match ffn {
            FeedForward::Dense(inner) => network(format!("{place}ffn."), *inner),
            FeedForward::Experts(inner) => {
                for (index, inner) in inner.iter().enumerate() {
                    network(format!("{place}moe.experts.{index}."), *inner);
                }
                linear(all, &format!("{place}moe.router"), inner.len(), width);
            }
        }
    }
}

fn linear(all: &mut Vec<(String, Vec<usize>)>, name: &str, outputs: usize, inputs: usize) {
    all.push((format!("{name}.weight"), vec![outputs, inputs]));
    all.push((format!("{name}.bias"), vec![outputs]));
}

fn norm(all: &mut Vec<(String, Vec<usize>)>, name: &str, width: usize) {
    all.push((format!("{name}.weight"), vec![width]));
    all.push((format!("{name}.bias"), vec![width]));
}

/// Shapes by name.
struct Shapes<'a> {
    by_name: BTreeMap<&'a str, &'a [usize]>,
}

impl<'a> Shapes<'a> {
    fn of(tensors: &'a [NamedTensor]) -> Self {
        Self { by_name: tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.shape.as_slice())).collect() }
    }

    fn tables(&self) -> Result<EmbeddingTables> {
        let source = self.matrix("encoder.embed_tokens")?;
        let decoder_table = "decoder.embed_tokens";
        let (sharing, target) = if self.by_name.contains_key("decoder.embed_out") {
            (Sharing::Separate, self.matrix(decoder_table)?)
        } else if self.by_name.contains_key(decoder_table) {
            (Sharing::DecoderInputOutput, self.matrix(decoder_table)?)
        } else {
            (Sharing::All, source)
        };
        Ok(EmbeddingTables { sharing, source, target })
    }

    fn matrix(&self, name: &str) -> Result<[usize; 2]> {
        let shape = self.by_name.get(name).ok_or_else(|| missing(name))?;
        <[usize; 2]>::try_from(*shape)
            .map_err(|_| Error::input(format!("`{name}` has the shape {shape:?} where a matrix was expected")))
    }

    /// The feed-forward parts of a stack's layers, by its highest layer number.
    fn layers(&self, stack: &str) -> Result<Vec<FeedForward>> {
        let layers = self.count(&format!("{stack}.layers."));
        (0..layers).map(|index| self.feed_forward(&format!("{stack}.layers.{index}."))).collect()
    }

    fn feed_forward(&self, place: &str) -> Result<FeedForward> {
        let inner = |network: &str| {
            let [inner, _] = self.matrix(&format!("{place}{network}.fc1.weight"))?;
            Ok(inner)
        };
        match self.count(&format!("{place}moe.experts.")) {
            0 => inner("ffn").map(FeedForward::Dense),
            experts => {
                let inner = (0..experts).map(|index| inner(&format!("moe.experts.{index}")));
                inner.collect::<Result<_>>().map(FeedForward::Experts)
            }
        }
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

    fn example() -> Dimensions {
        Dimensions {
            source_vocabulary: 11,
            target_vocabulary: 13,
            sharing: Sharing::DecoderInputOutput,
            qkv_dim: 8,
            encoder_embed_dim: 6,
            decoder_embed_dim: 4,
            encoder_layers: vec![FeedForward::Dense(5), FeedForward::Experts(vec![7, 3, 2])],
            decoder_layers: vec![FeedForward::Experts(vec![9])],
        }
    }

    fn tensors(dimensions: &Dimensions) -> Vec<NamedTensor> {
        let zeros = |(name, shape): (String, Vec<usize>)| {
            let data = vec![0.0; shape.iter().product()];
            NamedTensor { name, shape, data }
        };
        dimensions.parameters().into_iter().map(zeros).collect()
    }

    #[test]
    fn dimensions_come_back_from_their_tensors() {
        let separate = Dimensions { sharing: Sharing::Separate, ..example() };
        let shared = Dimensions { sharing: Sharing::All, target_vocabulary: 11, decoder_embed_dim: 6, ..example() };
        for dimensions in [example(), separate, shared] {
            assert_eq!(infer_shape(&tensors(&dimensions)), Ok(dimensions));
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
