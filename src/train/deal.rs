//! How things are dealt to the processes of a job.

use crate::world::World;

/// Those of `all` that this process of `world` takes: every so manieth, beginning with its rank.
pub(super) fn dealt<'a, T>(world: &dyn World, all: &'a [T]) -> impl Iterator<Item = &'a T> {
    all.iter().skip(world.rank()).step_by(world.size())
}

/// What each rank has made of the things that were [`dealt`] to it, in the order of the things.
pub(super) fn in_order<T>(by_rank: Vec<Vec<T>>) -> impl Iterator<Item = T> {
    let mut by_rank: Vec<_> = by_rank.into_iter().map(Vec::into_iter).collect();
    let ranks = by_rank.len();
    (0..).map_while(move |index| by_rank[index % ranks].next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::threads::threads;

    #[test]
    fn what_is_dealt_comes_back_in_order() {
        for ranks in 1..5 {
            for length in [0, 1, 2, 3, 7] {
                let all: Vec<usize> = (0..length).collect();
                let by_rank = threads(ranks, |world| dealt(world, &all).copied().collect());
                assert_eq!(in_order(by_rank).collect::<Vec<_>>(), all, "{ranks} ranks");
            }
        }
    }
}
