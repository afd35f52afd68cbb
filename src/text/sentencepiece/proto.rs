//! The parts of `sentencepiece_model.proto` that segmenting needs. Fields that a file leaves out have the defaults there.

use serde::{Deserialize, Serialize};

/// A `.model` file.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
pub struct ModelProto {
    #[prost(message, repeated, tag = "1")]
    pub pieces: Vec<PieceProto>,
    #[prost(message, optional, tag = "2")]
    pub trainer: Option<TrainerProto>,
    #[prost(message, optional, tag = "3")]
    pub normalizer: Option<NormalizerProto>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
pub struct PieceProto {
    #[prost(string, tag = "1")]
    pub piece: String,
    #[prost(float, tag = "2")]
    pub score: f32,
    /// One of those below; 1, a normal piece, where it is left out.
    #[prost(int32, optional, tag = "3")]
    pub kind: Option<i32>,
}

/// Kinds of pieces.
pub const NORMAL: i32 = 1;
pub const UNKNOWN: i32 = 2;
pub const USER_DEFINED: i32 = 4;
pub const UNUSED: i32 = 5;
pub const BYTE: i32 = 6;

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
pub struct TrainerProto {
    /// 1 unigram (the default), 2 BPE, 3 words, 4 characters.
    #[prost(int32, optional, tag = "3")]
    pub model_type: Option<i32>,
    #[prost(bool, tag = "24")]
    pub treat_whitespace_as_suffix: bool,
    #[prost(bool, tag = "35")]
    pub byte_fallback: bool,
}

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
pub struct NormalizerProto {
    #[prost(bytes = "vec", tag = "2")]
    pub precompiled_charsmap: Vec<u8>,
    /// True where it is left out, as the next two are.
    #[prost(bool, optional, tag = "3")]
    pub add_dummy_prefix: Option<bool>,
    #[prost(bool, optional, tag = "4")]
    pub remove_extra_whitespaces: Option<bool>,
    #[prost(bool, optional, tag = "5")]
    pub escape_whitespaces: Option<bool>,
}
