//! Where parallel work starts, and how it is shared out.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs `work` on a thread of rayon's pool. Each parallel part that another thread starts costs two switches between
/// threads, tens of microseconds, which small models feel: an update of one has hundreds of such parts.
pub fn in_pool<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| work())
}

/// What `work` gives for each of `items`, in their order. Where there is one for each thread of rayon's pool, as many threads
/// take one after the other, the first ones first, and each computes parallel parts within by itself: shared, every part would
/// wait for its slowest thread.
pub fn deal<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = rayon::current_num_threads();
    if threads == 1 || items.len() < threads {
        return in_pool(|| items.iter().map(&work).collect());
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let mine =
            std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&place| place < items.len()));
        mine.map(|place| (place, work(&items[place]))).collect::<Vec<_>>()
    };
    // Where the system has no more threads, those that there are do it.
    let alone = || match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
        Ok(pool) => pool.install(take),
        Err(_) => take(),
    };
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let start = |_| std::thread::Builder::new().spawn_scoped(scope, alone).ok();
        let workers: Vec<_> = (0..threads).map_while(start).collect();
        let own = if workers.is_empty() { take() } else { Vec::new() };
        let taken = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
        taken.flatten().chain(own).collect()
    });
    done.sort_unstable_by_key(|&(place, _)| place);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_each_thread_computes_by_itself() {
        for threads in 1..4 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            for count in [0, 1, 2, 3, 50] {
                let items: Vec<usize> = (0..count).collect();
                let results = pool.install(|| deal(&items, |&item| (item, rayon::current_num_threads())));
                let together = if count < threads { threads } else { 1 };
                let want: Vec<_> = items.iter().map(|&item| (item, together)).collect();
                assert_eq!(results, want, "{threads} threads");
            }
        }
    }
}
