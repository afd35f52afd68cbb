//! Which kernels a graphics device computes with, found by trying several, and remembered in a run's directory: a run that goes
//! on takes the same.

use cubecl_environment::environment::{load, set_root};
use cubecl_environment::persistence::{CacheConfig, Database};
use cubecl_environment::records::{Record, Records};
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;

/// Of what cubecl notes of a choice, how long it took.
#[derive(Debug, Deserialize)]
struct Choice {
    wall: Duration,
}

impl Record for Choice {
    const KIND: &'static str = "autotune";
}

/// Takes the choices in the user's folder of caches, and has them remembered there: where no run is worked on.
pub fn remember_for_user() {
    set_root(CacheConfig::Global.root());
}

/// Takes the choices that `file` remembers, and has it remember what is chosen from now on.
pub fn remember_in(file: &Path) {
    load(file);
}

/// Tells how many kernels were chosen for the file in use, and how long that took.
pub fn tell() {
    let Some(database) = Database::open_active() else { return };
    let choices = Records::new(&database).read::<Choice>();
    let seconds: f64 = choices.iter().map(|choice| choice.record.wall.as_secs_f64()).sum();
    if !choices.is_empty() {
        tracing::info!("of {} kernels the fastest were chosen, in {seconds:.1} s since the run began", choices.len());
    }
}
