//! The learning rate of each update.

use crate::config::{LrSchedule, TrainConfig};

/// The learning rate of the update after `done` updates (0 for the first): a linear warm-up from `warmup_init_lr` to `lr`,
/// then half a cosine down to `min_lr`, or `lr · sqrt(warmup / done)`.
pub fn learning_rate(config: &TrainConfig, done: usize) -> f64 {
    let (done, warmup) = (done as f64, config.warmup_updates as f64);
    if done < warmup {
        return config.warmup_init_lr + (config.lr - config.warmup_init_lr) * done / warmup;
    }
    match config.lr_schedule {
        LrSchedule::Cosine => {
            let length = (config.max_updates as f64 - warmup).max(1.0);
            let progress = ((done - warmup) / length).min(1.0);
            let half_cosine = (1.0 + (std::f64::consts::PI * progress).cos()) / 2.0;
            config.min_lr + (config.lr - config.min_lr) * half_cosine
        }
        LrSchedule::InverseSqrt => config.lr * (warmup.max(1.0) / done.max(1.0)).sqrt(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lr_schedule: LrSchedule) -> TrainConfig {
        TrainConfig {
            lr_schedule,
            lr: 1e-3,
            warmup_init_lr: 1e-7,
            min_lr: 1e-7,
            warmup_updates: 10,
            max_updates: 110,
            ..TrainConfig::default()
        }
    }

    #[test]
    fn warms_up_from_the_first_update_and_peaks_at_the_warm_up_s_end() {
        for schedule in [LrSchedule::Cosine, LrSchedule::InverseSqrt] {
            let rate = |done| learning_rate(&config(schedule), done);
            assert_eq!(rate(0), 1e-7);
            assert!((rate(5) - (1e-7 + 1e-3) / 2.0).abs() < 1e-12);
            assert!((rate(10) - 1e-3).abs() < 1e-12);
        }
    }

    #[test]
    fn the_cosine_is_half_way_in_the_middle_and_stays_at_its_end() {
        let rate = |done| learning_rate(&config(LrSchedule::Cosine), done);
        assert!((rate(60) - (1e-3 + 1e-7) / 2.0).abs() < 1e-12);
        assert!((rate(110) - 1e-7).abs() < 1e-12);
        assert!((rate(500) - 1e-7).abs() < 1e-12);
    }

    #[test]
    fn the_inverse_square_root_halves_after_four_warm_ups() {
        let rate = |done| learning_rate(&config(LrSchedule::InverseSqrt), done);
        assert!((rate(40) - 5e-4).abs() < 1e-12);
        // lr · sqrt(10 / 90), and no end at `max_updates`: lr · sqrt(10 / 1000).
        assert!((rate(90) - 1e-3 / 3.0).abs() < 1e-12);
        assert!((rate(1000) - 1e-4).abs() < 1e-12);
    }

    #[test]
    fn the_inverse_square_root_without_warm_up_begins_at_its_peak() {
        let config = TrainConfig { warmup_updates: 0, ..config(LrSchedule::InverseSqrt) };
        let rates = [0, 1, 4, 100].map(|done| learning_rate(&config, done));
        for (rate, want) in rates.into_iter().zip([1e-3, 1e-3, 5e-4, 1e-4]) {
            assert!((rate - want).abs() < 1e-12, "{rate} {want}");
        }
    }
}
