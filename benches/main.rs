//! Speed, measured: `cargo bench -- [--quick] [--device=NAME] [FILTER]` prints a JSON line a result.
//!
//! Each result stands beside its *limit*: the time that its FLOPs take at the speed of a 2048³ product plus the time that
//! its bytes take at the bandwidth of a large copy, both measured in the same run.

mod adam;
#[path = "../src/allocator.rs"]
mod allocator;
mod beam;
mod device;
mod harness;
#[cfg(feature = "gpu")]
mod launches;
mod memory;
mod models;
mod prepare;
mod product;
mod ranks;
mod routing;
mod training;
mod translate;
mod work;

use harness::Bench;

fn main() {
    allocator::keep_free_pages();
    let mut bench = Bench::from_arguments(std::env::args().skip(1));
    if bench.asks_for("device") {
        return device::run(&bench);
    }
    if ranks::run(&bench) {
        automoe::world::end(0);
        return;
    }
    memory::run(&bench);
    bench.measure_machine();
    prepare::run(&bench);
    product::run(&bench);
    adam::run(&bench);
    routing::run(&bench);
    training::run(&bench);
    beam::run(&bench);
    translate::run(&bench);
    #[cfg(feature = "gpu")]
    launches::run(&bench);
}
