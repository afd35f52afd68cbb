//! The graphics path, on a Vulkan driver that runs on the CPU where there is no card.

use super::program::{Program, TINY, arguments};
use super::training::{losses, worst};
use crate::devices::{languages, skip, vulkan};
use automoe::config::Precision;
use automoe::device::parse;
use automoe::model::precision;

#[test]
fn training_on_vulkan_ends_within_one_per_cent_of_the_cpu() {
    let languages = languages("training on vulkan");
    if languages.is_empty() {
        return;
    }
    let program = Program::new();
    let measure = ["latency", "measure", "--passes", "1", "--device", "vulkan"];
    let errors = String::from_utf8(program.command(&measure).output().unwrap().stderr).unwrap();
    let named = errors.lines().find_map(|line| line.split_once("--device vulkan: ")).map(|(_, name)| name.trim());
    assert!(named.is_some_and(|name| !name.is_empty()), "{errors}");
    assert_eq!(errors.contains("llvmpipe"), errors.contains("a driver on the CPU and no card"), "{errors}");
    let cpu = losses("cpu", "float32", false);
    // Through either compiler of kernels.
    for device in languages {
        let graphics = losses(device, "float32", false);
        let worst = worst(&cpu, &graphics);
        println!("training on {device}: losses within {:.3} % of the CPU's", 100.0 * worst);
        assert!(worst < 0.01, "{device}: {cpu:?} {graphics:?}");
        // Experts' weights and moments go through the checkpoint one by one and come back grouped.
        assert_eq!(losses(device, "float32", true), graphics, "{device}, killed and resumed");
    }
}

#[test]
fn training_in_half_precision_ends_within_two_per_cent() {
    let Some(device) = vulkan("training in float16") else { return };
    if let Err(error) = precision::resolve("train.precision", Precision::Float16, &device) {
        return skip("training in float16", error);
    }
    let (single, half) = (losses("cpu", "float32", false), losses("vulkan", "float16", true));
    let worst = worst(&single, &half);
    println!("training in float16: losses within {:.3} % of float32's", 100.0 * worst);
    assert!(worst < 0.02, "{single:?} {half:?}");
}

#[test]
fn what_a_device_has_no_memory_for_is_answered_before_the_start() {
    if vulkan("memory of a device").is_none() {
        return;
    }
    let program = Program::new();
    let train = arguments(&["train", "--device", "vulkan", "--set", "train.max_tokens=1000000000"], &TINY);
    let output = program.command(&train).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    let refused = errors.lines().last().unwrap();
    assert!(refused.starts_with("automoe: train.max_tokens = 1000000000: an update needs about "), "{errors}");
    let fits = refused.split("; train.max_tokens = ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert!((512..1_000_000_000).contains(&fits.parse::<usize>().unwrap()), "{errors}");
    assert!(errors.lines().any(|line| line.starts_with("memory of ") && line.contains(" a batch")), "{errors}");
}

#[test]
fn cuda_is_refused_in_a_line_where_it_is_not() {
    // A machine with NVIDIA's card and a program built for it has nothing to refuse.
    let Err(error) = parse("cuda") else { return };
    let message = error.to_string();
    let what = match (cfg!(feature = "gpu"), cfg!(feature = "cuda")) {
        (false, _) => "--no-default-features",
        (_, false) => "--features cuda",
        (_, true) => "NVIDIA",
    };
    assert!(message.starts_with("--device cuda: ") && message.contains(what), "{message}");
    assert_eq!((message.lines().count(), error.exit_code()), (1, 2), "{message}");
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_driver_the_message_says_what_to_do() {
    let program = Program::new();
    // No Vulkan driver is found, whatever else is there: OpenGL is not taken instead.
    let hidden = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].map(|variable| (variable, "/dev/null"));
    for device in ["vulkan", "gpu", "gpu:1", "wgsl"] {
        let measure = ["latency", "measure", "--passes", "1", "--device", device];
        let output = program.command(&measure).envs(hidden).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.starts_with(&format!("automoe: --device {device}: ")), "{message}");
        assert!(message.contains("--device cpu"), "{message}");
        let what = if cfg!(feature = "gpu") { "mesa-vulkan-drivers" } else { "--no-default-features" };
        assert!(message.contains(what), "{message}");
    }
}
