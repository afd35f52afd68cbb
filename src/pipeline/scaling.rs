//! `automoe train --dry-run --ranks N`: what an update of the SuperNet takes by several processes, by a model of two numbers: how fast
//! each computes, and how fast its link is.

use super::beforehand::dealing_fault;
use super::workspace::transformer_config;
use crate::config::Config;
use crate::cost::training_flops;
use crate::error::{Result, refuse};
use crate::model::weights::elements;
use crate::model::weights::rules::of_config;
use crate::model::{Supernet, TransformerConfig};
use crate::space::Architecture;
use crate::text::Batch;
use crate::train::{Sampler, Trainer};
use burn::tensor::Device;
use serde::Serialize;
use std::time::Instant;

/// Updates whose architectures the figures are means over.
const UPDATES: usize = 32;
/// Sentence pairs that the speed is measured with.
const SENTENCES: usize = 8;
/// Ranks pay as long as twice as many take no more than this of an update's time; at best half of it.
const PAYS: f64 = 0.75;

/// What an update takes by so many ranks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Update {
    /// Processes.
    pub ranks: usize,
    /// Forward and backward passes.
    pub compute_seconds: f64,
    /// Sums of gradients over the link.
    pub reduce_seconds: f64,
    /// How many times as fast as one rank.
    pub speedup: f64,
}

/// What updates take by more and more ranks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scaling {
    /// FLOPs of an update, forward and backward, a mean over what it trains.
    pub update_flops: f64,
    /// Bytes of its gradients.
    pub gradient_bytes: f64,
    /// FLOPs a second of a rank.
    pub flops_per_second: f64,
    /// Bits a second of a rank's link.
    pub link_bits_per_second: f64,
    /// That by the ranks asked for.
    pub update: Update,
    /// That by 1, 2, 4, … ranks, as far as micro-batches can be dealt.
    pub by_ranks: Vec<Update>,
    /// The number of ranks from which on twice as many take more than three quarters of the time; none where they pay as far as
    /// micro-batches can be dealt.
    pub pays_up_to: Option<usize>,
}

/// What a rank computes a second.
pub enum Speed {
    /// So many FLOPs.
    Given(f64),
    /// What is measured on this device, with the largest architecture.
    Of(Device),
}

/// What updates of the SuperNet of `config` take by `ranks` ranks of this `speed` with a link of so many bits a second each.
///
/// # Errors
/// An unusable config; micro-batches that cannot be dealt to so many ranks.
pub fn scaling(config: &Config, ranks: usize, link: f64, speed: &Speed) -> Result<Scaling> {
    refuse(&Vec::from_iter(dealing_fault(["train"; 2], &config.train, ranks)))?;
    let (space, vocab) = (config.space()?, config.data.vocab_size);
    let largest = space.supernet();
    let shape = transformer_config(config, vocab, vocab, largest.clone(), &largest);
    let sharing = of_config(&config.train)?;
    let length = config.cost.sentence_length;
    let flops_of = |architecture: &Architecture| training_flops(architecture, shape.qkv_dim, vocab, [length; 2]);
    let sampler = Sampler::of(&config.train, &space);
    let (mut flops, mut floats) = (0.0, 0);
    for done in 0..UPDATES {
        let architectures = sampler.architectures(config.seed, done);
        flops += architectures.iter().map(flops_of).sum::<f64>();
        // Of several, the first has what any of them has.
        floats += elements(&sharing.parts(&shape, &architectures[0]));
    }
    let pairs = (config.train.max_tokens * config.train.update_freq) as f64 / length as f64;
    let update_flops = flops / UPDATES as f64 * pairs;
    let gradient_bytes = 4.0 * floats as f64 / UPDATES as f64;
    let flops_per_second = match speed {
        Speed::Given(flops) => *flops,
        Speed::Of(device) => {
            let supernet = Supernet::init(shape.clone(), sharing, config.seed, device);
            SENTENCES as f64 * flops_of(&largest)
                / seconds(&Trainer::new(supernet, &config.train, config.seed), &shape, length)?
        }
    };
    let by = |ranks| update(update_flops / flops_per_second, gradient_bytes, link, ranks);
    let by_ranks: Vec<Update> = std::iter::successors(Some(1), |ranks| Some(ranks * 2))
        .take_while(|&ranks| ranks <= config.train.update_freq.max(1))
        .map(by)
        .collect();
    let pays_up_to = pays_up_to(&by_ranks);
    let link_bits_per_second = link;
    Ok(Scaling {
        update_flops,
        gradient_bytes,
        flops_per_second,
        link_bits_per_second,
        update: by(ranks),
        by_ranks,
        pays_up_to,
    })
}

