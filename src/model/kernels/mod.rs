//! Our own operators for the CPU. Each computes what a plain composition of burn's operators computes, which the tests
//! compare it with.

pub mod adam;
pub mod projection;
pub mod vector;
