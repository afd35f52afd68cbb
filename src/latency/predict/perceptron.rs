//! HAT's own predictor: a multi-layer perceptron on the averages over the layers, for encoder and decoder together.

use crate::error::{Error, Result};
use crate::latency::data::averages::Averages;
use serde::{Deserialize, Serialize};

/// Predictions are never below this, milliseconds.
const LEAST_MS: f64 = 1e-6;

/// `ms = output_ms · (Wₙ relu(… relu(W₁ (features / feature_scale) + b₁) …) + bₙ)`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Perceptron {
    /// What each feature is divided by: ten numbers, or twelve where the numbers of experts are features too.
    pub feature_scale: Vec<f64>,
    /// Milliseconds that an output of 1 stands for.
    pub output_ms: f64,
    /// The linear maps, first to last.
    pub layers: Vec<DenseLayer>,
}

/// `y = W x + b`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DenseLayer {
    /// Rows of `[output, input]`.
    pub weight: Vec<Vec<f32>>,
    /// `[output]`
    pub bias: Vec<f32>,
}

impl Perceptron {
    /// Encoder and decoder together, milliseconds, always positive.
    pub fn predict(&self, averages: &Averages) -> f64 {
        (self.output_ms * self.output(averages)).max(LEAST_MS)
    }

    /// The prediction in units of `output_ms`.
    pub fn output(&self, averages: &Averages) -> f64 {
        let values = averages.values();
        let mut x: Vec<f64> = values.iter().zip(&self.feature_scale).map(|(value, scale)| value / scale).collect();
        for (index, layer) in self.layers.iter().enumerate() {
            if index > 0 {
                x.iter_mut().for_each(|value| *value = value.max(0.0));
            }
            x = layer.forward(&x);
        }
        x[0]
    }

    /// Refuses what cannot be evaluated.
    ///
    /// # Errors
    /// Layers that do not fit together, features that are not ten or twelve, numbers that are not finite, scales that are
    /// not positive.
    pub fn check(&self) -> Result<()> {
        let features = self.feature_scale.len();
        if features != 10 && features != 12 {
            let message = format!("{features} features; expected HAT's ten, or twelve with the numbers of experts");
            return Err(Error::input(message));
        }
        if !self.feature_scale.iter().chain([&self.output_ms]).all(|scale| scale.is_finite() && *scale > 0.0) {
            return Err(Error::input("a scale that is no positive number"));
        }
        let mut width = features;
        for (index, layer) in self.layers.iter().enumerate() {
            let sound = layer.weight.len() == layer.bias.len() && layer.weight.iter().all(|row| row.len() == width);
            let numbers = || layer.weight.iter().flatten().chain(&layer.bias);
            if !sound || !numbers().all(|number| number.is_finite()) {
                let place = index + 1;
                return Err(Error::input(format!(
                    "linear map {place} does not fit to {width} inputs, or is not finite"
                )));
            }
            width = layer.bias.len();
        }
        match width == 1 && !self.layers.is_empty() {
            true => Ok(()),
            false => Err(Error::input(format!("{width} outputs; expected 1, the latency"))),
        }
    }
}

impl DenseLayer {
    fn forward(&self, x: &[f64]) -> Vec<f64> {
        let dot = |row: &Vec<f32>| row.iter().zip(x).map(|(weight, value)| f64::from(*weight) * value).sum::<f64>();
        self.weight.iter().zip(&self.bias).map(|(row, bias)| dot(row) + f64::from(*bias)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::simulated;
    use crate::space::Architecture;

    #[test]
    fn it_is_evaluated_by_its_formula() {
        let predictor = simulated::perceptron();
        predictor.check().unwrap();
        for (layers, ms) in [(6, 250.0), (2, 50.0)] {
            let averages = Averages::of(&Architecture::dense(512, 1024, 4, 6, layers), None);
            assert!((predictor.predict(&averages) - ms).abs() < 1e-9);
        }
    }

    #[test]
    fn what_cannot_be_evaluated_is_refused() {
        let change = |change: fn(&mut Perceptron)| {
            let mut predictor = simulated::perceptron();
            change(&mut predictor);
            predictor.check().unwrap_err().to_string()
        };
        let message = change(|p| p.feature_scale.truncate(9));
        assert!(message.starts_with("9 features"), "{message}");
        let message = change(|p| p.layers[1].weight[0][0] = f32::NAN);
        assert!(message.starts_with("linear map 2"), "{message}");
        let message = change(|p| p.layers[0].weight[1].truncate(3));
        assert!(message.starts_with("linear map 1"), "{message}");
        let message = change(|p| p.layers.truncate(1));
        assert!(message.starts_with("2 outputs"), "{message}");
        assert!(change(|p| p.output_ms = 0.0).contains("scale"));
    }
}
