//! Where candidates of a search are evaluated: as many at a time in each process of a job as it has threads for. Whoever is free
//! takes the next one, so that a slow process holds nobody up.

use super::losses::{Asked, Losses};
use crate::error::{Error, Result};
use crate::interrupt::Interruptible;
use crate::search::{Evaluation, guarded};
use crate::world::World;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

/// What is told of one, or why there is nothing to tell.
type Told = Result<Vec<Evaluation>, String>;

/// Where an evaluation can be made.
#[derive(Debug, Clone, Copy)]
enum Seat {
    Here,
    /// In another process, which is asked on this channel.
    At(usize, u16),
}

/// The seats of all processes.
pub(super) struct Seats<'a> {
    world: &'a dyn World,
    all: Vec<Seat>,
    free: Mutex<Vec<Seat>>,
    freed: Condvar,
}

impl<'a> Seats<'a> {
    /// `here` of them in this process, rank 0, and those of the others, which [`serve`]; together.
    pub fn new(world: &'a dyn World, here: usize) -> Self {
        let counts = counts(world, here);
        let at = |(rank, count): (usize, u16)| (1..=count).map(move |channel| Seat::At(rank, channel));
        let others = counts.into_iter().enumerate().skip(1).flat_map(at);
        let all: Vec<Seat> = (0..here).map(|_| Seat::Here).chain(others).collect();
        Self { world, free: Mutex::new(all.clone()), all, freed: Condvar::new() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// What is `asked`, found by `losses` where the next free seat is here. Waits for one.
    ///
    /// # Errors
    /// Those of `losses`, here or there.
    pub fn evaluate(&self, losses: &Losses, asked: &Asked) -> Result<Vec<Evaluation>> {
        let taken = self.take();
        let Seat::At(rank, channel) = taken.seat else { return losses.of(asked) };
        self.world.send(rank, channel, &serde_json::to_vec(asked).map_err(Error::failure)?);
        let told: Told = serde_json::from_slice(&self.world.receive(rank, channel)).map_err(Error::failure)?;
        told.map_err(Error::failure)
    }

    fn take(&self) -> Taken<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.freed.wait_while(free, |free| free.is_empty());
        let seat = waited.unwrap_or_else(PoisonError::into_inner).pop();
        Taken { seats: self, seat: seat.unwrap_or(Seat::Here) }
    }
}

/// The others go on with other orders.
impl Drop for Seats<'_> {
    fn drop(&mut self) {
        for seat in &self.all {
            if let Seat::At(rank, channel) = *seat {
                self.world.send(rank, channel, &[]);
            }
        }
    }
}

/// A seat that is free again when this is dropped.
struct Taken<'a> {
    seats: &'a Seats<'a>,
    seat: Seat,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.seats.free.lock().unwrap_or_else(PoisonError::into_inner).push(self.seat);
        self.seats.freed.notify_one();
    }
}

/// Evaluates what rank 0 of `world` asks for, up to `seats` at a time, until it has no more to ask.
pub(super) fn serve(world: &dyn World, losses: &Losses, seats: usize) {
    let own = counts(world, seats)[world.rank()];
    // Whoever ends jobs tells all processes; rank 0 ends this search.
    let _interruptible = Interruptible::begin();
    thread::scope(|scope| {
        for channel in 1..=own {
            scope.spawn(move || {
                loop {
                    let message = world.receive(0, channel);
                    if message.is_empty() {
                        break;
                    }
                    let asked = serde_json::from_slice(&message).map_err(Error::failure);
                    let told: Told =
                        asked.and_then(|asked| guarded(|| losses.of(&asked))).map_err(|error| error.to_string());
                    world.send(0, channel, &serde_json::to_vec(&told).unwrap_or_default());
                }
            });
        }
    });
}

/// Everybody's seats, by rank; together.
fn counts(world: &dyn World, own: usize) -> Vec<u16> {
    let own = u16::try_from(own).unwrap_or(u16::MAX - 1);
    let counts = world.all_gather(&own.to_le_bytes());
    counts.into_iter().map(|bytes| bytes.try_into().map_or(0, u16::from_le_bytes)).collect()
}
