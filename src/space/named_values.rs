//! An architecture's genes by name, for programs that look at single genes.

use super::architecture::{Architecture, Layer};
use super::gene::{At, Gene, N_EXPERTS};
use super::layers::{GeneSpace, LayerSpace};
use super::space::Space;
use super::values::ValueKind;
use std::collections::BTreeSet;

/// The value of a gene in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedValue {
    /// The key of its choices in `[space]`: `decoder_ffn_embed_dim`.
    pub key: String,
    /// With the layer, and the expert, where it has one for each, the first being 0: `decoder_ffn_embed_dim[2]`.
    pub name: String,
    /// The value, as `[space]` writes it.
    pub value: i64,
    /// All values that it may have there, in rising order; the same for all architectures of a space.
    pub choices: Vec<i64>,
}

impl Space {
    /// The genes of an architecture of this space, stack by stack and layer by layer, as far as there are two choices at least. What
    /// no weight of the architecture depends on is left out.
    pub fn named_values(&self, architecture: &Architecture) -> Vec<NamedValue> {
        let mut named = Vec::new();
        for of_stack in [&self.encoder, &self.decoder] {
            let stack = architecture.stack(of_stack.side);
            let key = |space: &GeneSpace| space.gene.key(of_stack.side);
            for space in &of_stack.genes {
                if let At::Stack { get, .. } = space.gene.at {
                    named.push(NamedValue::new(key(space), "", space.gene, get(stack), &space.choices));
                }
            }
            for (index, (layer, of_layer)) in stack.layers.iter().zip(&of_stack.layers).enumerate() {
                for space in of_layer.genes.iter().filter(|space| is_used(space.gene, layer, of_layer)) {
                    let of_gene = |(place, value): (Option<usize>, usize)| {
                        let place = place.map_or(format!("[{index}]"), |expert| format!("[{index}][{expert}]"));
                        NamedValue::new(key(space), &place, space.gene, value, &choices(space, of_layer, &place))
                    };
                    named.extend(values(space.gene, layer).into_iter().map(of_gene));
                }
            }
        }
        named.retain(|named| named.choices.len() > 1);
        named
    }
}

impl NamedValue {
    fn new(key: String, place: &str, gene: &Gene, value: usize, choices: &[usize]) -> Self {
        let choices: BTreeSet<i64> = choices.iter().map(|&choice| gene.values.write(choice)).collect();
        Self {
            name: format!("{key}{place}"),
            key,
            value: gene.values.write(value),
            choices: choices.into_iter().collect(),
        }
    }
}

/// Whether a weight of `layer` depends on `gene`.
fn is_used(gene: &Gene, layer: &Layer, space: &LayerSpace) -> bool {
    gene.part.is_kept(layer) && !space.is_unused(gene)
}

/// The values of a gene in `layer`: one, or one for each expert with the expert's index.
fn values(gene: &Gene, layer: &Layer) -> Vec<(Option<usize>, usize)> {
    match gene.at {
        At::Stack { .. } => Vec::new(),
        At::Layer { get, .. } => get(layer).map(|value| (None, value)).into_iter().collect(),
        At::Expert { get, .. } => {
            (0..layer.expert_count()).filter_map(|expert| Some((Some(expert), get(layer, expert)?))).collect()
        }
    }
}

/// The values that a gene may have in a place of a layer, whatever the layer's other genes are.
fn choices(space: &GeneSpace, layer: &LayerSpace, place: &str) -> Vec<usize> {
    match (space.gene.values, space.gene.at) {
        (ValueKind::Routed, _) => layer.of(N_EXPERTS).iter().flat_map(|&count| space.clipped(count)).collect(),
        (_, At::Expert { .. }) => layer.sizes_of(usize::from(!place.ends_with("[0]")), 0),
        _ => space.choices.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::seed;
    use std::collections::HashMap;

    #[test]
    fn every_value_is_a_choice_and_choices_are_the_same_everywhere() {
        let changes = [
            "space.encoder_each_expert_ffn_dim=[0, 64, 128]",
            "space.decoder_num_experts_to_route=[1, 2]",
            "space.decoder_std_vs_dummy_experts=[0, 1]",
            "space.encoder_drop_ffn_sublayer=[0, 1]",
            "space.decoder_n_experts=[1, 3]",
        ];
        let config = Config::load_with("toy", &changes.map(String::from)).unwrap();
        let space = config.space().unwrap();
        let mut known: HashMap<String, Vec<i64>> = HashMap::new();
        let mut seen: HashMap<String, BTreeSet<i64>> = HashMap::new();
        for index in 0..400 {
            let architecture = space.sample(&mut seed::stream(1, "test", index));
            for NamedValue { key, name, value, choices } in space.named_values(&architecture) {
                assert!(choices.contains(&value) && name.starts_with(&key), "{name}: {value} of {choices:?}");
                assert_eq!(known.entry(name.clone()).or_insert_with(|| choices.clone()), &choices, "{name}");
                seen.entry(name).or_default().insert(value);
            }
        }
        assert!(known.contains_key("encoder_each_expert_ffn_dim[0][1]") && known.contains_key("decoder_layer_num"));
        for (name, choices) in known.iter().filter(|(name, _)| !name.contains("][")) {
            assert!(seen[name].iter().eq(choices), "{name}: {:?} of {choices:?}", seen[name]);
        }
    }
}
