//! What is compared: architectures that were trained alone, and what a measure says of them.

/// An architecture that was trained alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// FLOPs of a sentence pair, in 10⁹.
    pub gflops: f64,
    /// Decoder layers.
    pub decoder_layers: usize,
    /// Validation loss in bits a token.
    pub loss: f64,
    /// BLEU on the validation set.
    pub bleu: f64,
}

/// What orders architectures without training them.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// For people.
    pub name: String,
    /// A number for each architecture; the lowest is taken for the best.
    pub scores: Vec<f64>,
    /// BLEU of each architecture, where the scores are losses of models.
    pub bleu: Option<Vec<f64>>,
}

impl Measure {
    /// Losses in bits, and BLEU, of the architectures with other weights than their own.
    pub fn of_weights(name: impl Into<String>, losses: Vec<f64>, bleu: Vec<f64>) -> Self {
        Self { name: name.into(), scores: losses, bleu: Some(bleu) }
    }

    /// A size: the largest architecture is taken for the best.
    pub fn of_size(name: impl Into<String>, sizes: impl Iterator<Item = f64>) -> Self {
        Self { name: name.into(), scores: sizes.map(|size| -size).collect(), bleu: None }
    }

    /// The architecture that it takes for the best; the first of several.
    pub(super) fn pick(&self) -> usize {
        let scores = self.scores.iter().enumerate();
        scores.min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(place, _)| place)
    }
}
