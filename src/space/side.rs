//! Encoder and decoder.

/// One of a model's two stacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The stack that reads the source.
    Encoder,
    /// The stack that writes the target, and attends to the encoder.
    Decoder,
}

impl Side {
    /// Both, in the order in which they are drawn, checked and printed.
    pub const BOTH: [Self; 2] = [Self::Encoder, Self::Decoder];

    /// `"encoder"` or `"decoder"`: its key in the JSON form, the prefix of its genes, and of its parameters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Encoder => "encoder",
            Self::Decoder => "decoder",
        }
    }
}
