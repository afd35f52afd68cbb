//! Sums of losses over target tokens.

use serde::{Deserialize, Serialize};

/// Loss sums over the target tokens of a batch, in nats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LossSums {
    /// Label-smoothed cross-entropy: Σ (1-ε)·nll + (ε/V)·Σ_v -log p_v.
    pub loss: f64,
    /// Negative log-likelihood.
    pub nll: f64,
    /// What is differentiated: `loss` plus the load-balance losses.
    pub objective: f64,
    /// Target tokens that are not padding.
    pub tokens: usize,
}

impl LossSums {
    /// Adds another batch.
    pub fn add(&mut self, other: &Self) {
        self.loss += other.loss;
        self.nll += other.nll;
        self.objective += other.objective;
        self.tokens += other.tokens;
    }

    /// All of it, to be sent to another process.
    pub fn to_bytes(&self) -> [u8; 32] {
        let floats = [self.loss, self.nll, self.objective].map(f64::to_le_bytes);
        let numbers = [floats[0], floats[1], floats[2], (self.tokens as u64).to_le_bytes()];
        std::array::from_fn(|place| numbers[place / 8][place % 8])
    }

    /// The inverse of [`Self::to_bytes`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let numbers: [[u8; 8]; 4] =
            std::array::from_fn(|number| std::array::from_fn(|place| bytes[number * 8 + place]));
        let [loss, nll, objective, tokens] = numbers;
        let [loss, nll, objective] = [loss, nll, objective].map(f64::from_le_bytes);
        Self { loss, nll, objective, tokens: u64::from_le_bytes(tokens) as usize }
    }

    /// Label-smoothed loss per token, in bits.
    pub fn loss_bits(&self) -> f64 {
        self.loss / self.tokens as f64 / std::f64::consts::LN_2
    }

    /// Negative log-likelihood per token, in bits; perplexity is 2 to its power.
    pub fn nll_bits(&self) -> f64 {
        self.nll / self.tokens as f64 / std::f64::consts::LN_2
    }
}
