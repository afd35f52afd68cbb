//! The kinds of values that genes have: what is allowed, and how it is written.
//!
//! Architectures hold plain counts and sizes. In `[space]` and in JSON a value stands as a number that is the same but for
//! [`ValueKind::Attended`].

use super::architecture::{MAX_ATTENDED_LAYERS, MAX_EXPERTS, MAX_LAYERS, MAX_WIDTH};
use serde_json::{Value, json};

/// What a gene's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueKind {
    /// Widths of a stack. Sinusoidal positions come in pairs and divide by `width / 2 - 1`.
    Width,
    /// Numbers of layers.
    Layers,
    /// Whole numbers between two, both included.
    Between(usize, usize),
    /// Heads of an attention; they split `qkv_dim`.
    Heads,
    /// Numbers of experts in a layer; 0 is a dense layer.
    Experts,
    /// Numbers of experts that a token is sent to; more than the layer has mean all that it has.
    Routed,
    /// Yes (1) or no (0).
    Flag,
    /// Numbers of encoder layers attended to, 1, 2 and 3, written -1, 1 and 2.
    Attended,
}

impl ValueKind {
    /// What keeps a number that `[space]` gives from being a choice.
    pub fn choice_fault(self, choice: i64, qkv_dim: usize) -> Option<String> {
        let range = |least, most| outside(choice.into(), least, most);
        match self {
            Self::Width => width_fault(choice.into()),
            Self::Layers => range(1, MAX_LAYERS),
            Self::Between(least, most) => range(least, most),
            Self::Heads => {
                let splits = usize::try_from(choice).is_ok_and(|heads| heads > 0 && qkv_dim.is_multiple_of(heads));
                (!splits).then(|| format!("{choice} heads do not divide qkv_dim = {qkv_dim}"))
            }
            Self::Experts => range(0, MAX_EXPERTS),
            Self::Routed => range(1, MAX_EXPERTS),
            Self::Flag => range(0, 1),
            Self::Attended => (![-1, 1, 2].contains(&choice)).then(|| format!("{choice} is not -1, 1 or 2")),
        }
    }

    /// A JSON Schema of one choice. That heads split `qkv_dim` it cannot say.
    pub fn schema(self) -> Value {
        let range = |least: usize, most: usize| json!({"type": "integer", "minimum": least, "maximum": most});
        match self {
            Self::Width => json!({"type": "integer", "minimum": 4, "maximum": MAX_WIDTH, "multipleOf": 2}),
            Self::Layers => range(1, MAX_LAYERS),
            Self::Between(least, most) => range(least, most),
            Self::Heads => range(1, MAX_WIDTH),
            Self::Experts => range(0, MAX_EXPERTS),
            Self::Routed => range(1, MAX_EXPERTS),
            Self::Flag => json!({"enum": [0, 1]}),
            Self::Attended => json!({"enum": [-1, 1, 2]}),
        }
    }

    /// What keeps a value from being built, in a layer with `experts`. Whether heads split `qkv_dim` is not looked at.
    pub fn fault(self, value: usize, experts: usize) -> Option<String> {
        let range = |least, most| outside(value as i128, least, most);
        match self {
            Self::Width => width_fault(value as i128),
            Self::Layers => range(1, MAX_LAYERS),
            Self::Between(least, most) => range(least, most),
            Self::Heads => range(1, MAX_WIDTH),
            Self::Experts => range(1, MAX_EXPERTS),
            Self::Routed => range(1, experts),
            Self::Flag => range(0, 1),
            Self::Attended => range(1, MAX_ATTENDED_LAYERS).map(|fault| format!("{fault} encoder layers attended to")),
        }
    }

    /// The value that a layer with `experts` has where this one is chosen.
    pub fn clipped(self, value: usize, experts: usize) -> usize {
        match self {
            Self::Routed => value.min(experts),
            _ => value,
        }
    }

    /// The value as it is written.
    pub fn write(self, value: usize) -> i64 {
        match self {
            Self::Attended if value < 2 => -1,
            Self::Attended => value as i64 - 1,
            _ => value as i64,
        }
    }

    /// The value that `written`, a choice without a fault, stands for.
    pub fn read(self, written: i64) -> usize {
        match (self, usize::try_from(written)) {
            (Self::Attended, written) => written.map_or(1, |more| more + 1),
            (_, written) => written.unwrap_or(0),
        }
    }

    /// The value in an architecture's JSON.
    ///
    /// # Errors
    /// What was expected and found. Only numbers that need memory are bounded here; [`Self::fault`] names the others.
    pub fn read_json(self, value: &Value) -> Result<usize, String> {
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        match (self, number) {
            (Self::Attended, _) => {
                let written = value.as_i64().filter(|written| [-1, 1, 2].contains(written));
                written.map(|written| self.read(written)).ok_or_else(|| format!("expected -1, 1 or 2, found {value}"))
            }
            (Self::Flag, number) => {
                number.filter(|&flag| flag < 2).ok_or_else(|| format!("expected 0 or 1, found {value}"))
            }
            (Self::Layers, Some(layers)) => self.fault(layers, 0).map_or(Ok(layers), Err),
            (Self::Experts, Some(count)) if count > MAX_EXPERTS => {
                Err(format!("{count} experts are more than {MAX_EXPERTS}"))
            }
            (_, number) => number.ok_or_else(|| format!("expected a whole number, 0 or more, found {value}")),
        }
    }
}

fn width_fault(width: i128) -> Option<String> {
    let is_width = (4..=MAX_WIDTH as i128).contains(&width) && width % 2 == 0;
    (!is_width).then(|| format!("{width} is not an even number between 4 and {MAX_WIDTH}"))
}

fn outside(value: i128, least: usize, most: usize) -> Option<String> {
    let is_inside = (least as i128..=most as i128).contains(&value);
    (!is_inside).then(|| format!("{value} is not between {least} and {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attended_layers_are_written_as_the_reference_does() {
        let seen = [1, 2, 3];
        assert_eq!(seen.map(|layers| ValueKind::Attended.write(layers)), [-1, 1, 2]);
        assert_eq!([-1, 1, 2].map(|written| ValueKind::Attended.read(written)), seen);
        assert_eq!([-1, 1, 2].map(|written| ValueKind::Attended.read_json(&json!(written)).unwrap()), seen);
    }

    #[test]
    fn negative_numbers_are_no_sizes() {
        for values in
            [ValueKind::Width, ValueKind::Between(0, 1), ValueKind::Heads, ValueKind::Experts, ValueKind::Flag]
        {
            assert!(values.choice_fault(-1, 512).is_some(), "{values:?}");
        }
    }
}
