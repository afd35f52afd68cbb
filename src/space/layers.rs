//! The choices of `[space]` checked and resolved layer by layer, alike for both stacks.

use super::architecture::{MAX_EXPERTS, MAX_LAYERS, MAX_WIDTH};
use super::choices::{Choices, SpaceConfig};
use super::values::Values;
use std::fmt::Display;

/// The most choices of a gene.
const MAX_CHOICES: usize = 1_024;

/// One stack's part of a [`SpaceConfig`]: the same genes under names without their prefix.
pub(super) struct StackConfig<'a> {
    /// `"encoder"` or `"decoder"`: the prefix of the genes.
    pub side: &'static str,
    pub embed_dim: &'a [usize],
    pub layer_num: &'a [usize],
    pub ffn_embed_dim: &'a Choices<usize>,
    pub self_attention_heads: &'a Choices<usize>,
    /// Decoder only: `ende_attention_heads` and `arbitrary_ende_attn`.
    pub cross: Option<(&'a Choices<usize>, &'a Choices<i64>)>,
    pub n_experts: &'a Choices<usize>,
    pub num_experts_to_route: &'a Choices<usize>,
    pub each_expert_ffn_dim: &'a Choices<usize>,
    pub std_vs_dummy_experts: &'a Choices<usize>,
    pub drop_mha_sublayer: &'a Choices<usize>,
    pub drop_ffn_sublayer: &'a Choices<usize>,
}

/// The choices of one stack.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StackSpace {
    pub side: &'static str,
    pub embed_dim: Vec<usize>,
    pub layer_num: Vec<usize>,
    /// As many as the most layers.
    pub layers: Vec<LayerSpace>,
}

/// The choices of one layer. Genes that are flags hold 0 and 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LayerSpace {
    pub ffn_embed_dim: Vec<usize>,
    pub self_attention_heads: Vec<usize>,
    pub cross: Option<CrossSpace>,
    pub experts: Option<ExpertSpace>,
    pub keep_attention: Vec<usize>,
    pub keep_ffn: Vec<usize>,
}

/// The choices of a decoder layer's cross-attention.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CrossSpace {
    pub heads: Vec<usize>,
    /// 1, 2 or 3.
    pub encoder_layers: Vec<usize>,
}

/// The choices of a layer with experts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ExpertSpace {
    pub count: Vec<usize>,
    /// Clipped to the number of experts when an architecture is built.
    pub top_k: Vec<usize>,
    /// Sizes of fractional experts; `None`: all have the layer's `ffn_embed_dim`.
    pub sizes: Option<Vec<usize>>,
    /// 0: the first expert is the identity.
    pub first_is_network: Vec<usize>,
}

impl SpaceConfig {
    pub(super) fn encoder(&self) -> StackConfig<'_> {
        StackConfig {
            side: "encoder",
            embed_dim: &self.encoder_embed_dim,
            layer_num: &self.encoder_layer_num,
            ffn_embed_dim: &self.encoder_ffn_embed_dim,
            self_attention_heads: &self.encoder_self_attention_heads,
            cross: None,
            n_experts: &self.encoder_n_experts,
            num_experts_to_route: &self.encoder_num_experts_to_route,
            each_expert_ffn_dim: &self.encoder_each_expert_ffn_dim,
            std_vs_dummy_experts: &self.encoder_std_vs_dummy_experts,
            drop_mha_sublayer: &self.encoder_drop_mha_sublayer,
            drop_ffn_sublayer: &self.encoder_drop_ffn_sublayer,
        }
    }

    pub(super) fn decoder(&self) -> StackConfig<'_> {
        StackConfig {
            side: "decoder",
            embed_dim: &self.decoder_embed_dim,
            layer_num: &self.decoder_layer_num,
            ffn_embed_dim: &self.decoder_ffn_embed_dim,
            self_attention_heads: &self.decoder_self_attention_heads,
            cross: Some((&self.decoder_ende_attention_heads, &self.decoder_arbitrary_ende_attn)),
            n_experts: &self.decoder_n_experts,
            num_experts_to_route: &self.decoder_num_experts_to_route,
            each_expert_ffn_dim: &self.decoder_each_expert_ffn_dim,
            std_vs_dummy_experts: &self.decoder_std_vs_dummy_experts,
            drop_mha_sublayer: &self.decoder_drop_mha_sublayer,
            drop_ffn_sublayer: &self.decoder_drop_ffn_sublayer,
        }
    }

    /// Everything that keeps the space from being used, one line for each fault, each beginning with its key.
    pub fn faults(&self, qkv_dim: usize) -> Vec<String> {
        let mut faults = self.encoder().faults(qkv_dim);
        faults.extend(self.decoder().faults(qkv_dim));
        faults
    }
}

impl StackSpace {
    /// The choices of `config`, which has no faults.
    pub(super) fn resolve(config: &StackConfig) -> Self {
        let layers = config.layer_num.iter().copied().max().unwrap_or(0);
        Self {
            side: config.side,
            embed_dim: config.embed_dim.to_vec(),
            layer_num: config.layer_num.to_vec(),
            layers: (0..layers).map(|i| LayerSpace::resolve(config, i)).collect(),
        }
    }
}

