//! Label-smoothed cross-entropy, load-balance loss, and one forward–backward step.

use super::kernels::projection;
use super::parameters::Values;
use super::pass::{LayerRouting, Pass};
use super::precision::product;
use super::transformer::Transformer;
use crate::device::{self, ids};
use crate::text::PAD;
use burn::tensor::activation::log_softmax;
use burn::tensor::{FloatDType, Tensor, TensorData};
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

    /// Label-smoothed loss per token, in bits.
    pub fn loss_bits(&self) -> f64 {
        self.loss / self.tokens as f64 / std::f64::consts::LN_2
    }

    /// Negative log-likelihood per token, in bits; perplexity is 2 to its power.
    pub fn nll_bits(&self) -> f64 {
        self.nll / self.tokens as f64 / std::f64::consts::LN_2
    }
}

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

/// One batch of padded ids, row-major.
#[derive(Debug, Clone, Copy)]
pub struct Tokens<'a> {
    /// `[batch, source]`, left-padded.
    pub source: &'a [u32],
    /// `[batch, target]`: the target rotated so that eos comes first.
    pub previous: &'a [u32],
    /// `[batch, target]`
    pub target: &'a [u32],
    /// Sentences.
    pub batch: usize,
}

/// Losses of a batch, without gradients.
pub fn evaluate(model: &Transformer, tokens: Tokens, objective: &Objective) -> (LossSums, Pass) {
    let mut pass = Pass::inference();
    let hidden = model.forward(tokens.source, tokens.previous, tokens.batch, &mut pass);
    let table = model.projection_table();
    let mut sums = if device::is_cpu(&model.device()) {
        projection::forward(hidden, table, tokens.target, objective.label_smoothing)
    } else {
        let losses = plain(hidden, table, tokens.target, objective.label_smoothing, model.products.dtype);
        return (losses.read(load_balance(&pass, objective)), pass);
    };
    sums.objective = sums.loss + load_balance(&pass, objective).map_or(0.0, scalar);
    (sums, pass)
}

/// Losses of a batch and the gradients of the objective's *sum*, on graphics devices times the model's loss scale; `model` holds tracked leaves.
/// A parameter without an entry took part with gradient 0.
pub fn differentiate(
    model: &Transformer,
    tokens: Tokens,
    objective: &Objective,
    mut pass: Pass,
) -> (LossSums, Values, Pass) {
    let (sums, gradients) = if device::is_cpu(&model.device()) {
        differentiate_on_cpu(model, tokens, objective, &mut pass)
    } else {
        let hidden = model.forward(tokens.source, tokens.previous, tokens.batch, &mut pass);
        let table = model.projection_table();
        let losses = plain(hidden, table, tokens.target, objective.label_smoothing, model.products.dtype);
        let balance = load_balance(&pass, objective);
        let differentiable = [Some(losses.loss.clone()), balance.clone()].into_iter().flatten().reduce(|a, b| a + b);
        let differentiable = differentiable.expect("the loss is always there");
        let differentiable = match model.products.loss_scale {
            1.0 => differentiable,
            scale => differentiable * scale,
        };
        let gradients = model.gradients(&mut differentiable.backward());
        // Reading waits for the device: it comes when all is queued.
        (losses.read(balance), gradients)
    };
    (sums, gradients, pass)
}

