//! Which kernels a graphics device computes with, found by trying several, and remembered in a run's directory: a run that goes
//! on takes the same.

use cubecl_environment::environment::{load, set_root};
use cubecl_environment::persistence::{CacheConfig, Database};
use cubecl_environment::records::{Record, Records};
use serde::Deserialize;
use std::path::Path;
use std::sync::Once;
use std::time::Duration;

/// Of what cubecl notes of a choice, how long it took.
#[derive(Debug, Deserialize)]
struct Choice {
    wall: Duration,
}

impl Record for Choice {
    const KIND: &'static str = "autotune";
}

/// Takes the choices in the user's folder of caches, and has them remembered there, until a run's are taken.
pub fn remember_for_user() {
    static FIRST: Once = Once::new();
    // Runs beside a run are opened while its own choices are taken.
    FIRST.call_once(|| set_root(CacheConfig::Global.root()));
}

/// Does `work` with the choices that `file` remembers, has those that it makes remembered there, and tells how long they took.
pub fn remembered_in<T>(file: &Path, work: impl FnOnce() -> T) -> T {
    load(file);
    let done = work();
    tell();
    done
}

/// Tells how many kernels were chosen for the file in use, and how long that took.
fn tell() {
    let Some(database) = Database::open_active() else { return };
    let choices = Records::new(&database).read::<Choice>();
    let seconds: f64 = choices.iter().map(|choice| choice.record.wall.as_secs_f64()).sum();
    if !choices.is_empty() {
        tracing::info!("of {} kernels the fastest were chosen, in {seconds:.1} s since the run began", choices.len());
    }
}
