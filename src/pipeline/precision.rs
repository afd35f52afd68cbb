//! What a run computes products in: settled once, when it is begun.

use crate::config::{Config, Precision};
use crate::error::Result;
use crate::model::precision::resolve;
use burn::tensor::Device;
use std::path::Path;

/// Replaces `auto` in the precisions of `config` by what it stands for: where there is a run at `begun` by what that has, else by
/// what is fast on `device`.
///
/// # Errors
/// The device does not compute in one of them.
pub(super) fn settle(config: &mut Config, begun: Option<&Path>, device: &Device) -> Result<()> {
    let begun = begun.map(|run| run.join("config.toml")).filter(|path| path.is_file());
    let mut begun = begun.and_then(|path| Config::load(&path.to_string_lossy()).ok());
    let mut then = begun.as_mut().map(precisions);
    for (index, (key, precision)) in precisions(config).into_iter().enumerate() {
        let Some(precision) = precision else { continue };
        if let (Precision::Auto, Some((_, Some(then)))) = (*precision, then.as_mut().map(|then| &mut then[index])) {
            *precision = **then;
        }
        *precision = resolve(key, *precision, device)?;
    }
    Ok(())
}

/// Replaces `auto` as the precision of translation by what it stands for on `device`.
///
/// # Errors
/// The device does not compute in that precision.
pub fn settle_translation(config: &mut Config, device: &Device) -> Result<()> {
    config.translate.precision = resolve("translate.precision", config.translate.precision, device)?;
    Ok(())
}

/// The precisions that `config` gives.
fn precisions(config: &mut Config) -> [(&'static str, Option<&mut Precision>); 5] {
    [
        ("train.precision", Some(&mut config.train.precision)),
        ("train_architecture.precision", config.train_architecture.precision_mut()),
        ("finetune.precision", config.finetune.precision_mut()),
        ("search.precision", Some(&mut config.search.precision)),
        ("translate.precision", Some(&mut config.translate.precision)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::capabilities::is_fast_in_bfloat16;

    fn config(precisions: [Precision; 3]) -> Config {
        let mut config = Config::default();
        [config.train.precision, config.search.precision, config.translate.precision] = precisions;
        config
    }

    #[test]
    fn auto_is_what_the_run_has_or_else_what_the_device_does() {
        let device = Device::flex();
        let fast = match is_fast_in_bfloat16(&device) {
            true => Precision::Bfloat16,
            false => Precision::Float32,
        };
        let [auto, single] = [Precision::Auto, Precision::Float32];
        let mut anew = config([auto, single, auto]);
        settle(&mut anew, None, &device).unwrap();
        assert_eq!(anew, config([fast, single, fast]));

        let finetune = |precision: &str| toml::from_str(&format!("precision = {precision:?}")).unwrap();
        let mut overridden = Config { finetune: finetune("auto"), ..config([single; 3]) };
        settle(&mut overridden, None, &device).unwrap();
        assert_eq!(overridden, Config { finetune: finetune(&fast.to_string()), ..config([single; 3]) });

        // A run that was begun in single precision goes on in it.
        let run = tempfile::tempdir().unwrap();
        let mut going_on = config([auto; 3]);
        settle(&mut going_on, Some(run.path()), &device).unwrap();
        assert_eq!(going_on, config([fast; 3]), "there is no run yet");
        let begun = Config { run_dir: run.path().into(), ..config([single; 3]) };
        std::fs::write(run.path().join("config.toml"), begun.to_toml().unwrap()).unwrap();
        let mut going_on = config([auto; 3]);
        settle(&mut going_on, Some(run.path()), &device).unwrap();
        assert_eq!(going_on, config([single; 3]));
    }

    #[test]
    fn the_key_whose_precision_is_not_to_be_had_is_named() {
        let [single, half] = [Precision::Float32, Precision::Float16];
        for (precisions, key) in [
            ([half, single, single], "train.precision"),
            ([single, half, single], "search.precision"),
            ([single, single, half], "translate.precision"),
        ] {
            let error = settle(&mut config(precisions), None, &Device::flex()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{key} = \"float16\": ")), "{error}");
        }
    }
}
