//! What processes do together, by what a [`World`] can.

use super::communicator::World;
use super::known::known_to_all;
use crate::error::{Error, Result};

/// The sums of everybody's `floats`, which are equally many; together. The terms of each are added in the order of ranks, so that
/// the same processes have the same sums, whatever lies between them; each sends and receives what it would at least.
pub fn sum(world: &dyn World, mut floats: Vec<f32>) -> Vec<f32> {
    if world.size() == 1 || floats.is_empty() {
        return floats;
    }
    let (length, part) = (floats.len(), floats.len().div_ceil(world.size()));
    floats.resize(part * world.size(), 0.0);
    let mut received = vec![0.0; floats.len()];
    world.all_to_all(&floats, &mut received);
    let (sums, others) = received.split_at_mut(part);
    for other in others.chunks(part) {
        sums.iter_mut().zip(other).for_each(|(sum, term)| *sum += term);
    }
    world.all_gather_floats(sums, &mut floats);
    floats.truncate(length);
    floats
}

/// Whether `own` is true of any process; together.
pub fn any(world: &dyn World, own: bool) -> bool {
    world.all_gather(&[own.into()]).iter().any(|other| other == &[1])
}

/// What rank 0 gives; together. What others give is left aside.
pub fn first(world: &dyn World, own: &[u8]) -> Vec<u8> {
    let own = if world.rank() == 0 { own } else { &[] };
    world.all_gather(own).swap_remove(0)
}

/// `own`, where all have the same, as `text` says, and nobody has an error; together. `what` it is is told where they differ.
///
/// # Errors
/// The same everywhere: that of the first that has one, or what another than rank 0 has differently.
pub fn agree<T>(world: &dyn World, what: &str, own: Result<T>, text: impl Fn(&T) -> String) -> Result<T> {
    let said = match &own {
        Ok(value) => text(value),
        Err(error) => format!("{FAILS}{} {error}", error.exit_code()),
    };
    let said = world.all_gather(said.as_bytes());
    let said: Vec<_> = said.iter().map(|said| String::from_utf8_lossy(said)).collect();
    let faults = said.iter().enumerate().filter_map(|(rank, said)| {
        let error = error_of(said)?;
        Some(if rank == 0 { error } else { error.at(world.name(rank)) })
    });
    let others = said.iter().enumerate().filter(|(_, other)| **other != said[0]);
    let differences = others.map(|(rank, other)| {
        let message = format!("has another {what} than rank 0: {}", difference(&said[0], other));
        Error::input(message).at(world.name(rank))
    });
    match faults.chain(differences).next() {
        None => own,
        Some(error) => Err(known_to_all(error)),
    }
}

/// In front of an error's exit code and message; no text begins with it.
const FAILS: char = '\0';

/// The error that is [said](agree); none where there is none.
fn error_of(said: &str) -> Option<Error> {
    let (kind, message) = said.strip_prefix(FAILS)?.split_once(' ')?;
    match kind {
        "2" => Some(Error::input(message)),
        "130" => Some(Error::Interrupted(message.to_owned())),
        _ => Some(Error::failure(message)),
    }
}

/// The first lines that differ.
fn difference(first: &str, other: &str) -> String {
    let none = "nothing";
    let [mut first, mut other] = [first, other].map(str::lines);
    loop {
        match (first.next(), other.next()) {
            (None, None) => return "another end".into(),
            (a, b) if a != b => return format!("`{}`, not `{}`", b.unwrap_or(none), a.unwrap_or(none)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Alone;
    use super::super::threads::threads;
    use super::*;

    #[test]
    fn sums_are_the_same_everywhere_and_add_up_in_the_order_of_ranks() {
        for size in 1..6 {
            for length in [0, 1, 7, 100] {
                let float = |rank: usize, i: usize| ((rank * 31 + i * 7) as f32).sin() * 10f32.powi(rank as i32);
                let sums = threads(size, |world| sum(world, (0..length).map(|i| float(world.rank(), i)).collect()));
                let in_order = |i| (1..size).fold(float(0, i), |sum, rank| sum + float(rank, i));
                let want: Vec<f32> = (0..length).map(in_order).collect();
                assert!(sums.iter().all(|sums| *sums == want), "{size} ranks, {length} floats");
            }
        }
    }

    #[test]
    fn one_says_what_all_do_not_agree_on() {
        let agreed = |texts: [&'static str; 3]| {
            threads(3, |world| agree(world, "config", Ok(world.rank()), |rank| texts[*rank].into()))
        };
        assert_eq!(agreed(["a\nb"; 3]), [Ok(0), Ok(1), Ok(2)]);
        let told = "rank 2 (here): has another config than rank 0: `c`, not `b`";
        assert_eq!(agreed(["a\nb", "a\nb", "a\nc"]), vec![Err(Error::input(told)); 3]);
        let longer = "rank 1 (here): has another config than rank 0: `b`, not `nothing`";
        assert_eq!(agreed(["a", "a\nb", "a"]), vec![Err(Error::input(longer)); 3]);
        let failing = |failing: &'static [usize]| {
            let own = move |rank| if failing.contains(&rank) { Err(Error::failure("7 disks full")) } else { Ok(rank) };
            threads(3, move |world| agree(world, "data", own(world.rank()), usize::to_string))
        };
        assert_eq!(failing(&[0, 1, 2]), vec![Err(Error::failure("7 disks full")); 3]);
        assert_eq!(failing(&[1]), vec![Err(Error::failure("rank 1 (here): 7 disks full")); 3]);
        assert_eq!(agree(&Alone, "data", Ok(3), usize::to_string), Ok(3));
    }

    #[test]
    fn what_one_knows_all_know() {
        assert_eq!(threads(3, |world| any(world, world.rank() == 2)), [true; 3]);
        assert_eq!(threads(3, |world| any(world, false)), [false; 3]);
        assert_eq!(threads(3, |world| first(world, &[world.rank() as u8 + 5])), vec![vec![5]; 3]);
    }
}
