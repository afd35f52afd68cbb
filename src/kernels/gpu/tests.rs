//! The grouped operator against one feed-forward network after another, on a graphics device where there is one.

use super::agreement_tests::largest;
use super::grouped::ExpertWeights;
use super::routing::Routing;
use crate::kernels::operators::mixture;
use crate::kernels::routing::{Assignment, assign};
use crate::kernels::tests::{assert_near_by, combine_plainly, gather_plainly, host};
use crate::kernels::{Dropout, Mask, plain};
use crate::test_devices::vulkan;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::RngExt;
use std::sync::Arc;

/// One layer to compare on.
struct Case {
    tokens: usize,
    embed: usize,
    /// FFN widths, 0 for the identity.
    sizes: Vec<usize>,
    top_k: usize,
    capacity: Option<usize>,
}

fn leaf<const D: usize>(seed: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    let mut rng = crate::seed::stream(seed, "grouped tests", 0);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_inner(Tensor::from_data(TensorData::new(values, shape), device)).require_grad()
}

/// Sorted tokens, one network after another, and back: burn's operators alone.
fn one_by_one(
    x: Tensor<2>,
    probabilities: Tensor<2>,
    weights: ExpertWeights,
    sizes: &[usize],
    assignment: &Assignment,
) -> Tensor<2> {
    let ExpertWeights { weight1, bias1, weight2, bias2 } = weights;
    let embed = x.dims()[1];
    let mut entries = gather_plainly(x, assignment);
    let mut start = 0;
    for (e, (&size, &count)) in sizes.iter().zip(&assignment.group_sizes).enumerate() {
        let rows = start..start + count;
        start += count;
        if size == 0 || count == 0 {
            continue;
        }
        let weight1 = weight1.clone().slice([e..e + 1, 0..size, 0..embed]).squeeze_dim(0);
        let bias1 = bias1.clone().slice([e..e + 1, 0..size]).squeeze_dim(0);
        let weight2 = weight2.clone().slice([e..e + 1, 0..embed, 0..size]).squeeze_dim(0);
        let bias2 = bias2.clone().slice([e..e + 1, 0..embed]).squeeze_dim(0);
        let input = entries.clone().slice([rows.clone(), 0..embed]);
        let hidden = burn::tensor::activation::relu(plain::linear(input, weight1, bias1));
        entries = entries.slice_assign([rows, 0..embed], plain::linear(hidden, weight2, bias2));
    }
    combine_plainly(entries, probabilities, assignment)
}

/// The operator on `device`, and one network after another on the CPU.
fn check(case: &Case, device: &Device) {
    let Case { tokens, embed, sizes, top_k, capacity } = case;
    let (experts, ffn) = (sizes.len(), *sizes.iter().max().unwrap());
    let router = leaf(2, [*tokens, experts], device);
    let probabilities = softmax(router.inner(), 1);
    let on_host = host(probabilities.clone());
    let assignment = assign(&on_host, experts, *top_k, *capacity, 7);
    let widths: Vec<i32> = sizes.iter().map(|&size| size as i32).collect();
    let widths = Tensor::<1, Int>::from_data(widths.as_slice(), device);
    let routing = Arc::new(match capacity {
        None => Routing::route(probabilities, widths, *top_k),
        Some(_) => Routing::upload(&assignment, widths, device),
    });
    let chosen: Vec<i32> = routing.experts_of_tokens().into_data().try_into_vec().unwrap();
    let want: Vec<i32> = assignment.experts.iter().map(|&expert| expert as i32).collect();
    assert_eq!(chosen, want, "the experts of each token");

    let found = [Some(device), None].map(|graphics| {
        let device = &graphics.cloned().unwrap_or_else(Device::flex);
        let [x, router] = [leaf(1, [*tokens, *embed], device), leaf(2, [*tokens, experts], device)];
        let [weight1, weight2] = [leaf(3, [experts, ffn, *embed], device), leaf(5, [experts, *embed, ffn], device)];
        let [bias1, bias2] = [leaf(4, [experts, ffn], device), leaf(6, [experts, *embed], device)];
        let weights = ExpertWeights {
            weight1: weight1.clone(),
            bias1: bias1.clone(),
            weight2: weight2.clone(),
            bias2: bias2.clone(),
        };
        let probabilities = softmax(router.clone(), 1);
        let output = match graphics {
            Some(_) => mixture(x.clone(), probabilities, weights, &routing, Mask::NONE),
            None => one_by_one(x.clone(), probabilities, weights, sizes, &assignment),
        };
        let weight = leaf(9, [*tokens, *embed], device).inner();
        let gradients = (output.clone() * Tensor::from_inner(weight)).sum().backward();
        let of = |tensor: &Tensor<2>| host(tensor.grad(&gradients).unwrap());
        let of_group = |tensor: &Tensor<3>| host(tensor.grad(&gradients).unwrap());
        let parts = [of(&x), of(&router), of_group(&weight1), of(&bias1), of_group(&weight2), of(&bias2)];
        [vec![host(output)], parts.to_vec()].concat()
    });
    for (what, (grouped, plain)) in found[0].iter().zip(&found[1]).enumerate() {
        assert_near_by(largest(plain, 1.0), grouped, plain, &format!("result {what}"));
    }
}

#[test]
fn all_experts_at_once_are_one_after_another() {
    let Some(device) = vulkan("grouped experts on vulkan") else { return };
    let case = |tokens, embed, sizes: &[usize], top_k, capacity| Case {
        tokens,
        embed,
        sizes: sizes.to_vec(),
        top_k,
        capacity,
    };
    for case in [
        case(5, 3, &[4, 7], 1, None),
        case(150, 20, &[70, 33, 70], 1, None),
        case(150, 70, &[40, 0, 9, 40], 2, None),
        case(90, 24, &[16, 16, 0], 2, Some(20)),
        case(12, 8, &[16; 16], 1, None),
        case(40, 8, &[24], 1, None),
        case(200, 8, &[12; 70], 2, None),
    ] {
        check(&case, &device);
    }
}

#[test]
fn a_hidden_element_is_dropped_forward_and_backward_alike() {
    let Some(device) = vulkan("dropout in experts on vulkan") else { return };
    // One expert whose two layers copy: the output is x times the mask's factors, and so is the gradient of x.
    let eye = Tensor::<2>::eye(48, &device).unsqueeze_dim::<3>(0);
    let zero = Tensor::<2>::zeros([1, 48], &device);
    let routing = Arc::new(Routing::route(Tensor::ones([60, 1], &device), Tensor::from_data([48], &device), 1));
    let x = Tensor::from_inner(Tensor::<2>::ones([60, 48], &device)).require_grad();
    let [weight, bias] = [Tensor::from_inner(eye.reshape([48, 48])), Tensor::from_inner(zero)];
    let weights = ExpertWeights {
        weight1: weight.clone().unsqueeze_dim(0),
        bias1: bias.clone(),
        weight2: weight.unsqueeze_dim(0),
        bias2: bias,
    };
    let mask = Dropout::new(3).mask(0.25);
    let ones = Tensor::from_inner(Tensor::ones([60, 1], &device));
    let output = mixture(x.clone(), ones, weights, &routing, mask);
    let gradient = host(x.grad(&output.clone().sum().backward()).unwrap());
    let output = host(output);
    let mut want = vec![1.0; output.len()];
    mask.multiply(&mut want);
    assert_eq!(output, want);
    assert_eq!(gradient, want);
}
