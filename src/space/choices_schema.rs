//! `[space]` as JSON Schema.

use super::choices::SpaceConfig;
use super::faults::MAX_CHOICES;
use super::gene::{Gene, N_EXPERTS, Scope};
use super::genes::GENES;
use super::side::Side;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

impl JsonSchema for SpaceConfig {
    fn schema_name() -> Cow<'static, str> {
        "SpaceConfig".into()
    }

    /// A property for each gene of each side, with its documentation and the choices that it has by default.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let keys = GENES
            .iter()
            .flat_map(|gene| Side::BOTH.map(|side| Some((gene.key(side), key(gene, gene.defaults(side)?)))));
        json_schema!({"type": "object", "properties": keys.flatten().collect::<Map<_, _>>()})
    }
}

fn key(gene: &Gene, default: &[i64]) -> Value {
    let may_be_none = gene.name == N_EXPERTS || gene.scope() == Scope::Expert;
    let values = json!({
        "type": "array",
        "items": gene.values.schema(),
        "minItems": usize::from(!may_be_none),
        "maxItems": MAX_CHOICES,
        "uniqueItems": true,
    });
    let mut key = match gene.scope() {
        Scope::Stack => values,
        Scope::Layer | Scope::Expert => json!({"anyOf": [values.clone(), {"type": "array", "items": values}]}),
    };
    key["description"] = gene.documentation.into();
    key["default"] = default.into();
    key
}
