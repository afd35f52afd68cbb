//! A JSON Schema for the architectures of a space.

use super::gene::{
    EACH_EXPERT_FFN_DIM, FFN_EMBED_DIM, Gene, InJson, LAYER_NUM, N_EXPERTS, Part, STD_VS_DUMMY_EXPERTS, Scope,
};
use super::genes;
use super::layers::{GeneSpace, LayerSpace, StackSpace};
use super::space::Space;
use super::values::ValueKind;
use serde_json::{Map, Value, json};

impl Space {
    /// A JSON Schema (draft 2020-12) of the normal form of this space's architectures: genes as enumerations, per layer,
    /// lists as long as the number of layers says. What it cannot say is how one layer's genes depend on each other (as
    /// many sizes as experts, experts of one size); [`Space::contains`] checks that too.
    pub fn schema(&self) -> Value {
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Architecture",
            "type": "object",
            "properties": {
                "encoder": self.encoder.schema(),
                "decoder": self.decoder.schema(),
            },
            "required": ["encoder", "decoder"],
            "additionalProperties": false,
        })
    }
}

impl StackSpace {
    fn schema(&self) -> Value {
        let key = |gene: &Gene| gene.key(self.side);
        let mut properties = Map::new();
        let mut required = Vec::new();
        for GeneSpace { gene, choices } in &self.genes {
            properties.insert(key(gene), one_of(gene, choices));
            required.push(key(gene));
        }
        let lists = self.lists();
        for gene in &lists {
            let items: Vec<_> = self.layers.iter().map(|layer| layer.item(gene)).collect();
            properties.insert(key(gene), json!({"type": "array", "prefixItems": items, "items": false}));
        }
        required.extend(lists.iter().filter(|gene| self.is_always_printed(gene)).map(|gene| key(gene)));
        let lengths = self.of(LAYER_NUM).iter().map(|&layers| {
            let length = json!({"minItems": layers, "maxItems": layers});
            let lengths = lists.iter().map(|gene| (key(gene), length.clone()));
            let given = Map::from_iter([(format!("{}_{LAYER_NUM}", self.side.name()), json!({"const": layers}))]);
            json!({
                "if": {"properties": given},
                "then": {"properties": lengths.collect::<Map<_, _>>()},
            })
        });
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
            "allOf": lengths.collect::<Vec<_>>(),
        })
    }

    /// The genes that have a list with an item for each layer.
    fn lists(&self) -> Vec<&'static Gene> {
        let has_experts = self.layers.iter().any(LayerSpace::has_experts);
        let mut genes = genes::in_order_of_printing(self.side);
        genes.retain(|gene| gene.scope() != Scope::Stack && (has_experts || gene.part != Part::Experts));
        genes
    }

    /// Whether every architecture's JSON has a gene, even where only the first layer is in use.
    fn is_always_printed(&self, gene: &Gene) -> bool {
        match gene.json {
            InJson::Required | InJson::Printed => true,
            InJson::Unless(value) => self.layers.first().is_some_and(|layer| !layer.values(gene).contains(&value)),
            InJson::IfFractional | InJson::OnlyRead => false,
        }
    }
}

impl LayerSpace {
    /// The layer's item in a gene's list.
    fn item(&self, gene: &Gene) -> Value {
        match gene.scope() {
            Scope::Expert if !self.has_experts() => json!({"type": "array", "maxItems": 0}),
            Scope::Expert => json!({
                "type": "array",
                "items": one_of(gene, &self.sizes()),
                "minItems": self.of(N_EXPERTS).iter().min(),
                "maxItems": self.of(N_EXPERTS).iter().max(),
            }),
            _ => one_of(gene, &self.values(gene)),
        }
    }

    /// The values that a gene may have; 0, or for a flag anything, where the layer does not have it.
    fn values(&self, gene: &Gene) -> Vec<usize> {
        match (self.genes.iter().find(|space| space.gene == gene), gene.values) {
            (None, ValueKind::Flag) => vec![0, 1],
            (None, _) => vec![0],
            (Some(space), ValueKind::Routed) => {
                let counts = self.of(N_EXPERTS).iter();
                let mut values: Vec<_> = counts.flat_map(|&count| space.clipped(count)).collect();
                values.sort_unstable();
                values.dedup();
                values
            }
            (Some(space), _) => space.choices.clone(),
        }
    }

    /// The sizes that any expert may have.
    fn sizes(&self) -> Vec<usize> {
        let sizes = if self.is_fractional() { EACH_EXPERT_FFN_DIM } else { FFN_EMBED_DIM };
        let mut sizes = self.of(sizes).to_vec();
        if self.of(STD_VS_DUMMY_EXPERTS).contains(&0) && !sizes.contains(&0) {
            sizes.push(0);
        }
        sizes
    }
}

fn one_of(gene: &Gene, values: &[usize]) -> Value {
    let written = values.iter().map(|&value| gene.values.write(value));
    json!({"enum": written.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed;
    use crate::space::choices::{Choices, SpaceConfig};

    #[test]
    fn lists_are_as_long_as_the_stack_and_hold_each_layers_choices() {
        let config = SpaceConfig::default().with([
            ("decoder_layer_num", Choices::Every(vec![2, 1])),
            ("decoder_n_experts", Choices::PerLayer(vec![vec![1], vec![2, 4]])),
        ]);
        let schema = Space::new(&config, 512).unwrap().schema();
        let decoder = &schema["properties"]["decoder"];
        let counts = &decoder["properties"]["decoder_n_experts"];
        assert_eq!(counts["prefixItems"], json!([{"enum": [1]}, {"enum": [2, 4]}]));
        assert_eq!(decoder["allOf"][1]["if"]["properties"]["decoder_layer_num"]["const"], 1);
        let heads = &decoder["allOf"][1]["then"]["properties"]["decoder_ende_attention_heads"];
        assert_eq!(*heads, json!({"minItems": 1, "maxItems": 1}));
        assert!(schema["properties"]["encoder"]["properties"].get("encoder_arbitrary_ende_attn").is_none());
    }

    /// Each key that an architecture prints is in the schema, each key that it must have is printed.
    #[test]
    fn printed_architectures_have_the_schemas_keys() {
        let space = Space::new(&SpaceConfig::default(), 512).unwrap();
        let schema = space.schema();
        let mut rng = seed::stream(1, "schema", 0);
        for _ in 0..20 {
            let model = space.sample(&mut rng).to_value();
            for side in ["encoder", "decoder"] {
                let schema = &schema["properties"][side];
                let keys = model[side].as_object().unwrap();
                assert!(keys.keys().all(|key| schema["properties"].get(key).is_some()));
                let required = schema["required"].as_array().unwrap();
                assert!(required.iter().all(|key| keys.contains_key(key.as_str().unwrap())));
            }
        }
    }
}
