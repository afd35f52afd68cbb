//! The best continuations of one sentence's hypotheses, without sorting the vocabulary.

use crate::kernels::cpu::vector;
use crate::text::{EOS, PAD};

/// A hypothesis and a token that may follow it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Continuation {
    /// Row of the hypothesis within its sentence.
    pub row: usize,
    /// The token.
    pub token: u32,
    /// The hypothesis's summed log-probability, this token included.
    pub total: f32,
    /// The token's own log-probability.
    pub log_probability: f32,
}

/// Values of which the largest is found first.
const BLOCK: usize = 128;

/// Which tokens may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// All but padding.
    All,
    /// All but padding and the end of the sentence.
    NotEnd,
    /// Only the end of the sentence.
    End,
}

/// The `count` best continuations over all rows, best first; ties go to the lower row, then to the lower token. `None` where
/// numbers among them are not finite.
///
/// `logits` is `[totals.len(), vocab]` row-major and is used as scratch space.
pub(super) fn best(logits: &mut [f32], totals: &[f32], count: usize, allowed: Allowed) -> Option<Vec<Continuation>> {
    let vocab = logits.len() / totals.len();
    let mut best: Vec<Continuation> = Vec::with_capacity(totals.len() * count);
    for (row, (logits, &total)) in logits.chunks_exact_mut(vocab).zip(totals).enumerate() {
        let log_sum = log_sum_exp(logits);
        let continuation = |token: u32, logit: f32| {
            let log_probability = (f64::from(logit) - log_sum) as f32;
            Continuation { row, token, total: total + log_probability, log_probability }
        };
        match allowed {
            Allowed::End => best.push(continuation(EOS, logits[EOS as usize])),
            Allowed::All | Allowed::NotEnd => {
                logits[PAD as usize] = f32::NEG_INFINITY;
                let mut tokens = vocab - 1;
                if allowed == Allowed::NotEnd {
                    logits[EOS as usize] = f32::NEG_INFINITY;
                    tokens -= 1;
                }
                let found = largest(logits, count);
                // What is not a number, or minus infinity, is not among the largest.
                if found.len() < count.min(tokens) {
                    return None;
                }
                best.extend(found.into_iter().map(|(token, logit)| continuation(token, logit)));
            }
        }
    }
    if best.iter().any(|continuation| !continuation.total.is_finite()) {
        return None;
    }
    best.sort_by(|a, b| b.total.total_cmp(&a.total).then(a.row.cmp(&b.row)).then(a.token.cmp(&b.token)));
    best.truncate(count);
    Some(best)
}

fn log_sum_exp(logits: &[f32]) -> f64 {
    let largest = vector::max(logits);
    f64::from(largest) + f64::from(vector::sum_exp(logits, largest)).ln()
}

/// The `count` largest values with their places, largest first; of equal ones the earlier.
fn largest(values: &[f32], count: usize) -> Vec<(u32, f32)> {
    let mut kept: Vec<(u32, f32)> = Vec::with_capacity(count + 1);
    let mut threshold = f32::NEG_INFINITY;
    for (block, values) in values.chunks(BLOCK).enumerate() {
        // Most blocks hold nothing that is large enough.
        if kept.len() == count && vector::max(values) <= threshold {
            continue;
        }
        for (place, &value) in (block * BLOCK..).zip(values) {
            if value > threshold {
                let at = kept.partition_point(|&(_, other)| other >= value);
                kept.insert(at, (place as u32, value));
                kept.truncate(count);
                if kept.len() == count {
                    threshold = kept[count - 1].1;
                }
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_come_in_order_and_ties_keep_the_earlier() {
        let values = [1.0, 5.0, 3.0, 5.0, 2.0, 3.0];
        assert_eq!(largest(&values, 3), [(1, 5.0), (3, 5.0), (2, 3.0)]);
        assert_eq!(largest(&values[..2], 3), [(1, 5.0), (0, 1.0)]);
        let many: Vec<f32> = (0..10 * BLOCK).map(|i| (i * 7919 % 1283) as f32).collect();
        let mut sorted: Vec<(u32, f32)> = (0..).zip(many.iter().copied()).collect();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
        assert_eq!(largest(&many, 9), sorted[..9]);
    }

    #[test]
    fn rows_compete_by_their_totals() {
        // Vocabulary of six: bos, pad, eos, unk, a, b.
        let mut logits = vec![-9.0, 9.0, -9.0, -9.0, 2.0, 1.0, -9.0, -9.0, 3.0, -9.0, 2.0, -9.0];
        let best = |logits: &mut [f32], count, allowed| best(logits, &[-1.0, -1.1], count, allowed).unwrap();
        let found = best(&mut logits.clone(), 3, Allowed::All);
        let tokens: Vec<_> = found.iter().map(|c| (c.row, c.token)).collect();
        assert_eq!(tokens, [(1, 2), (1, 4), (0, 4)]);
        let found = best(&mut logits.clone(), 1, Allowed::NotEnd);
        assert_eq!((found[0].row, found[0].token), (1, 4));
        let found = best(&mut logits, 5, Allowed::End);
        assert!(found.len() == 2 && found.iter().all(|c| c.token == EOS));
    }

    #[test]
    fn numbers_that_are_not_finite_are_no_continuations() {
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for allowed in [Allowed::All, Allowed::NotEnd, Allowed::End] {
                for place in [EOS as usize, 4] {
                    let mut logits = vec![0.0; 6];
                    logits[place] = odd;
                    let found = best(&mut logits, &[0.0], 12, allowed);
                    // Minus infinity is only told where it would have to be chosen.
                    let is_chosen = match allowed {
                        Allowed::All => true,
                        Allowed::NotEnd => place == 4,
                        Allowed::End => place == EOS as usize,
                    };
                    let is_told = is_chosen || odd != f32::NEG_INFINITY;
                    assert_eq!(found.is_none(), is_told, "{odd} at {place}, {allowed:?}: {found:?}");
                }
            }
        }
    }
}
