//! Whether an architecture can be built.

use super::architecture::{Architecture, Layer, Stack};
use super::gene::At;
use super::genes::GENES;
use super::side::Side;
use super::values::ValueKind;

impl Architecture {
    /// Everything that keeps the model from being built, one line for each fault, named like its key in the JSON form;
    /// empty for a valid architecture. Whether heads divide `qkv_dim` is [`Self::head_faults`]'s to say.
    pub fn validate(&self) -> Vec<String> {
        Side::BOTH.iter().flat_map(|&side| stack_faults(side, self.stack(side))).collect()
    }

    /// One line for each number of heads that does not split `qkv_dim` features evenly.
    pub fn head_faults(&self, qkv_dim: usize) -> Vec<String> {
        let mut faults = Vec::new();
        for side in Side::BOTH {
            for (index, layer) in self.stack(side).layers.iter().enumerate() {
                for gene in GENES.iter().filter(|gene| gene.values == ValueKind::Heads) {
                    let At::Layer { get, .. } = gene.at else { continue };
                    let fault = get(layer).and_then(|heads| gene.values.choice_fault(heads as i64, qkv_dim));
                    faults.extend(fault.map(|fault| format!("{}, layer {}: {fault}", gene.key(side), index + 1)));
                }
            }
        }
        faults
    }
}

fn stack_faults(side: Side, stack: &Stack) -> Vec<String> {
    let mut faults = Vec::new();
    for gene in GENES {
        let At::Stack { get, .. } = gene.at else { continue };
        let fault = gene.values.fault(get(stack), 0);
        faults.extend(fault.map(|fault| format!("{}: {fault}", gene.key(side))));
    }
    for (index, layer) in stack.layers.iter().enumerate() {
        layer_faults(side, layer, index + 1, &mut faults);
    }
    faults
}

fn layer_faults(side: Side, layer: &Layer, number: usize, faults: &mut Vec<String>) {
    let is_decoder = side == Side::Decoder;
    if layer.cross_attention.is_some() != is_decoder {
        let holds = if is_decoder { "needs" } else { "cannot have" };
        faults.push(format!("{} layer {number} {holds} cross-attention", side.name()));
    }
    let experts = layer.expert_count();
    for gene in GENES {
        let name = || format!("{}, layer {number}", gene.key(side));
        let fault = |value| gene.values.fault(value, experts);
        match gene.at {
            At::Stack { .. } => {}
            At::Layer { get, .. } => {
                let fault = get(layer).and_then(fault);
                faults.extend(fault.map(|fault| format!("{}: {fault}", name())));
            }
            At::Expert { get, .. } => {
                for expert in 0..experts {
                    let fault = get(layer, expert).and_then(fault);
                    faults.extend(fault.map(|fault| format!("{}, expert {}: {fault}", name(), expert + 1)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::architecture::{Experts, MAX_WIDTH};

    #[test]
    fn a_dense_transformer_is_valid() {
        let base = Architecture::dense(512, 2048, 8, 6, 6);
        assert_eq!(base.validate(), Vec::<String>::new());
        assert_eq!(base.head_faults(512), Vec::<String>::new());
        assert_eq!(base.head_faults(516).len(), 18);
    }

    #[test]
    fn each_fault_is_named() {
        let mut model = Architecture::dense(0, 2048, 8, 1, 2);
        model.encoder.layers[0].cross_attention = model.decoder.layers[0].cross_attention;
        model.decoder.layers[0].cross_attention = None;
        model.decoder.layers[1].experts = Some(Experts { ffn_dims: vec![0, MAX_WIDTH + 1], top_k: 3 });
        let faults = model.validate();
        let expected = [
            "encoder_embed_dim: 0 is not an even number between 4 and 65536",
            "encoder layer 1 cannot have cross-attention",
            "decoder_embed_dim: 0 is not an even number between 4 and 65536",
            "decoder layer 1 needs cross-attention",
            "decoder_num_experts_to_route, layer 2: 3 is not between 1 and 2",
            "decoder_each_expert_ffn_dim, layer 2, expert 2: 65537 is not between 0 and 65536",
        ];
        assert_eq!(faults, expected);
    }
}
