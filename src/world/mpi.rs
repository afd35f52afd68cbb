//! A world of processes that MPI has started.

use super::communicator::{Place, World};
use super::launch::Launched;
use super::watch::{BEAT_TAG, Watch};
use crate::error::{Error, Result};
use mpi::environment::{Universe, processor_name};
use mpi::point_to_point::MatchedReceiveVec;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Destination, Root, Source};
use mpi::{Threading, initialize_with_threading};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a process that waits for a message sleeps between two looks, at first and at last.
const SLEEPS: [Duration; 2] = [Duration::from_micros(50), Duration::from_millis(2)];

struct Mpi {
    rank: usize,
    peers: Vec<Peer>,
    /// MPI is left when it is dropped.
    universe: Mutex<Option<Universe>>,
    watch: Mutex<Option<Watch>>,
}

/// Where a process runs.
#[derive(Clone, PartialEq)]
struct Peer {
    host: String,
    /// The cores that it may run on; empty where the system does not say.
    cores: String,
}

/// The processes that this one was `launched` with.
///
/// # Errors
/// The MPI library does not know of them, or it cannot be called by several threads.
pub(super) fn connect(launched: Launched) -> Result<Box<dyn World>> {
    let failed = || Error::failure("MPI does not begin");
    let (universe, threading) = initialize_with_threading(Threading::Multiple).ok_or_else(failed)?;
    let world = SimpleCommunicator::world();
    if threading != Threading::Multiple {
        return Err(Error::failure("this MPI library takes calls of one thread only (MPI_THREAD_MULTIPLE is needed)"));
    }
    if world.size() as usize != launched.size {
        return Err(Error::input(format!(
            "started as one of {} processes, but its MPI library knows of {}: start it with the mpirun or srun of the library \
             that it was built with",
            launched.size,
            world.size()
        )));
    }
    let mut this = Mpi {
        rank: world.rank() as usize,
        peers: vec![Peer::here(); launched.size],
        universe: Mutex::new(Some(universe)),
        watch: Mutex::default(),
    };
    let own = format!("{}\n{}", this.peers[0].host, this.peers[0].cores);
    this.peers =
        this.all_gather(own.as_bytes()).iter().map(|said| Peer::parse(&String::from_utf8_lossy(said))).collect();
    let names = (0..launched.size).map(|rank| this.name(rank)).collect();
    this.watch = Mutex::new(Some(Watch::begin(this.rank, names)));
    Ok(Box::new(this))
}

impl Peer {
    fn here() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let cores = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        Self { host: processor_name().unwrap_or_default(), cores: cores.unwrap_or_default().trim().to_owned() }
    }

    fn parse(said: &str) -> Self {
        let (host, cores) = said.split_once('\n').unwrap_or((said, ""));
        Self { host: host.to_owned(), cores: cores.to_owned() }
    }
}

fn count(length: usize) -> i32 {
    i32::try_from(length).expect("what goes between processes is less than 2 GiB")
}

impl World for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.peers.len()
    }

    fn name(&self, rank: usize) -> String {
        format!("rank {rank} ({})", self.peers[rank].host)
    }

    fn place(&self) -> Place {
        let own = &self.peers[self.rank];
        let before = self.peers[..self.rank].iter().filter(|peer| peer.host == own.host);
        Place { on_node: before.count(), sharing_cores: self.peers.iter().filter(|peer| *peer == own).count() }
    }

    fn all_gather(&self, own: &[u8]) -> Vec<Vec<u8>> {
        let world = SimpleCommunicator::world();
        let mut lengths = vec![0; self.size()];
        world.all_gather_into(&count(own.len()), &mut lengths);
        if lengths.iter().all(|length| *length == 0) {
            // Open MPI takes no empty buffer.
            return vec![vec![]; self.size()];
        }
        let starts: Vec<i32> = lengths
            .iter()
            .scan(0, |end, length| {
                *end += length;
                Some(*end - length)
            })
            .collect();
        let mut received = vec![0u8; lengths.iter().map(|length| *length as usize).sum()];
        let mut parts = mpi::datatype::PartitionMut::new(&mut received[..], &lengths[..], &starts[..]);
        world.all_gather_varcount_into(own, &mut parts);
        let part = |(start, length): (&i32, &i32)| received[*start as usize..(start + length) as usize].to_vec();
        starts.iter().zip(&lengths).map(part).collect()
    }

    fn broadcast(&self, floats: &mut [f32]) {
        SimpleCommunicator::world().process_at_rank(0).broadcast_into(floats);
    }

    fn all_to_all(&self, parts: &[f32], received: &mut [f32]) {
        SimpleCommunicator::world().all_to_all_into(parts, received);
    }

    fn all_gather_floats(&self, part: &[f32], whole: &mut [f32]) {
        SimpleCommunicator::world().all_gather_into(part, whole);
    }

    fn send(&self, to: usize, channel: u16, message: &[u8]) {
        SimpleCommunicator::world().process_at_rank(to as i32).send_with_tag(message, tag(channel));
    }

    fn receive(&self, from: usize, channel: u16) -> Vec<u8> {
        let world = SimpleCommunicator::world();
        let from = world.process_at_rank(from as i32);
        let [mut sleep, longest] = SLEEPS;
        loop {
            if let Some(found) = from.immediate_matched_probe_with_tag(tag(channel)) {
                return found.matched_receive_vec().0;
            }
            // MPI itself would wait awake, on a core that others compute on.
            thread::sleep(sleep);
            sleep = (sleep * 2).min(longest);
        }
    }

    fn leave(&self) {
        // Who goes is silent: none goes before all do.
        SimpleCommunicator::world().barrier();
        // What else calls MPI ends first.
        drop(self.watch.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(self.universe.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn abort(&self, exit_code: u8) {
        SimpleCommunicator::world().abort(exit_code.into())
    }
}

/// What MPI tells the messages of a channel by.
fn tag(channel: u16) -> i32 {
    BEAT_TAG + 1 + i32::from(channel)
}
