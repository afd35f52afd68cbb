//! How subnets can share the weights of a SuperNet. What each name stands for is built in `model/weights/rules.rs`.

/// Leading slices of the SuperNet's weights.
pub const SHARED: &str = "shared";
/// Of feed-forward weights, a mixture of several copies.
pub const MIXTURE: &str = "mixture";

/// All rules of weight sharing as configs and checkpoints name them, `train.weights`; the first is the default.
pub static WEIGHT_SHARING: [&str; 2] = [SHARED, MIXTURE];

/// The most copies that [`MIXTURE`] mixes.
pub const MAX_COPIES: usize = 16;
/// The most corrections of a linear map of an adapted SuperNet.
pub const MAX_CORRECTIONS: usize = 64;
/// Their highest rank.
pub const MAX_RANK: usize = 256;
