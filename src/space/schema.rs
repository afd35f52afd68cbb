//! A JSON Schema for the architectures of a space.

use super::layers::{CrossSpace, ExpertSpace, LayerSpace, StackSpace};
use super::space::Space;
use super::values::Values;
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

/// A gene's list in the schema: what each layer's item may be.
struct ListSchema {
    name: String,
    items: Vec<Value>,
    required: bool,
}

impl StackSpace {
    fn schema(&self) -> Value {
        let lists = self.lists();
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (gene, choices) in [("embed_dim", &self.embed_dim), ("layer_num", &self.layer_num)] {
            let name = format!("{}_{gene}", self.side);
            properties.insert(name.clone(), one_of(choices));
            required.push(name);
        }
        for list in &lists {
            let schema = json!({"type": "array", "prefixItems": list.items, "items": false});
            properties.insert(list.name.clone(), schema);
        }
        let names = lists.iter().filter(|list| list.required);
        required.extend(names.map(|list| list.name.clone()));
        let lengths = self.layer_num.iter().map(|&layers| {
            let length = json!({"minItems": layers, "maxItems": layers});
            let lengths = lists.iter().map(|list| (list.name.clone(), length.clone()));
            let given = Map::from_iter([(self.layer_num_key(), json!({"const": layers}))]);
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

    fn lists(&self) -> Vec<ListSchema> {
        let list = |gene: &str, required: bool, item: &dyn Fn(&LayerSpace) -> Value| ListSchema {
            name: format!("{}_{gene}", self.side),
            items: self.layers.iter().map(item).collect(),
            required,
        };
        let mut lists = vec![
            list("ffn_embed_dim", true, &|l| one_of(&l.ffn_embed_dim)),
            list("self_attention_heads", true, &|l| one_of(&l.self_attention_heads)),
        ];
        if self.layers.iter().any(|layer| layer.experts.is_some()) {
            // A dense layer beside layers with experts has none, and an empty list of sizes.
            let of = |l: &LayerSpace, item: &dyn Fn(&ExpertSpace) -> Value, dense: Value| {
                l.experts.as_ref().map_or(dense, item)
            };
            let none = || one_of(&[0]);
            // Stacks whose first layers are dense print no experts where only those are in use.
            let always = self.layers.first().is_some_and(|layer| layer.experts.is_some());
            lists.extend([
                list("n_experts", always, &|l| of(l, &|e| one_of(&e.count), none())),
                list("num_experts_to_route", always, &|l| of(l, &route, none())),
                list("each_expert_ffn_dim", false, &|l| {
                    of(l, &|e| sizes(e, &l.ffn_embed_dim), json!({"type": "array", "maxItems": 0}))
                }),
                list("std_vs_dummy_experts", false, &|l| of(l, &|e| one_of(&e.first_is_network), one_of(&[0, 1]))),
            ]);
        }
        if self.layers.iter().any(|layer| layer.cross.is_some()) {
            let of = |l: &LayerSpace, item: &dyn Fn(&CrossSpace) -> Value| l.cross.as_ref().map_or(json!(false), item);
            lists.extend([
                list("ende_attention_heads", true, &|l| of(l, &|c| one_of(&c.heads))),
                list("arbitrary_ende_attn", true, &|l| of(l, &seen)),
            ]);
        }
        // What is always dropped in the first layer has to be said.
        let said =
            |of: fn(&LayerSpace) -> &Vec<usize>| self.layers.first().is_some_and(|layer| !of(layer).contains(&1));
        let (mha, ffn) = (said(|l| &l.keep_attention), said(|l| &l.keep_ffn));
        lists.extend([
            list("drop_mha_sublayer", mha, &|l| one_of(&l.keep_attention)),
            list("drop_ffn_sublayer", ffn, &|l| one_of(&l.keep_ffn)),
        ]);
        lists
    }

    fn layer_num_key(&self) -> String {
        format!("{}_layer_num", self.side)
    }
}

fn one_of(choices: &[usize]) -> Value {
    json!({"enum": choices})
}

fn seen(cross: &CrossSpace) -> Value {
    let genes = cross.encoder_layers.iter().map(|&layers| Values::Attended.write(layers));
    json!({"enum": genes.collect::<Vec<_>>()})
}

fn route(experts: &ExpertSpace) -> Value {
    let mut values: Vec<_> = experts.count.iter().flat_map(|&count| experts.top_k_of(count)).collect();
    values.sort_unstable();
    values.dedup();
    one_of(&values)
}

/// One layer's list of expert sizes.
fn sizes(experts: &ExpertSpace, ffn_embed_dim: &[usize]) -> Value {
    let mut values = experts.sizes.clone().unwrap_or_else(|| ffn_embed_dim.to_vec());
    if experts.first_is_network.contains(&0) && !values.contains(&0) {
        values.push(0);
    }
    json!({
        "type": "array",
        "items": one_of(&values),
        "minItems": experts.count.iter().min(),
        "maxItems": experts.count.iter().max(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed;
    use crate::space::{Choices, SpaceConfig};

    #[test]
    fn lists_are_as_long_as_the_stack_and_hold_each_layers_choices() {
        let config = SpaceConfig {
            decoder_layer_num: vec![2, 1],
            decoder_n_experts: Choices::PerLayer(vec![vec![1], vec![2, 4]]),
            ..SpaceConfig::default()
        };
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
