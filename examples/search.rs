//! A search over a space with an evaluator of one's own: `cargo run --release --example search`.

use automoe::config::{Limits, SearchConfig, Tables};
use automoe::cost::{Basis, Costs, Dimensions, Embeddings};
use automoe::error::{Error, Result};
use automoe::search::{Constraints, Evaluation, Evaluator, Feasible, Search, TrialLog, algorithm};
use automoe::space::{Architecture, Space, SpaceConfig};

/// Prefers many experts in the encoder and a shallow decoder; a real one would translate or measure something.
struct Taste;

impl Evaluator for Taste {
    fn evaluate(&self, architecture: &Architecture) -> Result<Evaluation> {
        let experts = architecture.encoder.layers.iter().filter_map(|layer| layer.experts.as_ref());
        let count: usize = experts.map(|experts| experts.ffn_dims.len()).sum();
        let loss = 10.0 - 0.1 * count as f64 + 0.5 * architecture.decoder.layers.len() as f64;
        Ok(Evaluation { loss, tokens: 1, gflops_expected: None, seconds: 0.0 })
    }
}

fn main() -> Result<()> {
    let settings = SearchConfig { generations: 5, limits: Limits::from([("gflops", 2.0)]), ..SearchConfig::default() };
    let space = Space::new(&SpaceConfig::default(), 512)?;
    let embeddings = Embeddings { source_vocab: 32_768, target_vocab: 32_768, tables: Tables::Shared };
    let costs = Costs::counted(&Basis { dimensions: Dimensions::new(512, 30, 32_768)?, embeddings, beam: 5 });
    let constraints = Constraints::new(&settings, &costs);
    let feasible = Feasible::check(&space, &constraints, 1)?;

    let gflops = costs.get("gflops").expect("FLOPs are a cost").clone();
    let search = Search { settings: &settings, feasible: &feasible, gflops: &*gflops, changes: "" };
    // Opened again where it was kept, the log would let the search go on.
    let folder = tempfile::tempdir().map_err(Error::failure)?;
    let mut log = TrialLog::open(&folder.path().join("trials.jsonl"), &space)?;
    let mut algorithm = algorithm(&settings, &feasible, 1);
    let ranked = search.run(&Taste, algorithm.as_mut(), &mut log, &mut |_| Ok(()))?;
    println!("{} trials, the best of loss {:?} at {} GFLOPs:", ranked.len(), ranked[0].loss, ranked[0].gflops);
    println!("{}", serde_json::to_string(&ranked[0].architecture).expect("an architecture has a JSON form"));
    Ok(())
}