/// The model: passes are divided among ranks, and of the gradients each sends and receives two times all but its own share.
fn update(compute: f64, bytes: f64, link: f64, ranks: usize) -> Update {
    let n = ranks as f64;
    let (compute_seconds, reduce_seconds) = (compute / n, 2.0 * (n - 1.0) / n * 8.0 * bytes / link);
    Update { ranks, compute_seconds, reduce_seconds, speedup: compute / (compute_seconds + reduce_seconds) }
}

fn pays_up_to(by_ranks: &[Update]) -> Option<usize> {
    let pays = |pair: &[Update]| pair[0].speedup <= PAYS * pair[1].speedup;
    by_ranks.windows(2).find(|pair| !pays(pair)).map(|pair| pair[0].ranks)
}

/// What the passes of the largest architecture take on some sentence pairs of so many tokens: the second time, that caches know them.
fn seconds(trainer: &Trainer, shape: &TransformerConfig, length: usize) -> Result<f64> {
    let ids = |offset: usize| {
        (0..SENTENCES * length).map(|i| (4 + (i * 7 + offset) % (shape.target_vocab - 4)) as u32).collect()
    };
    let batch = Batch {
        source: ids(0),
        prev_output: ids(1),
        target: ids(2),
        sentences: SENTENCES,
        source_len: length,
        target_len: length,
        target_tokens: SENTENCES * length,
        indices: (0..SENTENCES as u32).collect(),
    };
    let pass = || trainer.gradients(std::slice::from_ref(&shape.architecture), std::slice::from_ref(&batch), 0);
    pass()?;
    let start = Instant::now();
    pass()?;
    Ok(start.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_pay_until_the_link_takes_what_they_save() {
        // 8 s of passes; gradients of 1 GB over 8 Gb/s: 2 · 1/2 · 1 s by two, 2 · 3/4 s by four.
        let by: Vec<Update> = [1, 2, 4, 8].map(|ranks| update(8.0, 1e9, 8e9, ranks)).into();
        let parts: Vec<_> = by.iter().map(|by| (by.compute_seconds, by.reduce_seconds)).collect();
        assert_eq!(parts, [(8.0, 0.0), (4.0, 1.0), (2.0, 1.5), (1.0, 1.75)]);
        assert_eq!(by[1].speedup, 1.6);
        // 5 of 8, 3.5 of 5, then 2.75 of 3.5 seconds.
        assert_eq!(pays_up_to(&by), Some(4));
        assert_eq!(pays_up_to(&by[..3]), None);
    }

    #[test]
    fn a_config_scales_with_the_speed_that_is_given_or_measured() {
        let mut config = Config::load("toy").unwrap();
        config.train.update_freq = 8;
        let of = |speed| scaling(&config, 4, 1e9, &speed).unwrap();
        let given = of(Speed::Given(1e9));
        assert_eq!(given.update.compute_seconds, given.update_flops / 4e9);
        assert_eq!(given.by_ranks.iter().map(|by| by.ranks).collect::<Vec<_>>(), [1, 2, 4, 8]);
        assert_eq!(given.by_ranks[2], given.update);
        assert!(of(Speed::Of(Device::flex())).flops_per_second > 1e6);
        assert!(scaling(&config, 16, 1e9, &Speed::Given(1e9)).is_err());
    }
}
