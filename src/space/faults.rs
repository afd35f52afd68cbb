//! What keeps a `[space]` from being used.

use super::architecture::MAX_LAYERS;
use super::choices::{Choices, SpaceConfig};
use super::gene::{EACH_EXPERT_FFN_DIM, Gene, LAYER_NUM, N_EXPERTS, Part, STD_VS_DUMMY_EXPERTS, Scope};
use super::genes;
use super::side::Side;

/// The most choices of a gene.
pub(super) const MAX_CHOICES: usize = 1_024;

impl SpaceConfig {
    /// Everything that keeps the space from being used, one line for each fault, each beginning with its key.
    pub fn faults(&self, qkv_dim: usize) -> Vec<String> {
        let stack = |side| StackFaults { config: self, side, qkv_dim, lines: Vec::new() }.gather();
        Side::BOTH.into_iter().flat_map(stack).collect()
    }
}

/// The faults of one stack while they are gathered.
struct StackFaults<'a> {
    config: &'a SpaceConfig,
    side: Side,
    qkv_dim: usize,
    lines: Vec<String>,
}

impl<'a> StackFaults<'a> {
    fn gather(mut self) -> Vec<String> {
        let is_dense = self.choices(N_EXPERTS).is_empty();
        for gene in genes::in_order_of_checks(self.side) {
            if gene.name == N_EXPERTS {
                self.experts_of_dense_layers();
            }
            let is_left_out = match gene.scope() {
                Scope::Layer => gene.part == Part::Experts && is_dense,
                Scope::Expert => self.choices(gene.name).is_empty(),
                Scope::Stack => false,
            };
            if !is_left_out {
                self.gene(gene);
            }
        }
        self.lines
    }

    fn experts_of_dense_layers(&mut self) {
        if self.choices(N_EXPERTS).values().any(|&count| count != 0) {
            return;
        }
        let needed = format!("needs experts, but space.{}_{N_EXPERTS} has none", self.side.name());
        if !self.choices(EACH_EXPERT_FFN_DIM).is_empty() {
            self.push(EACH_EXPERT_FFN_DIM, &needed);
        }
        if self.choices(STD_VS_DUMMY_EXPERTS).values().any(|&flag| flag == 0) {
            self.push(STD_VS_DUMMY_EXPERTS, &needed);
        }
    }

    fn gene(&mut self, gene: &Gene) {
        let lists = self.choices(gene.name).lists();
        // A layer's list of sizes may be empty: its experts have the layer's `ffn_embed_dim`.
        if gene.scope() != Scope::Expert && lists.iter().any(Vec::is_empty) {
            return self.push(gene.name, "has no choices");
        }
        if let Choices::PerLayer(lists) = self.choices(gene.name) {
            let layers = self.layers();
            if gene.scope() == Scope::Stack {
                self.push(gene.name, "has lists for layers, but one value for them all");
            } else if lists.len() < layers {
                self.push(gene.name, &format!("{} lists for {layers} layers", lists.len()));
            }
        }
        for values in lists {
            self.values(gene, values);
        }
        if gene.name == N_EXPERTS {
            self.mixed_layers();
        }
    }

    fn values(&mut self, gene: &Gene, values: &[i64]) {
        if values.len() > MAX_CHOICES {
            let message = format!("{} choices are more than {MAX_CHOICES}", values.len());
            return self.push(gene.name, &message);
        }
        for (index, value) in values.iter().enumerate() {
            if let Some(message) = gene.values.choice_fault(*value, self.qkv_dim) {
                self.push(gene.name, &message);
            }
            if values[..index].contains(value) {
                self.push(gene.name, &format!("{value} is given twice"));
            }
        }
    }

    /// A dense layer and a layer with experts hold different weights: one layer cannot choose between them.
    fn mixed_layers(&mut self) {
        for index in 0..self.layers().min(MAX_LAYERS) {
            let counts = self.choices(N_EXPERTS).layer(index).unwrap_or(&[]);
            if counts.contains(&0) && counts.iter().any(|&count| count > 0) {
                let message = format!(
                    "layer {} chooses between 0 (a dense layer) and experts; give 0 alone, or leave it out",
                    index + 1
                );
                return self.push(N_EXPERTS, &message);
            }
        }
    }

    fn layers(&self) -> usize {
        let most = self.choices(LAYER_NUM).values().max();
        most.map_or(0, |&layers| layers.try_into().unwrap_or(0))
    }

    fn choices(&self, gene: &str) -> &'a Choices {
        self.config.of(self.side, gene)
    }

    fn push(&mut self, gene: &str, message: &str) {
        self.lines.push(format!("space.{}_{gene}: {message}", self.side.name()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::space::Space;

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
            config["encoder_embed_dim"] = Choices::Every(vec![]);
            config["decoder_embed_dim"] = Choices::Every(vec![513]);
            config["encoder_layer_num"] = Choices::Every(vec![0]);
            config["encoder_ffn_embed_dim"] = Choices::Every(vec![1024, 1024]);
            config["decoder_ffn_embed_dim"] = Choices::PerLayer(vec![vec![1024]; 5]);
            config["encoder_self_attention_heads"] = Choices::Every(vec![3]);
            config["decoder_arbitrary_ende_attn"] = Choices::Every(vec![0]);
            config["decoder_n_experts"] = Choices::Every(vec![0, 1]);
            config["encoder_drop_ffn_sublayer"] = Choices::Every(vec![2]);
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
            config["encoder_n_experts"] = Choices::Every(vec![]);
            config["encoder_each_expert_ffn_dim"] = Choices::Every(vec![1024]);
            config["encoder_std_vs_dummy_experts"] = Choices::Every(vec![1, 0]);
        });
        let needs = "needs experts, but space.encoder_n_experts has none";
        let expected = [
            format!("space.encoder_each_expert_ffn_dim: {needs}"),
            format!("space.encoder_std_vs_dummy_experts: {needs}"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn genes_of_a_stack_have_one_list() {
        let found = faults(|config| config["encoder_embed_dim"] = Choices::PerLayer(vec![vec![512]; 6]));
        assert_eq!(found, ["space.encoder_embed_dim: has lists for layers, but one value for them all"]);
    }

    #[test]
    fn a_space_with_faults_is_an_input_error() {
        let config = SpaceConfig::default().with([("encoder_layer_num", Choices::Every(vec![i64::MAX]))]);
        let error = Space::new(&config, 512).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}
