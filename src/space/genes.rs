//! The genes: one row each. Reading and printing of architectures, `[space]` with its defaults and checks, the schema, the
//! description, drawing, counting and containment go by these rows; a new gene is a row here and, where no field of an
//! [`Architecture`](super::Architecture) holds its value yet, a field there.

use super::architecture::{CrossAttention, Experts, Layer, MAX_WIDTH};
use super::gene::{
    At, DROP_FFN_SUBLAYER, DROP_MHA_SUBLAYER, EACH_EXPERT_FFN_DIM, FFN_EMBED_DIM, Gene, InJson, LAYER_NUM, N_EXPERTS,
    Part, STD_VS_DUMMY_EXPERTS,
};
use super::side::Side;
use super::values::ValueKind;

/// Every gene, in the order of a config's keys. The default choices are WMT'14 En-De with up to six experts of one size a
/// layer.
pub(crate) static GENES: &[Gene] = &[
    Gene {
        name: "embed_dim",
        documentation: "Widths of the residual stream.",
        encoder: Some(&[640, 512]),
        decoder: Some(&[640, 512]),
        part: Part::Stack,
        values: ValueKind::Width,
        json: InJson::Required,
        at: At::Stack { get: |stack| stack.embed_dim, set: |stack, width| stack.embed_dim = width },
    },
    Gene {
        name: LAYER_NUM,
        documentation: "Numbers of layers.",
        encoder: Some(&[6]),
        decoder: Some(&[6, 5, 4, 3, 2, 1]),
        part: Part::Stack,
        values: ValueKind::Layers,
        json: InJson::Required,
        at: At::Stack {
            get: |stack| stack.layers.len(),
            set: |stack, layers| stack.layers.resize(layers, Layer::default()),
        },
    },
    Gene {
        name: FFN_EMBED_DIM,
        documentation: "Feed-forward sizes.",
        encoder: Some(&[3072, 2048, 1024]),
        decoder: Some(&[3072, 2048, 1024]),
        part: Part::FeedForward,
        values: ValueKind::Between(1, MAX_WIDTH),
        json: InJson::Required,
        at: At::Layer { get: |layer| Some(layer.ffn_embed_dim), set: |layer, size| layer.ffn_embed_dim = size },
    },
    Gene {
        name: "self_attention_heads",
        documentation: "Heads of self-attention.",
        encoder: Some(&[8, 4]),
        decoder: Some(&[8, 4]),
        part: Part::Attention,
        values: ValueKind::Heads,
        json: InJson::Required,
        at: At::Layer {
            get: |layer| Some(layer.self_attention_heads),
            set: |layer, heads| layer.self_attention_heads = heads,
        },
    },
    Gene {
        name: "ende_attention_heads",
        documentation: "Heads of cross-attention.",
        encoder: None,
        decoder: Some(&[8, 4]),
        part: Part::Attention,
        values: ValueKind::Heads,
        json: InJson::Required,
        at: At::Layer {
            get: |layer| layer.cross_attention.map(|cross| cross.heads),
            set: |layer, heads| cross(layer).heads = heads,
        },
    },
    Gene {
        name: "arbitrary_ende_attn",
        documentation: "Encoder layers that cross-attention sees: -1 the last, 1 the last two, 2 the last three.",
        encoder: None,
        decoder: Some(&[-1, 1, 2]),
        part: Part::Attention,
        values: ValueKind::Attended,
        json: InJson::Printed,
        at: At::Layer {
            get: |layer| layer.cross_attention.map(|cross| cross.encoder_layers),
            set: |layer, layers| cross(layer).encoder_layers = layers,
        },
    },
    Gene {
        name: N_EXPERTS,
        documentation: "Numbers of experts; empty: the stack is dense, without routers (0 makes one layer dense).",
        encoder: Some(&[1, 2, 3, 4, 5, 6]),
        decoder: Some(&[1, 2, 3, 4, 5, 6]),
        part: Part::Experts,
        values: ValueKind::Experts,
        json: InJson::Unless(0),
        at: At::Layer {
            get: |layer| layer.experts.as_ref().map(|experts| experts.ffn_dims.len()),
            set: |layer, count| layer.give_experts(count, 1),
        },
    },
    Gene {
        name: "num_experts_to_route",
        documentation: "Experts each token is sent to (clipped to the layer's experts).",
        encoder: Some(&[1]),
        decoder: Some(&[1]),
        part: Part::Experts,
        values: ValueKind::Routed,
        json: InJson::Unless(0),
        at: At::Layer {
            get: |layer| layer.experts.as_ref().map(|experts| experts.top_k),
            set: |layer, top_k| with_experts(layer, |experts| experts.top_k = top_k.min(experts.ffn_dims.len())),
        },
    },
    Gene {
        name: EACH_EXPERT_FFN_DIM,
        documentation: "Fractional experts: sizes that each expert chooses from (0: identity); empty: all of a layer have \
                        its `ffn_embed_dim`.",
        encoder: Some(&[]),
        decoder: Some(&[]),
        part: Part::Experts,
        values: ValueKind::Between(0, MAX_WIDTH),
        json: InJson::IfFractional,
        at: At::Expert {
            get: |layer, expert| layer.experts.as_ref()?.ffn_dims.get(expert).copied(),
            set: |layer, expert, size| with_experts(layer, |experts| experts.ffn_dims[expert] = size),
        },
    },
    Gene {
        name: STD_VS_DUMMY_EXPERTS,
        documentation: "1: the layer's first expert is a network; 0: it is the identity.",
        encoder: Some(&[1]),
        decoder: Some(&[1]),
        part: Part::Experts,
        values: ValueKind::Flag,
        json: InJson::OnlyRead,
        at: At::Layer {
            get: |layer| layer.experts.as_ref()?.ffn_dims.first().map(|&size| usize::from(size > 0)),
            set: |layer, is_network| {
                if is_network == 0 {
                    with_experts(layer, |experts| experts.ffn_dims[0] = 0);
                }
            },
        },
    },
    Gene {
        name: DROP_MHA_SUBLAYER,
        documentation: "1 keeps a layer's attention sublayers, 0 drops them.",
        encoder: Some(&[1]),
        decoder: Some(&[1]),
        part: Part::Sublayers,
        values: ValueKind::Flag,
        json: InJson::Unless(1),
        at: At::Layer {
            get: |layer| Some(layer.keep_attention.into()),
            set: |layer, keep| layer.keep_attention = keep == 1,
        },
    },
    Gene {
        name: DROP_FFN_SUBLAYER,
        documentation: "1 keeps a layer's feed-forward sublayer, 0 drops it.",
        encoder: Some(&[1]),
        decoder: Some(&[1]),
        part: Part::Sublayers,
        values: ValueKind::Flag,
        json: InJson::Unless(1),
        at: At::Layer { get: |layer| Some(layer.keep_ffn.into()), set: |layer, keep| layer.keep_ffn = keep == 1 },
    },
];

