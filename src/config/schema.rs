//! Settings as JSON Schema: documentation, type, default and range of each key, made from its field.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

/// The schema of `T` (draft 7, which editors read), without references.
pub(super) fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    tidy(schema.ensure_object());
    schema.into()
}

/// `schema` without the defaults of its keys.
pub(super) fn without_defaults(mut schema: Schema) -> Schema {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for key in properties.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        key.remove("default");
    }
    schema
}

/// Takes away what says nothing to readers, and writes lists of names as `enum`.
fn tidy(schema: &mut Map<String, Value>) {
    for noise in ["format", "unevaluatedProperties"] {
        schema.remove(noise);
    }
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.replace('\n', " ");
    }
    if let Some(names) = schema.get("oneOf").and_then(Value::as_array) {
        let names = names.iter().map(|name| name["const"].clone()).collect();
        schema.remove("oneOf");
        schema.insert("type".into(), "string".into());
        schema.insert("enum".into(), names);
    }
    if let Some(items) = schema.get_mut("items").and_then(Value::as_object_mut) {
        tidy(items);
    }
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    properties.values_mut().filter_map(Value::as_object_mut).for_each(tidy);
    // A section's is that of its keys.
    schema.remove("default");
    schema.insert("additionalProperties".into(), false.into());
}
