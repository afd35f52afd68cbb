//! The built program, driven as a user drives it.

mod checkpoints;
#[cfg(unix)]
mod closed_output;
mod compare;
mod config;
mod constraints;
mod damage;
mod fronts;
mod interrupted;
mod latency;
mod lengths;
mod mistakes;
mod phases;
mod pipes;
mod precision;
pub mod program;
mod rank;
mod report;
mod shell;
mod spaces;
mod table;
mod text;
mod text_formats;
mod training;
mod training_on;
mod translate;
mod vulkan;
mod watch;
mod weight_sharing;
