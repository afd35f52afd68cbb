//! One step of a layer, and the parameters that it has.

/// Which tokens pass a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// The source's, so many times: cross-attention sees the outputs of several encoder layers.
    Source(usize),
    /// The target's.
    Target,
}

impl Tokens {
    /// How many they are where the source has `source` tokens and the target `target`.
    pub fn count(self, source: usize, target: usize) -> usize {
        match self {
            Self::Source(times) => times * source,
            Self::Target => target,
        }
    }
}

/// The part of its layer that a step belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Self-attention.
    SelfAttention,
    /// Attention over encoder outputs.
    CrossAttention,
    /// The feed-forward sublayer, as far as every token passes it.
    FeedForward,
    /// The choice among the experts.
    Router,
    /// The expert of this index, which only the tokens pass that are sent to it.
    Expert(usize),
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `y = x Wᵀ + b`, W `[outputs, inputs]`.
    Linear {
        /// Features of x.
        inputs: usize,
        /// Features of y.
        outputs: usize,
    },
    /// Scaled dot-product attention of the step's tokens over keys and values.
    Attention {
        /// Heads that split the features.
        heads: usize,
        /// Features of queries, of keys and of values.
        qkv_dim: usize,
        /// The tokens that are attended to.
        keys: Tokens,
    },
    /// Normalisation of each token, scale and shift.
    LayerNorm {
        /// Features of a token.
        width: usize,
    },
    /// The sum of the outputs of the experts a token is sent to, scaled by their probabilities.
    Mixture {
        /// Features of a token.
        width: usize,
        /// Experts that each token is sent to.
        top_k: usize,
    },
}

/// A step that tokens take in a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Whose it is.
    pub owner: Owner,
    /// The name of its module within the layer, an expert's within the expert.
    pub name: &'static str,
    /// Who passes it; of an expert: among whom its tokens are.
    pub tokens: Tokens,
    /// What is done.
    pub operator: Operator,
}

impl Step {
    /// Names within the layer, and shapes, of its parameters.
    pub(super) fn parameters(&self) -> Vec<(String, Vec<usize>)> {
        let module = match self.owner {
            Owner::Expert(expert) => format!("moe.experts.{expert}.{}", self.name),
            _ => self.name.to_owned(),
        };
        let parameters = |weight: Vec<usize>| {
            let bias = vec![weight[0]];
            vec![(format!("{module}.weight"), weight), (format!("{module}.bias"), bias)]
        };
        match self.operator {
            Operator::Linear { inputs, outputs } => parameters(vec![outputs, inputs]),
            Operator::LayerNorm { width } => parameters(vec![width]),
            Operator::Attention { .. } | Operator::Mixture { .. } => Vec::new(),
        }
    }
}
