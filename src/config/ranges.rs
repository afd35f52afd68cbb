//! Ranges of values, as the schema of a key has them.

use serde_json::{Number, Value};

/// The range in words that follow "is": `between 1 and 10`, `0 or more`; `None` where everything of the type is allowed.
pub(super) fn in_words(schema: &Value) -> Option<String> {
    let bound = |name: &str| schema.get(name);
    let words = match (bound("minimum"), bound("maximum"), bound("exclusiveMinimum"), bound("exclusiveMaximum")) {
        (Some(least), Some(most), ..) => format!("between {least} and {most}"),
        (Some(least), _, _, Some(end)) => format!("{least} or more and less than {end}"),
        (Some(least), ..) => format!("{least} or more"),
        (_, Some(most), ..) => format!("{most} or less"),
        (_, _, Some(start), _) => format!("more than {start}"),
        _ => return None,
    };
    Some(match bound("multipleOf") {
        Some(divisor) => format!("a multiple of {divisor} {words}"),
        None => words,
    })
}

/// What is wrong with the numbers in `value`, each by itself.
pub(super) fn faults(schema: &Value, value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(|value| faults(&schema["items"], value)).collect(),
        // JSON has no other numbers.
        Value::Null => vec!["expected a number that is neither infinite nor NaN".into()],
        Value::Number(number) if !holds(schema, number) => {
            let number =
                number.as_u64().map_or_else(|| number.as_f64().unwrap_or(f64::NAN).to_string(), |n| n.to_string());
            vec![format!("{number} is not {}", in_words(schema).unwrap_or_default())]
        }
        _ => Vec::new(),
    }
}

fn holds(schema: &Value, number: &Number) -> bool {
    let number = number.as_f64().unwrap_or(f64::NAN);
    let holds = |name: &str, holds: fn(f64, f64) -> bool| {
        schema.get(name).and_then(Value::as_f64).is_none_or(|bound| holds(number, bound))
    };
    holds("minimum", |number, least| number >= least)
        && holds("maximum", |number, most| number <= most)
        && holds("exclusiveMinimum", |number, start| number > start)
        && holds("exclusiveMaximum", |number, end| number < end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_held_against_each_kind_of_bound() {
        for (schema, wrong, right, message) in [
            (json!({"minimum": 1, "maximum": 10}), json!(11), json!(10), "11 is not between 1 and 10"),
            (json!({"minimum": 0}), json!(-0.5), json!(0), "-0.5 is not 0 or more"),
            (json!({"maximum": 3}), json!(4), json!(3), "4 is not 3 or less"),
            (json!({"exclusiveMinimum": 0}), json!(0.0), json!(1e-300), "0 is not more than 0"),
            (
                json!({"minimum": 0, "exclusiveMaximum": 1}),
                json!(1.0),
                json!(0.5),
                "1 is not 0 or more and less than 1",
            ),
            (json!({"items": {"minimum": 1}}), json!([1, 0, 2]), json!([1, 2]), "0 is not 1 or more"),
            (json!({}), json!(f64::INFINITY), json!(u64::MAX), "expected a number that is neither infinite nor NaN"),
        ] {
            assert_eq!(faults(&schema, &wrong), [message]);
            assert_eq!(faults(&schema, &right), [""; 0]);
        }
    }
}
