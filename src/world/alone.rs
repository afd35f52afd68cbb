//! A process without others.

use super::communicator::{Place, World};

/// The only process there is.
#[derive(Debug, Clone, Copy)]
pub struct Alone;

impl World for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn name(&self, _: usize) -> String {
        "this process".into()
    }

    fn place(&self) -> Place {
        Place { on_node: 0, sharing_cores: 1 }
    }

    fn all_gather(&self, own: &[u8]) -> Vec<Vec<u8>> {
        vec![own.to_vec()]
    }

    fn broadcast(&self, _: &mut [f32]) {}

    fn all_to_all(&self, parts: &[f32], received: &mut [f32]) {
        received.copy_from_slice(parts);
    }

    fn all_gather_floats(&self, part: &[f32], whole: &mut [f32]) {
        whole.copy_from_slice(part);
    }

    fn send(&self, to: usize, _: u16, _: &[u8]) {
        unreachable!("there is no rank {to}")
    }

    fn receive(&self, from: usize, _: u16) -> Vec<u8> {
        unreachable!("there is no rank {from}")
    }

    fn leave(&self) {}

    fn abort(&self, _: u8) {}
}
