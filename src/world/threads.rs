//! A world of threads of one process, for tests of what processes do together.

use super::communicator::{Place, World};
use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex};

/// From, to and channel.
type Way = (usize, usize, u16);

#[derive(Default)]
struct Post {
    messages: Mutex<HashMap<Way, VecDeque<Vec<u8>>>>,
    came: Condvar,
}

struct Thread<'a> {
    rank: usize,
    size: usize,
    post: &'a Post,
}

/// The channel of what threads do together.
const TOGETHER: u16 = u16::MAX;

/// What `work` gives in each of `size` threads, by rank. Each computes by itself: in a common pool, some would wait for others that
/// wait for the pool.
pub(crate) fn threads<R: Send>(size: usize, work: impl Fn(&dyn World) -> R + Sync) -> Vec<R> {
    let post = Post::default();
    std::thread::scope(|scope| {
        let (post, work) = (&post, &work);
        let own = |rank| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            scope.spawn(move || pool.install(|| work(&Thread { rank, size, post })))
        };
        let threads: Vec<_> = (0..size).map(own).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn bytes(floats: &[f32]) -> Vec<u8> {
    floats.iter().flat_map(|float| float.to_le_bytes()).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

impl World for Thread<'_> {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn name(&self, rank: usize) -> String {
        format!("rank {rank} (here)")
    }

    fn place(&self) -> Place {
        Place { on_node: self.rank, sharing_cores: self.size }
    }

    fn all_gather(&self, own: &[u8]) -> Vec<Vec<u8>> {
        (0..self.size).for_each(|to| self.send(to, TOGETHER, own));
        (0..self.size).map(|from| self.receive(from, TOGETHER)).collect()
    }

    fn broadcast(&self, values: &mut [f32]) {
        values.copy_from_slice(&floats(&self.all_gather(&bytes(values))[0]));
    }

    fn all_to_all(&self, parts: &[f32], received: &mut [f32]) {
        let part = parts.len() / self.size;
        parts.chunks(part).enumerate().for_each(|(to, part)| self.send(to, TOGETHER, &bytes(part)));
        let places = received.chunks_mut(part).enumerate();
        places.for_each(|(from, place)| place.copy_from_slice(&floats(&self.receive(from, TOGETHER))));
    }

    fn all_gather_floats(&self, part: &[f32], whole: &mut [f32]) {
        whole.copy_from_slice(&floats(&self.all_gather(&bytes(part)).concat()));
    }

    fn send(&self, to: usize, channel: u16, message: &[u8]) {
        let mut messages = self.post.messages.lock().unwrap();
        messages.entry((self.rank, to, channel)).or_default().push_back(message.to_vec());
        self.post.came.notify_all();
    }

    fn receive(&self, from: usize, channel: u16) -> Vec<u8> {
        let mut messages = self.post.messages.lock().unwrap();
        loop {
            if let Some(message) = messages.get_mut(&(from, self.rank, channel)).and_then(VecDeque::pop_front) {
                return message;
            }
            messages = self.post.came.wait(messages).unwrap();
        }
    }

    fn leave(&self) {}

    fn abort(&self, _: u8) {}
}
