//! `[baseline]`: the dense Transformer beside the winner.

use super::faults::Faults;
use crate::space::Architecture;
use crate::space::architecture::{MAX_LAYERS, MAX_WIDTH};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[baseline]`: one dense Transformer, all layers alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BaselineConfig {
    /// Width of both stacks; 0: no baseline is trained.
    #[schemars(range(max = MAX_WIDTH))]
    pub embed_dim: usize,
    /// Feed-forward size.
    #[schemars(range(min = 1, max = MAX_WIDTH))]
    pub ffn_embed_dim: usize,
    /// Heads of all attentions.
    #[schemars(range(min = 1))]
    pub heads: usize,
    /// Encoder layers.
    #[schemars(range(min = 1, max = MAX_LAYERS))]
    pub encoder_layers: usize,
    /// Decoder layers.
    #[schemars(range(min = 1, max = MAX_LAYERS))]
    pub decoder_layers: usize,
    /// Features of queries, keys and values; 0: `model.qkv_dim`.
    #[schemars(range(max = MAX_WIDTH))]
    pub qkv_dim: usize,
}

impl Default for BaselineConfig {
    /// Transformer-Base.
    fn default() -> Self {
        Self { embed_dim: 512, ffn_embed_dim: 2_048, heads: 8, encoder_layers: 6, decoder_layers: 6, qkv_dim: 0 }
    }
}

impl BaselineConfig {
    /// The dense Transformer; `None` where no baseline is wanted.
    pub fn architecture(&self) -> Option<Architecture> {
        (self.embed_dim > 0).then(|| {
            Architecture::dense(
                self.embed_dim,
                self.ffn_embed_dim,
                self.heads,
                self.encoder_layers,
                self.decoder_layers,
            )
        })
    }

    /// Whether a key may change between calls on one run: all may, for the baseline is trained anew.
    pub(super) fn may_change(_key: &str) -> bool {
        true
    }

    /// Adds what is out of range; `of_space` is `model.qkv_dim`.
    pub(super) fn check(&self, of_space: usize, faults: &mut Faults) {
        if self.embed_dim == 0 {
            return;
        }
        let before = faults.lines.len();
        faults.ranges("baseline", self);
        let width = self.embed_dim;
        let is_width = width >= 4 && (width.is_multiple_of(2) || width > MAX_WIDTH);
        let message = format!("{width} is neither 0 (no baseline) nor an even number from 4 to {MAX_WIDTH}");
        faults.need(is_width, "baseline.embed_dim", message);
        if faults.lines.len() == before {
            let (key, qkv_dim) = match self.qkv_dim {
                0 => ("model.qkv_dim", of_space),
                own => ("baseline.qkv_dim", own),
            };
            let splits = qkv_dim.is_multiple_of(self.heads);
            let message = format!("{} do not divide {key} = {qkv_dim}", self.heads);
            faults.need(splits, "baseline.heads", message);
        }
    }
}