/// Look-up and projection stand outside autodiff here: their gradients go straight into one table, which autodiff would
/// fill and add up several times.
fn differentiate_on_cpu(
    model: &Transformer,
    tokens: Tokens,
    objective: &Objective,
    pass: &mut Pass,
) -> (LossSums, Values) {
    let tables = model.tables().map(Tensor::inner);
    let embedded = model.embed(tables, tokens.source, tokens.previous, tokens.batch);
    let embedded = embedded.map(|x| Tensor::from_inner(x).require_grad());
    let hidden = model.forward_embedded(embedded.clone(), tokens.source, tokens.batch, pass);
    let table = model.projection_table().inner();
    let step = projection::forward_backward(hidden.clone().inner(), table, tokens.target, objective.label_smoothing);
    // A sum whose gradient with respect to `hidden` is the one computed above.
    let carrier = (hidden * step.hidden_gradient).sum();
    let (differentiable, balance) = match load_balance(pass, objective) {
        Some(balance) => (carrier + balance.clone(), scalar(balance)),
        None => (carrier, 0.0),
    };
    let mut found = differentiable.backward();
    let mut gradients = model.gradients(&mut found);
    let of_embedded = embedded.map(|x| x.grad_remove(&mut found));
    model.add_table_gradients(&mut gradients, step.table_gradient, of_embedded, [tokens.source, tokens.previous]);
    (LossSums { objective: step.sums.loss + balance, ..step.sums }, gradients)
}

/// Losses that were not read to the host yet.
pub struct Losses {
    /// The label-smoothed loss, differentiable: `[1]`.
    pub loss: Tensor<1>,
    /// Negative log-likelihood, `[1]`.
    nll: Tensor<1>,
    tokens: usize,
}

impl Losses {
    /// The sums; `balance` is the load-balance loss. Waits for the device, once.
    pub fn read(self, balance: Option<Tensor<1>>) -> LossSums {
        let parts = [Some(self.loss), Some(self.nll), balance].into_iter().flatten().map(Tensor::inner);
        let values: Vec<f64> = device::to_host(Tensor::cat(parts.collect(), 0)).into_iter().map(f64::from).collect();
        let balance = values.get(2).unwrap_or(&0.0);
        LossSums { loss: values[0], nll: values[1], objective: values[0] + balance, tokens: self.tokens }
    }
}

/// The plain composition of differentiable operators; the projection is in `dtype`.
///
/// # Shapes
/// - hidden: `[batch · target, embed]`
/// - table: `[vocab, embed]`
/// - target: `[batch · target]` ids
pub fn plain(hidden: Tensor<2>, table: Tensor<2>, target: &[u32], smoothing: f64, dtype: FloatDType) -> Losses {
    let device = hidden.device().inner();
    let [vocab, _] = table.dims();
    let log_probabilities = log_softmax(product(hidden, table.transpose(), dtype), 1); // [rows, vocab]
    let real: Vec<f32> = target.iter().map(|&t| f32::from(u8::from(t != PAD))).collect();
    let real = Tensor::<2>::from_data(TensorData::new(real, [target.len(), 1]), &device);
    let chosen = ids(target, &device).unsqueeze_dim::<2>(1);
    let nll = (log_probabilities.clone().gather(1, chosen) * real.clone()).sum().neg();
    let all = (log_probabilities.sum_dim(1) * real).sum().neg();
    let loss = nll.clone() * (1.0 - smoothing) + all * (smoothing / vocab as f64);
    Losses { loss, nll, tokens: target.iter().filter(|&&t| t != PAD).count() }
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
    let padded = |layer: &LayerRouting| {
        let counts = layer.counts.clone().float();
        match experts - counts.dims()[0] {
            0 => counts,
            missing => Tensor::cat(vec![counts.clone(), Tensor::zeros([missing], &counts.device())], 0),
        }
    };
    let counts = routing.iter().map(padded).reduce(|a, b| a + b).expect("a stack with routing has a layer");
    let routed = routing.iter().map(|layer| layer.experts.dims()[0]).sum::<usize>() as f64;
    let weights = counts * ((experts * experts) as f64 / (routed * routed));
    let terms = routing.iter().map(|layer| {
        let n = layer.counts.dims()[0];
        let weights = if n == experts { weights.clone() } else { weights.clone().narrow(0, 0, n) };
        (layer.probability_sums.clone() * weights).sum()
    });
    terms.reduce(|a, b| a + b).expect("a stack with routing has a layer")
}

fn scalar(value: Tensor<1>) -> f64 {
    f64::from(device::to_host(value.inner())[0])
}
