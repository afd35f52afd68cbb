//! How subnets can share the weights of a SuperNet. What each name stands for is built in `model/weights/rules.rs`.

/// All rules of weight sharing as configs and checkpoints name them, `train.weights`; the first is the default.
pub static WEIGHT_SHARING: [&str; 1] = ["shared"];