/// A side's genes, in the order of the table.
pub(super) fn of_side(side: Side) -> impl Iterator<Item = &'static Gene> {
    GENES.iter().filter(move |gene| gene.defaults(side).is_some())
}

/// A side's genes as an architecture prints them: what both sides have, what the decoder has alone, what drops sublayers.
pub(super) fn in_order_of_printing(side: Side) -> Vec<&'static Gene> {
    sorted(side, |gene| (gene.part == Part::Sublayers, gene.encoder.is_none()))
}

/// A side's genes as their choices are checked: a gene of experts after those it depends on, what drops sublayers last.
pub(super) fn in_order_of_checks(side: Side) -> Vec<&'static Gene> {
    sorted(side, |gene| (gene.part == Part::Sublayers, gene.scope()))
}

/// A side's genes as a description lists them: as they are checked, but what cross-attention sees behind the experts.
pub(super) fn in_order_of_description(side: Side) -> Vec<&'static Gene> {
    sorted(side, |gene| (gene.part == Part::Sublayers, gene.values == ValueKind::Attended, gene.scope()))
}

/// A side's genes as they are drawn: part by part, and within a part those of layers before those of experts.
pub(super) fn in_order_of_drawing(side: Side) -> Vec<&'static Gene> {
    sorted(side, |gene| (gene.part, gene.scope()))
}

/// A side's genes as messages suggest them: what the decoder has alone last, for of keys that are equally unlike a wrong one
/// the last is suggested.
pub(super) fn in_order_of_suggestion(side: Side) -> Vec<&'static Gene> {
    sorted(side, |gene| gene.encoder.is_none())
}

/// Genes of equal keys stand in the order of the table.
fn sorted<K: Ord>(side: Side, key: fn(&Gene) -> K) -> Vec<&'static Gene> {
    let mut genes: Vec<_> = of_side(side).collect();
    genes.sort_by_key(|gene| key(gene));
    genes
}

/// The row of a name, one of those in [`super::gene`].
pub(super) fn named(name: &str) -> &'static Gene {
    GENES.iter().find(|gene| gene.name == name).expect("every name in gene.rs has a row")
}

fn cross(layer: &mut Layer) -> &mut CrossAttention {
    layer.cross_attention.get_or_insert(CrossAttention { heads: 1, encoder_layers: 1 })
}

/// A dense layer has nothing to change.
fn with_experts(layer: &mut Layer, change: impl FnOnce(&mut Experts)) {
    if let Some(experts) = &mut layer.experts {
        change(experts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_gene_has_one_row_a_side_and_says_what_it_is() {
        let names: HashSet<_> = GENES.iter().map(|gene| gene.name).collect();
        assert_eq!(names.len(), GENES.len());
        for gene in GENES {
            assert!(gene.encoder.or(gene.decoder).is_some(), "{}", gene.name);
            assert!(gene.documentation.ends_with('.'), "{}", gene.name);
            assert!(gene.depends_on().iter().all(|name| names.contains(name)), "{}", gene.name);
        }
    }

    /// What is set is what is got, in a layer that has all parts.
    #[test]
    fn values_come_back() {
        let mut layer =
            Layer { cross_attention: Some(CrossAttention { heads: 1, encoder_layers: 1 }), ..Layer::default() };
        layer.experts = Some(Experts { ffn_dims: vec![7; 4], top_k: 1 });
        for gene in GENES {
            match gene.at {
                At::Stack { .. } => {}
                At::Layer { get, set } => {
                    for value in [1, 0].into_iter().filter(|&value| gene.values.fault(value, 4).is_none()) {
                        let mut changed = layer.clone();
                        set(&mut changed, value);
                        assert_eq!(get(&changed), Some(value), "{}", gene.name);
                    }
                }
                At::Expert { get, set } => {
                    set(&mut layer, 3, 5);
                    assert_eq!([2, 3, 4].map(|expert| get(&layer, expert)), [Some(7), Some(5), None]);
                }
            }
        }
    }
}
