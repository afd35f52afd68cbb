//! Label-smoothed cross-entropy, load-balance loss, and one forward–backward step.

use super::pass::{LayerRouting, Pass};
use super::precision::Products;
use super::transformer::Transformer;
use super::weights::Values;
use crate::kernels::operators::rounded;
use crate::kernels::{LossSums, SoftTargets, Targets, losses};
use burn::tensor::Tensor;

/// The objective's settings.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Objective {
    /// ε.
    pub label_smoothing: f64,
    /// Coefficient of the encoder's load-balance loss.
    pub encoder_load_balance: f64,
    /// Coefficient of the decoder's load-balance loss.
    pub decoder_load_balance: f64,
}

/// A batch of sentences and their translations, as padded ids, row-major.
#[derive(Debug, Clone, Copy)]
pub struct Sentences<'a> {
    /// `[batch, source]`, left-padded.
    pub source: &'a [u32],
    /// `[batch, target]`: the target rotated so that eos comes first.
    pub previous: &'a [u32],
    /// `[batch, target]`
    pub target: &'a [u32],
    /// Sentences.
    pub batch: usize,
}

/// What a forward–backward step found.
pub struct Differentiated {
    /// The losses.
    pub sums: LossSums,
    /// The gradients of the objective's *sum*, times the model's loss scale, by name, as the device holds weights. A parameter
    /// without an entry took part with gradient 0.
    pub gradients: Values,
    /// Decoder outputs before the projection, without autodiff: `[batch · target, embed]`.
    pub hidden: Tensor<2>,
    /// Tokens sent to each expert of each layer of `pass`, those of the encoder first.
    pub routed: Vec<Vec<u64>>,
    /// The pass.
    pub pass: Pass,
}

impl Differentiated {
    /// `hidden` with the model's table: what another model is to predict for a share of its loss.
    pub fn soft_targets(&self, model: &Transformer, share: f64) -> SoftTargets {
        let table = rounded(model.projection_table().inner(), model.products.dtype);
        SoftTargets { hidden: self.hidden.clone(), table, share }
    }
}

/// Losses of a batch, without gradients.
pub fn evaluate(model: &Transformer, sentences: Sentences, objective: &Objective) -> (LossSums, Pass) {
    let mut pass = Pass::inference();
    let hidden = model.forward(sentences.source, sentences.previous, sentences.batch, &mut pass);
    let (table, dtype) = (model.projection_table(), model.products.dtype);
    let targets = Targets::hard(sentences.target, objective.label_smoothing);
    let balance = load_balance(&pass, objective);
    (losses::evaluate(hidden, table, targets, dtype, balance), pass)
}

/// Losses of a batch and their gradients; `model` holds tracked leaves. `soft` are what another model predicts for the batch.
/// Look-up and projection stand outside autodiff, see [`losses`].
pub fn differentiate(
    model: &Transformer,
    sentences: Sentences,
    objective: &Objective,
    soft: Option<&SoftTargets>,
    mut pass: Pass,
) -> Differentiated {
    let targets = Targets { soft, ..Targets::hard(sentences.target, objective.label_smoothing) };
    let Products { dtype, loss_scale, .. } = model.products;
    let tables = model.tables().map(Tensor::inner);
    let embedded = model.embed(tables, sentences.source, sentences.previous, sentences.batch);
    let embedded = embedded.map(|x| Tensor::from_inner(x).require_grad());
    let read = [sentences.source, sentences.previous];
    let hidden = model.forward_embedded(embedded.clone(), read, sentences.batch, &mut pass);
    let table = model.projection_table().inner();
    let found = losses::differentiate(hidden.clone().inner(), table, targets, dtype, loss_scale);
    // A sum whose gradient with respect to `hidden` is the one computed above.
    let carrier = (hidden.clone() * found.hidden_gradient).sum();
    let balance = load_balance(&pass, objective);
    let scaled = balance.clone().map(|balance| if loss_scale == 1.0 { balance } else { balance * loss_scale });
    let mut of_all = scaled.into_iter().fold(carrier, |sum, balance| sum + balance).backward();
    let mut gradients = model.gradients(&mut of_all);
    let of_embedded = embedded.map(|x| x.grad_remove(&mut of_all));
    model.add_table_gradients(&mut gradients, found.table_gradient, of_embedded, read);
    let layers: Vec<&LayerRouting> = pass.encoder_routing.iter().chain(&pass.decoder_routing).collect();
    let counts = layers.iter().map(|layer| layer.counts.clone()).collect();
    // Reading waits for the device: it comes when all is queued.
    let (sums, counts) = found.losses.read_with(balance, counts);
    let mut counts = counts.into_iter().map(|count| count as u64);
    let routed = layers.iter().map(|layer| counts.by_ref().take(layer.counts.dims()[0]).collect()).collect();
    Differentiated { sums, gradients, hidden: hidden.inner(), routed, pass }
}

/// The load-balance losses of both stacks with their coefficients; `None` where they are off.
fn load_balance(pass: &Pass, objective: &Objective) -> Option<Tensor<1>> {
    let stacks = [
        (objective.encoder_load_balance, &pass.encoder_routing),
        (objective.decoder_load_balance, &pass.decoder_routing),
    ];
    let terms = stacks.into_iter().filter(|(coefficient, routing)| *coefficient != 0.0 && !routing.is_empty());
    terms.map(|(coefficient, routing)| stack_load_balance(routing) * coefficient).reduce(|a, b| a + b)
}

/// n² Σ c_i P_i over one stack: c_i the tokens routed to expert i and P_i the sum of its probabilities, over all layers and
/// both divided by the tokens routed in all; n the largest number of experts. c is constant for the gradient.
pub fn stack_load_balance(routing: &[LayerRouting]) -> Tensor<1> {
    let experts = routing.iter().map(|layer| layer.counts.dims()[0]).max().unwrap_or(0);
    let padded = |numbers: Tensor<1>| match experts - numbers.dims()[0] {
        0 => numbers,
        missing => Tensor::cat(vec![numbers.clone(), Tensor::zeros([missing], &numbers.device())], 0),
    };
    let sum = |of: fn(&LayerRouting) -> &Tensor<1>| {
        let sum = routing.iter().map(|layer| padded(of(layer).clone())).reduce(|a, b| a + b);
        sum.expect("a stack with routing has a layer")
    };
    let routed = routing.iter().map(|layer| layer.experts.dims()[0]).sum::<usize>() as f64;
    let weights = sum(|layer| &layer.counts) * ((experts * experts) as f64 / (routed * routed));
    (sum(|layer| &layer.probability_sums) * weights).sum()
}
