//! What a space holds, for people and programs: its genes, their choices, what they depend on, how many architectures.

use super::choices::Choices;
use super::gene::Scope;
use super::layers::StackConfig;
use super::space::Space;
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
    pub choices: Choices<i64>,
    /// Genes that decide whether it is there, and how often.
    pub depends_on: Vec<String>,
}

impl Space {
    /// The genes, the encoder's before the decoder's. `*_ffn_embed_dim` is not among them where all layers of the stack have
    /// fractional experts, nor are the genes of experts in a dense stack.
    pub fn genes(&self) -> Vec<GeneChoices> {
        let mut genes = stack_genes(&self.config.encoder());
        genes.extend(stack_genes(&self.config.decoder()));
        genes
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

fn stack_genes(stack: &StackConfig) -> Vec<GeneChoices> {
    let side = stack.side;
    let gene = |name: &str, scope, choices: Choices<i64>, depends_on: &[&str]| GeneChoices {
        name: format!("{side}_{name}"),
        scope,
        choices,
        depends_on: depends_on.iter().map(|gene| format!("{side}_{gene}")).collect(),
    };
    let scalar = |name, values: &[usize]| {
        let values = values.iter().map(|&value| value as i64).collect();
        gene(name, Scope::Stack, Choices::Every(values), &[])
    };
    // A dropped sublayer has no genes.
    let with = |drop: &Choices<usize>, name: &'static str| {
        let dropped = drop.values().any(|&keep| keep == 0);
        let names = std::iter::once("layer_num").chain(dropped.then_some(name));
        names.collect::<Vec<_>>()
    };
    let attention = with(stack.drop_mha_sublayer, "drop_mha_sublayer");
    let ffn = with(stack.drop_ffn_sublayer, "drop_ffn_sublayer");

    let mut genes = vec![scalar("embed_dim", stack.embed_dim), scalar("layer_num", stack.layer_num)];
    let mut layer = |name, choices: &Choices<usize>, depends_on: &[&str]| {
        genes.push(gene(name, Scope::Layer, signed(choices), depends_on));
    };
    let sizes = stack.each_expert_ffn_dim;
    let all_fractional = match sizes {
        Choices::Every(values) => !values.is_empty(),
        Choices::PerLayer(lists) => !lists.iter().any(Vec::is_empty),
    };
    if !all_fractional {
        layer("ffn_embed_dim", stack.ffn_embed_dim, &ffn);
    }
    layer("self_attention_heads", stack.self_attention_heads, &attention);
    if let Some((heads, _)) = stack.cross {
        layer("ende_attention_heads", heads, &attention);
    }
    if stack.n_experts.values().any(|&count| count > 0) {
        let experts = [&ffn[..], &["n_experts"]].concat();
        layer("n_experts", stack.n_experts, &ffn);
        layer("num_experts_to_route", stack.num_experts_to_route, &experts);
        layer("std_vs_dummy_experts", stack.std_vs_dummy_experts, &experts);
        if !sizes.is_empty() {
            let experts = [&experts[..], &["std_vs_dummy_experts"]].concat();
            genes.push(gene("each_expert_ffn_dim", Scope::Expert, signed(sizes), &experts));
        }
    }
    if let Some((_, seen)) = stack.cross {
        genes.push(gene("arbitrary_ende_attn", Scope::Layer, seen.clone(), &attention));
    }
    for (name, choices) in
        [("drop_mha_sublayer", stack.drop_mha_sublayer), ("drop_ffn_sublayer", stack.drop_ffn_sublayer)]
    {
        genes.push(gene(name, Scope::Layer, signed(choices), &["layer_num"]));
    }
    genes
}

fn signed(choices: &Choices<usize>) -> Choices<i64> {
    let signed = |values: &Vec<usize>| values.iter().map(|&value| value as i64).collect();
    match choices {
        Choices::Every(values) => Choices::Every(signed(values)),
        Choices::PerLayer(lists) => Choices::PerLayer(lists.iter().map(signed).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::SpaceConfig;

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
            config.encoder_n_experts = Choices::Every(vec![]);
        }));
        let fractional = names(space(|config| {
            config.encoder_each_expert_ffn_dim = Choices::Every(vec![1024, 2048]);
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
            config.decoder_each_expert_ffn_dim = Choices::Every(vec![1024, 2048]);
            config.decoder_drop_ffn_sublayer = Choices::Every(vec![0, 1]);
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
