//! What processes can do with each other, by whatever connects them.

use std::thread;

/// The processes of a job. What says "together" is called by all of them, in the same order.
pub trait World: Send + Sync {
    /// This process's number, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn size(&self) -> usize;

    /// What messages call a process: its rank and host.
    fn name(&self, rank: usize) -> String;

    /// Where this process runs.
    fn place(&self) -> Place;

    /// What each process gives, by rank; together.
    fn all_gather(&self, own: &[u8]) -> Vec<Vec<u8>>;

    /// Replaces `floats` by rank 0's; together, and of the same length everywhere.
    fn broadcast(&self, floats: &mut [f32]);

    /// Sends each process its part of `parts` and puts what each sends into `received`, by rank; together. All parts are of the
    /// same length.
    fn all_to_all(&self, parts: &[f32], received: &mut [f32]);

    /// Puts everybody's `part` into `whole`, by rank; together. All parts are of the same length.
    fn all_gather_floats(&self, part: &[f32], whole: &mut [f32]);

    /// Sends `message` to the process `to`. Messages of one channel stay in order.
    fn send(&self, to: usize, channel: u16, message: &[u8]);

    /// The next message of the process `from`; waits asleep. One thread at a time receives from a channel.
    fn receive(&self, from: usize, channel: u16) -> Vec<u8>;

    /// Takes leave; together, and the last that is done.
    fn leave(&self);

    /// Ends all processes. Does nothing where there is one alone.
    fn abort(&self, exit_code: u8);
}

/// Where a process runs among those of its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its number among those of its machine, from 0.
    pub on_node: usize,
    /// Processes that run on the same cores, itself included.
    pub sharing_cores: usize,
}

impl Place {
    /// This process's share of the threads that its cores have; `None` where it has them for itself.
    pub fn threads(&self) -> Option<usize> {
        let all = || thread::available_parallelism().map_or(1, usize::from);
        (self.sharing_cores > 1).then(|| all().div_ceil(self.sharing_cores))
    }
}
