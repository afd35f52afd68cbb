//! What depends on routing: a token pays for the experts it is sent to, and experts of one layer may differ in size.
//!
//! A count is split into what every token pays and, for each layer with experts, the price of each expert. From the
//! prices come four figures: the least and the worst that routing can bring, the mean over experts, and the expectation
//! under fractions that were measured.

use crate::error::{Error, Result};
use crate::space::Architecture;
use serde::{Deserialize, Serialize};

/// How often each expert was chosen, by layer: shares or plain counts of tokens, which are normalised here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RoutingFractions {
    /// A list for each encoder layer in use, with an entry for each expert; what a layer without experts has is not read.
    pub encoder: Vec<Vec<f64>>,
    /// The same for the decoder.
    pub decoder: Vec<Vec<f64>>,
}

/// The prices of the experts of one layer.
pub(super) struct PricedExperts {
    side: Side,
    layer: usize,
    top_k: usize,
    prices: Vec<u128>,
}

#[derive(Clone, Copy)]
enum Side {
    Encoder,
    Decoder,
}

/// The layers with experts of `architecture`, dropped sublayers left out; `price` is asked for the width of the stack and
/// the feed-forward size of each expert.
pub(super) fn priced_experts(architecture: &Architecture, price: impl Fn(usize, usize) -> u128) -> Vec<PricedExperts> {
    let mut layers = Vec::new();
    let stacks = [(Side::Encoder, &architecture.encoder), (Side::Decoder, &architecture.decoder)];
    for (side, stack) in stacks {
        for (index, layer) in stack.layers.iter().enumerate() {
            if let Some(experts) = layer.experts.as_ref().filter(|_| layer.keep_ffn) {
                let sizes = experts.ffn_dims.iter();
                layers.push(PricedExperts {
                    side,
                    layer: index,
                    top_k: experts.top_k,
                    prices: sizes.map(|&size| price(stack.embed_dim, size)).collect(),
                });
            }
        }
    }
    layers
}

impl PricedExperts {
    /// The price of all experts together.
    pub fn total(&self) -> u128 {
        self.prices.iter().sum()
    }

    /// A token's price where it is sent to the cheapest experts.
    pub fn least(&self) -> u128 {
        let mut prices = self.prices.clone();
        prices.sort_unstable();
        prices.iter().take(self.top_k).sum()
    }

    /// A token's price where it is sent to the dearest experts.
    pub fn worst(&self) -> u128 {
        let mut prices = self.prices.clone();
        prices.sort_unstable();
        prices.iter().rev().take(self.top_k).sum()
    }

    /// A token's price where all experts are equally likely.
    pub fn mean(&self) -> f64 {
        (self.top_k as u128 * self.total()) as f64 / self.prices.len() as f64
    }

    /// A token's price under measured routing.
    fn expected(&self, fractions: &RoutingFractions) -> Result<f64> {
        let (side, stack) = match self.side {
            Side::Encoder => ("encoder", &fractions.encoder),
            Side::Decoder => ("decoder", &fractions.decoder),
        };
        let fault = |message: String| {
            let layer = self.layer + 1;
            Error::input(format!("routing fractions, {side} layer {layer}: {message}"))
        };
        let shares = stack.get(self.layer).map_or(&[][..], Vec::as_slice);
        if shares.len() != self.prices.len() {
            let (found, experts) = (shares.len(), self.prices.len());
            return Err(fault(format!("{found} entries for {experts} experts")));
        }
        let sum: f64 = shares.iter().sum();
        if shares.iter().any(|&share| share < 0.0) || !sum.is_finite() || sum <= 0.0 {
            return Err(fault("expected shares that are 0 or more, not all 0".into()));
        }
        let priced = shares.iter().zip(&self.prices);
        let weighted: f64 = priced.map(|(&share, &price)| share * price as f64).sum();
        Ok(self.top_k as f64 * weighted / sum)
    }
}

/// The sum of a token's prices over `layers` under measured routing.
pub(super) fn expected(layers: &[PricedExperts], fractions: &RoutingFractions) -> Result<f64> {
    layers.iter().map(|layer| layer.expected(fractions)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn experts(prices: &[u128], top_k: usize) -> PricedExperts {
        PricedExperts { side: Side::Decoder, layer: 1, top_k, prices: prices.to_vec() }
    }

    fn fractions(shares: &[f64]) -> RoutingFractions {
        RoutingFractions { encoder: vec![], decoder: vec![vec![], shares.to_vec()] }
    }

    #[test]
    fn top_two_of_three() {
        let layer = experts(&[30, 10, 20], 2);
        assert_eq!((layer.least(), layer.worst(), layer.total()), (30, 50, 60));
        assert_eq!(layer.mean(), 40.0);
        assert_eq!(layer.expected(&fractions(&[1.0, 1.0, 2.0])).unwrap(), 40.0);
        assert_eq!(layer.expected(&fractions(&[2.0, 0.0, 2.0])).unwrap(), 50.0);
    }

    #[test]
    fn fractions_that_do_not_fit_are_named() {
        let layer = experts(&[30, 10], 1);
        let message = |shares: &[f64]| layer.expected(&fractions(shares)).unwrap_err().to_string();
        assert_eq!(message(&[1.0]), "routing fractions, decoder layer 2: 1 entries for 2 experts");
        for shares in [[0.0, 0.0], [-1.0, 2.0], [f64::NAN, 1.0], [f64::INFINITY, 1.0]] {
            assert!(message(&shares).contains("expected shares"), "{shares:?}");
        }
    }
}