impl LayerSpace {
    fn resolve(config: &StackConfig, index: usize) -> Self {
        let at = |choices: &Choices<usize>| choices.layer(index).unwrap_or(&[]).to_vec();
        let cross = config.cross.map(|(heads, seen)| CrossSpace {
            heads: at(heads),
            encoder_layers: {
                let seen = seen.layer(index).unwrap_or(&[]);
                seen.iter().map(|&gene| Values::Attended.read(gene)).collect()
            },
        });
        let count = at(config.n_experts);
        let is_dense = count.iter().all(|&count| count == 0);
        let sizes = at(config.each_expert_ffn_dim);
        Self {
            ffn_embed_dim: at(config.ffn_embed_dim),
            self_attention_heads: at(config.self_attention_heads),
            cross,
            experts: (!is_dense).then(|| ExpertSpace {
                count,
                top_k: at(config.num_experts_to_route),
                sizes: (!sizes.is_empty()).then_some(sizes),
                first_is_network: at(config.std_vs_dummy_experts),
            }),
            keep_attention: at(config.drop_mha_sublayer),
            keep_ffn: at(config.drop_ffn_sublayer),
        }
    }
}

impl ExpertSpace {
    /// The values that top-k takes in a layer with `count` experts: its choices, clipped, each once.
    pub(super) fn top_k_of(&self, count: usize) -> Vec<usize> {
        let mut values = Vec::new();
        for k in self.top_k.iter().map(|&k| k.min(count)) {
            if !values.contains(&k) {
                values.push(k);
            }
        }
        values
    }
}

impl StackConfig<'_> {
    fn faults(&self, qkv_dim: usize) -> Vec<String> {
        let mut faults =
            Faults { side: self.side, layers: self.layer_num.iter().copied().max().unwrap_or(0), lines: Vec::new() };
        faults.list("embed_dim", self.embed_dim, |&width| Values::Width.fault(width, 0));
        let layers = between(1, MAX_LAYERS);
        faults.list("layer_num", self.layer_num, layers);
        let heads = |&heads: &usize| {
            let splits = heads > 0 && qkv_dim.is_multiple_of(heads);
            (!splits).then(|| format!("{heads} heads do not divide qkv_dim = {qkv_dim}"))
        };
        faults.gene("ffn_embed_dim", self.ffn_embed_dim, between(1, MAX_WIDTH));
        faults.gene("self_attention_heads", self.self_attention_heads, heads);
        if let Some((cross_heads, seen)) = self.cross {
            faults.gene("ende_attention_heads", cross_heads, heads);
            faults.gene("arbitrary_ende_attn", seen, |gene| {
                let is_known = [-1, 1, 2].contains(gene);
                (!is_known).then(|| format!("{gene} is not -1, 1 or 2"))
            });
        }
        self.expert_faults(&mut faults);
        faults.gene("drop_mha_sublayer", self.drop_mha_sublayer, between(0, 1));
        faults.gene("drop_ffn_sublayer", self.drop_ffn_sublayer, between(0, 1));
        faults.lines
    }

    fn expert_faults(&self, faults: &mut Faults) {
        if self.n_experts.values().all(|&count| count == 0) {
            let needed = format!("needs experts, but space.{}_n_experts has none", self.side);
            if !self.each_expert_ffn_dim.is_empty() {
                faults.push("each_expert_ffn_dim", &needed);
            }
            if self.std_vs_dummy_experts.values().any(|&flag| flag == 0) {
                faults.push("std_vs_dummy_experts", &needed);
            }
        }
        if !self.n_experts.is_empty() {
            faults.gene("n_experts", self.n_experts, between(0, MAX_EXPERTS));
            self.mixed_layers(faults);
            let routes = self.num_experts_to_route;
            faults.gene("num_experts_to_route", routes, between(1, MAX_EXPERTS));
            let flags = self.std_vs_dummy_experts;
            faults.gene("std_vs_dummy_experts", flags, between(0, 1));
        }
        if !self.each_expert_ffn_dim.is_empty() {
            let sizes = self.each_expert_ffn_dim;
            // A layer's empty list is not a fault here: its experts have the layer's `ffn_embed_dim`.
            faults.optional_gene("each_expert_ffn_dim", sizes, between(0, MAX_WIDTH));
        }
    }

    /// A dense layer and a layer with experts hold different weights: one layer cannot choose between them.
    fn mixed_layers(&self, faults: &mut Faults) {
        for index in 0..faults.layers.min(MAX_LAYERS) {
            let counts = self.n_experts.layer(index).unwrap_or(&[]);
            if counts.contains(&0) && counts.iter().any(|&count| count > 0) {
                let message = format!(
                    "layer {} chooses between 0 (a dense layer) and experts; give 0 alone, or leave it out",
                    index + 1
                );
                faults.push("n_experts", &message);
                return;
            }
        }
    }
}

