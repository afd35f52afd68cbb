//! What depends on routing: a token pays for the experts it is sent to, and experts of one layer may differ in size.
//!
//! A count gives each step of a plan its price. Of a layer that makes what every token pays and the price of each expert, and
//! from the experts' prices come four figures: the least and the worst that routing can bring, the mean over experts, and
//! the expectation under fractions that were measured.

use crate::error::{Error, Result};
use crate::plan::{LayerPlan, Owner, Plan, Step};
use crate::space::Side;
use serde::{Deserialize, Serialize};

/// How often each expert was chosen, by layer: shares or plain counts of tokens, which are normalised here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RoutingFractions {
    /// A list for each encoder layer in use, with an entry for each expert; what a layer without experts has is not read.
    pub encoder: Vec<Vec<f64>>,
    /// The same for the decoder.
    pub decoder: Vec<Vec<f64>>,
}

/// What a token pays for the layers of an architecture.
pub struct Prices {
    /// Layer by layer, those of the encoder first.
    pub layers: Vec<LayerPrice>,
}

/// What a token pays for one layer.
pub struct LayerPrice {
    /// Encoder or decoder.
    pub side: Side,
    /// Which layer, from 0.
    pub index: usize,
    /// What every token pays.
    pub always: u128,
    /// The price of each expert; none in a layer without experts.
    pub experts: Vec<u128>,
    /// Experts that a token is sent to; 0 in a layer without experts.
    pub top_k: usize,
}

impl Prices {
    /// What the layers of `plan` cost where `price` says what each step does.
    pub fn of(plan: Plan, price: impl Fn(&Step) -> u128) -> Self {
        Self { layers: plan.layers().map(|layer| LayerPrice::of(&layer, &price)).collect() }
    }

    /// What every token pays.
    pub fn always(&self) -> u128 {
        self.layers.iter().map(|layer| layer.always).sum()
    }

    /// All experts together.
    pub fn experts(&self) -> u128 {
        self.layers.iter().map(LayerPrice::all_experts).sum()
    }

    /// A token's experts where it is sent to the cheapest, and where it is sent to the dearest.
    pub fn bounds(&self) -> [u128; 2] {
        let layers = self.layers.iter().map(LayerPrice::bounds);
        layers.fold([0, 0], |[least, worst], [cheapest, dearest]| [least + cheapest, worst + dearest])
    }

    /// A token's experts where all are equally likely.
    pub fn mean(&self) -> f64 {
        self.mixtures().map(LayerPrice::mean).sum()
    }

    /// A token's experts under measured routing.
    ///
    /// # Errors
    /// Fractions that do not fit the architecture.
    pub fn expected(&self, fractions: &RoutingFractions) -> Result<f64> {
        self.mixtures().map(|layer| layer.expected(fractions)).sum()
    }

    fn mixtures(&self) -> impl Iterator<Item = &LayerPrice> {
        self.layers.iter().filter(|layer| !layer.experts.is_empty())
    }
}

impl LayerPrice {
    /// What `layer` costs where `price` says what each step does.
    pub fn of(layer: &LayerPlan, price: &impl Fn(&Step) -> u128) -> Self {
        let (count, top_k) = layer.experts().map_or((0, 0), |experts| (experts.ffn_dims.len(), experts.top_k));
        let (mut always, mut experts) = (0, vec![0; count]);
        layer.walk(|step| match step.owner {
            Owner::Expert(expert) => experts[expert] += price(&step),
            _ => always += price(&step),
        });
        Self { side: layer.side, index: layer.index, always, experts, top_k }
    }

    /// All experts together.
    pub fn all_experts(&self) -> u128 {
        self.experts.iter().sum()
    }

    fn bounds(&self) -> [u128; 2] {
        let mut prices = self.experts.clone();
        prices.sort_unstable();
        let worst = prices.iter().rev().take(self.top_k).sum();
        [prices.iter().take(self.top_k).sum(), worst]
    }

    fn mean(&self) -> f64 {
        (self.top_k as u128 * self.all_experts()) as f64 / self.experts.len() as f64
    }

    fn expected(&self, fractions: &RoutingFractions) -> Result<f64> {
        let stack = match self.side {
            Side::Encoder => &fractions.encoder,
            Side::Decoder => &fractions.decoder,
        };
        let fault = |message: String| {
            let (side, layer) = (self.side.name(), self.index + 1);
            Error::input(format!("routing fractions, {side} layer {layer}: {message}"))
        };
        let shares = stack.get(self.index).map_or(&[][..], Vec::as_slice);
        if shares.len() != self.experts.len() {
            let (found, experts) = (shares.len(), self.experts.len());
            return Err(fault(format!("{found} entries for {experts} experts")));
        }
        let sum: f64 = shares.iter().sum();
        if shares.iter().any(|&share| share < 0.0) || !sum.is_finite() || sum <= 0.0 {
            return Err(fault("expected shares that are 0 or more, not all 0".into()));
        }
        let priced = shares.iter().zip(&self.experts);
        let weighted: f64 = priced.map(|(&share, &price)| share * price as f64).sum();
        Ok(self.top_k as f64 * weighted / sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn experts(prices: &[u128], top_k: usize) -> LayerPrice {
        LayerPrice { side: Side::Decoder, index: 1, always: 0, experts: prices.to_vec(), top_k }
    }

    fn fractions(shares: &[f64]) -> RoutingFractions {
        RoutingFractions { encoder: vec![], decoder: vec![vec![], shares.to_vec()] }
    }

    #[test]
    fn top_two_of_three() {
        let layer = experts(&[30, 10, 20], 2);
        assert_eq!((layer.bounds(), layer.all_experts()), ([30, 50], 60));
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
