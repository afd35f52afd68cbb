//! Updates whose scaled gradients overflow.

use super::{architecture, batch, config, experts};
use automoe::config::{Precision, Tables, TrainConfig};
use automoe::model::weights::leading_slice::LeadingSlice;
use automoe::model::{Supernet, Value};
use automoe::train::{LossScale, Trainer};
use burn::tensor::Device;
use std::sync::Arc;

/// Bits of all weights.
fn bits(supernet: &Supernet) -> Vec<u32> {
    supernet.values.values().flat_map(Value::to_vec).map(f32::to_bits).collect()
}

#[test]
fn an_update_that_overflows_changes_nothing_but_the_scale() {
    let config = config(architecture(8, 8, experts(&[12, 12], 1)), Tables::Shared);
    let own = [config.architecture.clone()];
    let mut trainer =
        Trainer::new(Supernet::init(config, Arc::new(LeadingSlice), 1, &Device::flex()), &TrainConfig::default(), 1);
    trainer.loss_scale = LossScale::start(Precision::Float16);
    let name = "decoder.layers.0.self_attn.in_proj.bias";
    let good = trainer.supernet.values[name].clone();
    let infinite = vec![f32::INFINITY; good.shape()[0]];
    trainer.supernet.values.insert(name.into(), Value::from_vec(infinite, &good.shape(), &Device::flex()));
    let before = bits(&trainer.supernet);
    assert!(trainer.update(&own, &[batch()], 0).unwrap().skipped);
    assert_eq!(bits(&trainer.supernet), before);
    assert!(trainer.adam.moments.is_empty());
    assert_eq!(trainer.loss_scale, Some(LossScale { scale: 64.0, good: 0 }));
    let failure = (0..40).find_map(|_| trainer.update(&own, &[batch()], 0).err()).unwrap();
    assert_eq!(failure.exit_code(), 1);
    assert!(failure.to_string().contains("bfloat16"), "{failure}");

    trainer.supernet.values.insert(name.into(), good);
    assert!(!trainer.update(&own, &[batch()], 0).unwrap().skipped);
    assert!(bits(&trainer.supernet) != before && !trainer.adam.moments.is_empty());
}