/// The faults of one stack while they are gathered.
struct Faults {
    side: &'static str,
    layers: usize,
    lines: Vec<String>,
}

impl Faults {
    fn push(&mut self, gene: &str, message: &str) {
        self.lines.push(format!("space.{}_{gene}: {message}", self.side));
    }

    fn gene<T: PartialEq + Display>(&mut self, gene: &str, choices: &Choices<T>, fault: impl Fn(&T) -> Option<String>) {
        let lists = match choices {
            Choices::Every(_) => &[][..],
            Choices::PerLayer(lists) => lists.as_slice(),
        };
        if choices.is_empty() || lists.iter().any(Vec::is_empty) {
            self.push(gene, "has no choices");
        } else {
            self.optional_gene(gene, choices, fault);
        }
    }

    /// As [`Self::gene`], but empty lists are no fault.
    fn optional_gene<T: PartialEq + Display>(
        &mut self,
        gene: &str,
        choices: &Choices<T>,
        fault: impl Fn(&T) -> Option<String>,
    ) {
        match choices {
            Choices::Every(values) => self.values(gene, values, fault),
            Choices::PerLayer(lists) => {
                if lists.len() < self.layers {
                    let message = format!("{} lists for {} layers", lists.len(), self.layers);
                    self.push(gene, &message);
                }
                for values in lists {
                    self.values(gene, values, &fault);
                }
            }
        }
    }

    fn list(&mut self, gene: &str, values: &[usize], fault: impl Fn(&usize) -> Option<String>) {
        if values.is_empty() {
            self.push(gene, "has no choices");
        }
        self.values(gene, values, fault);
    }

    fn values<T: PartialEq + Display>(&mut self, gene: &str, values: &[T], fault: impl Fn(&T) -> Option<String>) {
        if values.len() > MAX_CHOICES {
            let message = format!("{} choices are more than {MAX_CHOICES}", values.len());
            return self.push(gene, &message);
        }
        for (index, value) in values.iter().enumerate() {
            if let Some(message) = fault(value) {
                self.push(gene, &message);
            }
            if values[..index].contains(value) {
                self.push(gene, &format!("{value} is given twice"));
            }
        }
    }
}

fn between(least: usize, most: usize) -> impl Fn(&usize) -> Option<String> {
    move |&value| {
        let is_fault = value < least || value > most;
        is_fault.then(|| format!("{value} is not between {least} and {most}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Space;

    fn faults(change: impl FnOnce(&mut SpaceConfig)) -> Vec<String> {
        let mut config = SpaceConfig::default();
        change(&mut config);
        config.faults(512)
    }

    #[test]
    fn the_default_space_has_no_faults() {
        assert_eq!(faults(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn each_fault_names_its_key() {
        let found = faults(|config| {
            config.encoder_embed_dim = vec![];
            config.decoder_embed_dim = vec![513];
            config.encoder_layer_num = vec![0];
            config.encoder_ffn_embed_dim = Choices::Every(vec![1024, 1024]);
            config.decoder_ffn_embed_dim = Choices::PerLayer(vec![vec![1024]; 5]);
            config.encoder_self_attention_heads = Choices::Every(vec![3]);
            config.decoder_arbitrary_ende_attn = Choices::Every(vec![0]);
            config.decoder_n_experts = Choices::Every(vec![0, 1]);
            config.encoder_drop_ffn_sublayer = Choices::Every(vec![2]);
        });
        let expected = [
            "space.encoder_embed_dim: has no choices",
            "space.encoder_layer_num: 0 is not between 1 and 256",
            "space.encoder_ffn_embed_dim: 1024 is given twice",
            "space.encoder_self_attention_heads: 3 heads do not divide qkv_dim = 512",
            "space.encoder_drop_ffn_sublayer: 2 is not between 0 and 1",
            "space.decoder_embed_dim: 513 is not an even number between 4 and 65536",
            "space.decoder_ffn_embed_dim: 5 lists for 6 layers",
            "space.decoder_arbitrary_ende_attn: 0 is not -1, 1 or 2",
            "space.decoder_n_experts: layer 1 chooses between 0 (a dense layer) and experts; give 0 alone, or leave it out",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn expert_genes_need_experts() {
        let found = faults(|config| {
            config.encoder_n_experts = Choices::Every(vec![]);
            config.encoder_each_expert_ffn_dim = Choices::Every(vec![1024]);
            config.encoder_std_vs_dummy_experts = Choices::Every(vec![1, 0]);
        });
        let needs = "needs experts, but space.encoder_n_experts has none";
        let expected = [
            format!("space.encoder_each_expert_ffn_dim: {needs}"),
            format!("space.encoder_std_vs_dummy_experts: {needs}"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_space_with_faults_is_an_input_error() {
        let config = SpaceConfig { encoder_layer_num: vec![usize::MAX], ..SpaceConfig::default() };
        let error = Space::new(&config, 512).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}
