//! HAT's latency predictors: PyTorch state dicts of a multi-layer perceptron.

use super::NamedTensor;
use super::torch::TorchFile;
use crate::error::{Error, Result};
use crate::latency::{DenseLayer, MeasuredRows, Perceptron};
use std::path::Path;

/// What HAT divides its ten features by.
pub const FEATURE_SCALE: &str = "640,6,2048,6,640,6,2048,6,6,2";
/// The most linear maps that are read.
const MAX_LAYERS: usize = 64;

/// Reads the linear maps, first to last: `first_layer`, `layers.0`, `layers.1`, …, `predict`.
///
/// # Errors
/// A file that cannot be read, or is no state dict of these.
pub fn read(path: &Path) -> Result<Vec<DenseLayer>> {
    let named = |error: Error| error.at(path.display());
    let mut file = TorchFile::open(path)?;
    let tensors = file.state_dict(file.object().root()).map_err(named)?;
    let tensors = file.load(&tensors).map_err(named)?;
    layers(&tensors).map_err(named)
}

fn layers(tensors: &[NamedTensor]) -> Result<Vec<DenseLayer>> {
    let hidden = tensors.iter().filter(|tensor| tensor.name.starts_with("layers.")).count() / 2;
    if hidden > MAX_LAYERS {
        return Err(Error::input(format!("{hidden} hidden layers; a latency predictor has at most {MAX_LAYERS}")));
    }
    let hidden = (0..hidden).map(|index| format!("layers.{index}"));
    let names: Vec<String> =
        ["first_layer".to_owned()].into_iter().chain(hidden).chain(["predict".to_owned()]).collect();
    if tensors.len() != 2 * names.len() {
        let count = tensors.len();
        return Err(Error::input(format!(
            "{count} tensors: not a latency predictor (first_layer, layers.0, …, predict)"
        )));
    }
    names.iter().map(|name| layer(tensors, name)).collect()
}

fn layer(tensors: &[NamedTensor], name: &str) -> Result<DenseLayer> {
    let find = |part: &str| {
        let name = format!("{name}.{part}");
        let found = tensors.iter().find(|tensor| tensor.name == name);
        found.ok_or_else(|| Error::input(format!("not a latency predictor: it lacks {name}")))
    };
    let (weight, bias) = (find("weight")?, find("bias")?);
    match (weight.shape.as_slice(), bias.shape.as_slice()) {
        (&[outputs, inputs], &[biases]) if outputs == biases && inputs > 0 => Ok(DenseLayer {
            weight: weight.data.chunks_exact(inputs).map(<[f32]>::to_vec).collect(),
            bias: bias.data.clone(),
        }),
        (weight, bias) => Err(Error::input(format!("{name}: a weight of {weight:?} with a bias of {bias:?}"))),
    }
}

/// The predictor of `layers`. Without `output_ms`, the milliseconds that an output of 1 stands for are those with which the
/// squared errors on the validation rows of `data` are least.
///
/// # Errors
/// Layers that do not fit together or to the scales; neither `output_ms` nor data that tell it.
pub fn perceptron(
    layers: Vec<DenseLayer>,
    feature_scale: Vec<f64>,
    output_ms: Option<f64>,
    data: Option<&MeasuredRows>,
) -> Result<Perceptron> {
    let mut perceptron = Perceptron { feature_scale, output_ms: output_ms.unwrap_or(1.0), layers };
    perceptron.check()?;
    if output_ms.is_some() {
        return Ok(perceptron);
    }
    let validation = data.map_or(&[][..], MeasuredRows::validation);
    let (mut products, mut squares) = (0.0, 0.0);
    for sample in validation {
        let output = perceptron.output(&sample.averages);
        products += output * sample.total_ms();
        squares += output * output;
    }
    let scale = products / squares;
    if !(scale.is_finite() && scale > 0.0) {
        return Err(Error::input("the data do not tell what an output of 1 stands for; give --output-ms"));
    }
    perceptron.output_ms = scale;
    Ok(perceptron)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, shape: &[usize]) -> NamedTensor {
        let count = shape.iter().product();
        NamedTensor { name: name.into(), shape: shape.to_vec(), data: (0..count).map(|i| i as f32).collect() }
    }

    #[test]
    fn maps_come_in_order() {
        let tensors = [
            tensor("predict.weight", &[1, 3]),
            tensor("predict.bias", &[1]),
            tensor("layers.0.weight", &[3, 2]),
            tensor("layers.0.bias", &[3]),
            tensor("first_layer.weight", &[2, 10]),
            tensor("first_layer.bias", &[2]),
        ];
        let read = layers(&tensors).unwrap();
        assert_eq!(read.iter().map(|layer| layer.bias.len()).collect::<Vec<_>>(), [2, 3, 1]);
        assert_eq!(read[1].weight, [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]);
        assert!(layers(&tensors[..4]).unwrap_err().to_string().starts_with("4 tensors"));
        let other = [&tensors[..4], &[tensor("last.weight", &[2, 10]), tensor("last.bias", &[2])]].concat();
        assert!(layers(&other).unwrap_err().to_string().contains("first_layer.weight"));
    }
}
