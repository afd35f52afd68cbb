//! A Transformer made from an architecture, heterogeneous and with experts: `cargo run --release --example transformer`.

use automoe::device;
use automoe::error::Result;
use automoe::model::{Pass, TransformerConfig};
use automoe::space::{Architecture, Experts};
use automoe::text::EOS;

fn main() -> Result<()> {
    let device = device::parse("cpu")?;
    let mut architecture = Architecture::dense(64, 128, 4, 3, 2);
    architecture.encoder.layers[1].experts = Some(Experts { ffn_dims: vec![128, 64], top_k: 1 });
    let model = TransformerConfig::new(architecture, 1_000).init(1, &device);

    // Two sentences; the target is rotated so that its end comes first.
    let source = [17, 23, 5, EOS, 9, 80, 6, EOS];
    let previous = [EOS, 42, 8, EOS, 11, 30];
    let mut pass = Pass::inference();
    let logits = model.project(model.forward(&source, &previous, 2, &mut pass)); // [2 · 3, vocabulary]
    println!("logits: {:?}", logits.dims());
    println!("experts of the source's tokens in layer 2: {:?}", pass.encoder_routing[0].experts());
    Ok(())
}
