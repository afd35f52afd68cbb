//! Foreign checkpoints: PyTorch and fairseq files, safetensors, and the reference's parameter names.
//!
//! [`foreign::load`] reads any of them and gives a [`foreign::ForeignModel`]. Nothing here knows the model's code: all
//! weights travel as [`NamedTensor`]s, and [`names`] translates between the reference's names and ours. Files of others are
//! read as data and never run; what they may make us allocate is bounded by their own size.

mod cross_attention;
pub mod fairseq;
mod fairseq_args;
mod fairseq_names;
mod fairseq_settings;
pub mod foreign;
pub mod hat;
pub mod latency_predictor;
pub mod names;
pub mod pickle;
pub mod safetensors;
pub mod shape;
pub mod torch;

pub use crate::run::checkpoint::NamedTensor;
