//! A layer of experts alone, and its gradients: `cargo run --release --example experts`.

use automoe::device;
use automoe::error::Result;
use automoe::model::config::DropoutRates;
use automoe::model::experts::MixtureOfExperts;
use automoe::model::weights::init;
use automoe::model::{LayerRouting, Pass};
use automoe::space::Experts;
use burn::tensor::{Distribution, Tensor};

fn main() -> Result<()> {
    let device = device::parse("cpu")?;
    // Two experts of different sizes and one that passes its tokens through; each token goes to two of them.
    let experts = Experts { ffn_dims: vec![256, 64, 0], top_k: 2 };
    let layer = init(1, &device, |declare| MixtureOfExperts::new(32, &experts, 0.0, declare));

    let x = Tensor::<2>::random([10, 32], Distribution::Default, &device.clone().autodiff()).require_grad();
    let (y, routing) = layer.forward(x.clone(), 0, &DropoutRates::default(), &mut Pass::inference());
    let gradients = y.clone().powf_scalar(2.0).mean().backward();
    println!("tokens of each expert: {:?}", LayerRouting::counts(&[&routing])[0]);
    println!("output {:?}, gradient of the input {:?}", y.dims(), x.grad(&gradients).map(|gradient| gradient.dims()));
    Ok(())
}
