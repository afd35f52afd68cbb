//! What a space holds, for people and programs: its genes, their choices, what they depend on, how many architectures.

use super::choices::{Choices, SpaceConfig};
use super::gene::{
    DROP_FFN_SUBLAYER, DROP_MHA_SUBLAYER, EACH_EXPERT_FFN_DIM, FFN_EMBED_DIM, Gene, N_EXPERTS, Part, Scope,
};
use super::genes;
use super::side::Side;
use super::space::Space;
use super::values::ValueKind;
use serde::Serialize;
use serde_json::{Value, json};

/// One gene in one space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GeneChoices {
    /// Its name in `[space]` and in the JSON form of an architecture.
    pub name: String,
    /// What it has one value for.
    pub scope: Scope,
    /// The values it may take.
    pub choices: Choices,
    /// Genes that decide whether it is there, and how often.
    pub depends_on: Vec<String>,
}

impl Space {
    /// The genes, the encoder's before the decoder's. `*_ffn_embed_dim` is not among them where all layers of the stack have
    /// fractional experts, nor are the genes of experts in a dense stack.
    pub fn genes(&self) -> Vec<GeneChoices> {
        Side::BOTH.into_iter().flat_map(|side| stack_genes(&self.config, side)).collect()
    }

    /// The genes, `qkv_dim`, and the number of architectures (exact, as text, and its logarithm to base 10).
    pub fn description(&self) -> Value {
        let architectures = self.architectures();
        json!({
            "genes": self.genes(),
            "qkv_dim": self.qkv_dim,
            "architectures": architectures.to_string(),
            "architectures_log10": architectures.log10(),
        })
    }
}

fn stack_genes(config: &SpaceConfig, side: Side) -> Vec<GeneChoices> {
    let mut genes: Vec<_> = genes::of_side(side).filter(|gene| is_there(config, side, gene)).collect();
    // As in [`SpaceConfig::faults`], but for what cross-attention sees: that stands behind the experts.
    genes.sort_by_key(|gene| (gene.part == Part::Sublayers, gene.values == ValueKind::Attended, gene.scope()));
    let described = genes.into_iter().map(|gene| {
        let deciding = gene.depends_on().iter().filter(|name| may_decide(config, side, name));
        GeneChoices {
            name: gene.key(side),
            scope: gene.scope(),
            choices: config.of(side, gene.name).clone(),
            depends_on: deciding.map(|name| format!("{}_{name}", side.name())).collect(),
        }
    });
    described.collect()
}

fn is_there(config: &SpaceConfig, side: Side, gene: &Gene) -> bool {
    let sizes = config.of(side, EACH_EXPERT_FFN_DIM);
    match (gene.part, gene.scope()) {
        (Part::Experts, Scope::Expert) => !sizes.is_empty(),
        (Part::Experts, _) => config.of(side, N_EXPERTS).values().any(|&count| count > 0),
        _ if gene.name == FFN_EMBED_DIM => sizes.lists().iter().any(Vec::is_empty),
        _ => true,
    }
}

/// Whether a gene decides anything: what drops a sublayer does only where it may drop one.
fn may_decide(config: &SpaceConfig, side: Side, gene: &str) -> bool {
    let drops = [DROP_MHA_SUBLAYER, DROP_FFN_SUBLAYER].contains(&gene);
    !drops || config.of(side, gene).values().any(|&keep| keep == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(change: impl FnOnce(&mut SpaceConfig)) -> Space {
        let mut config = SpaceConfig::default();
        change(&mut config);
        Space::new(&config, 512).unwrap()
    }

    #[test]
    fn genes_follow_the_kind_of_space() {
        let names = |space: Space| -> Vec<_> {
            let genes = space.genes().into_iter();
            genes.filter(|gene| gene.name.starts_with("encoder")).map(|gene| gene.name).collect()
        };
        let dense = names(space(|config| {
            config["encoder_n_experts"] = Choices::Every(vec![]);
        }));
        let fractional = names(space(|config| {
            config["encoder_each_expert_ffn_dim"] = Choices::Every(vec![1024, 2048]);
        }));
        let expected = [
            "encoder_embed_dim",
            "encoder_layer_num",
            "encoder_ffn_embed_dim",
            "encoder_self_attention_heads",
            "encoder_drop_mha_sublayer",
            "encoder_drop_ffn_sublayer",
        ];
        assert_eq!(dense, expected);
        assert!(!fractional.contains(&"encoder_ffn_embed_dim".into()));
        assert!(fractional.contains(&"encoder_each_expert_ffn_dim".into()));
    }

    #[test]
    fn dependencies_name_the_genes_that_decide() {
        let space = space(|config| {
            config["decoder_each_expert_ffn_dim"] = Choices::Every(vec![1024, 2048]);
            config["decoder_drop_ffn_sublayer"] = Choices::Every(vec![0, 1]);
        });
        let genes = space.genes();
        let sizes = genes.iter().find(|gene| gene.name == "decoder_each_expert_ffn_dim").unwrap();
        let expected = GeneChoices {
            name: "decoder_each_expert_ffn_dim".into(),
            scope: Scope::Expert,
            choices: Choices::Every(vec![1024, 2048]),
            depends_on: [
                "decoder_layer_num",
                "decoder_drop_ffn_sublayer",
                "decoder_n_experts",
                "decoder_std_vs_dummy_experts",
            ]
            .map(String::from)
            .to_vec(),
        };
        assert_eq!(*sizes, expected);
    }

    #[test]
    fn the_description_counts_exactly() {
        let description = space(|_| {}).description();
        let count: f64 = description["architectures"].as_str().unwrap().parse().unwrap();
        let log10 = description["architectures_log10"].as_f64().unwrap();
        assert!((count.log10() - log10).abs() < 1e-9);
        assert_eq!(description["qkv_dim"], 512);
    }
}
