//! Which expert each token goes to, and the order in which sorted tokens are processed.

use crate::seed;
use rand::seq::SliceRandom;

/// Where the tokens of one mixture-of-experts layer go. An *entry* is a (rank, token) pair, numbered `rank · tokens + token`.
#[derive(Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Experts a token.
    pub top_k: usize,
    /// The experts of each token by falling probability, `[tokens][top_k]` row-major.
    pub experts: Vec<u32>,
    /// Entries routed to each expert, those over capacity included.
    pub counts: Vec<u64>,
    /// Entries that each expert processes; one more group, last, for those over capacity.
    pub group_sizes: Vec<usize>,
    /// Token of each entry, sorted by group.
    pub token_order: Vec<u32>,
    /// Place of each entry's probability in `[tokens, experts]`, in the same order.
    pub probability_order: Vec<u32>,
    /// Where entry e stands in the sorted order.
    pub inverse_order: Vec<u32>,
}

impl Assignment {
    /// Tokens that were routed.
    pub fn tokens(&self) -> usize {
        self.token_order.len() / self.top_k.max(1)
    }
}

/// Sends each token to its `top_k` most probable experts; ties go to the lowest index. A NaN goes before all, so that
/// the token's result is NaN, too.
///
/// With a capacity, an expert takes that many entries of each rank; which overflow is drawn from `seed`.
/// `probabilities` is `[tokens, experts]` row-major.
pub fn assign(probabilities: &[f32], experts: usize, top_k: usize, capacity: Option<usize>, seed: u64) -> Assignment {
    let tokens = probabilities.len() / experts;
    let mut chosen = Vec::with_capacity(tokens * top_k);
    for row in probabilities.chunks_exact(experts) {
        choose(row, top_k, &mut chosen);
    }
    let mut counts = vec![0u64; experts];
    chosen.iter().for_each(|&expert| counts[expert as usize] += 1);

    let mut groups = vec![0u32; tokens * top_k]; // group of each entry
    for rank in 0..top_k {
        for token in 0..tokens {
            groups[rank * tokens + token] = chosen[token * top_k + rank];
        }
        if let Some(capacity) = capacity {
            let ranked = &mut groups[rank * tokens..(rank + 1) * tokens];
            overflow(ranked, experts, capacity, seed, rank as u64);
        }
    }
    let mut group_sizes = vec![0usize; experts + 1];
    groups.iter().for_each(|&group| group_sizes[group as usize] += 1);
    let mut next: Vec<usize> =
        group_sizes.iter().scan(0, |start, &size| Some(std::mem::replace(start, *start + size))).collect();

    let mut assignment = Assignment {
        top_k,
        token_order: vec![0; groups.len()],
        probability_order: vec![0; groups.len()],
        inverse_order: vec![0; groups.len()],
        experts: chosen,
        counts,
        group_sizes,
    };
    for (entry, &group) in groups.iter().enumerate() {
        let place = next[group as usize];
        next[group as usize] += 1;
        let (rank, token) = (entry / tokens, entry % tokens);
        let expert = assignment.experts[token * top_k + rank] as usize;
        assignment.token_order[place] = token as u32;
        assignment.probability_order[place] = (token * experts + expert) as u32;
        assignment.inverse_order[entry] = place as u32;
    }
    assignment
}

fn choose(row: &[f32], top_k: usize, chosen: &mut Vec<u32>) {
    let start = chosen.len();
    for _ in 0..top_k {
        let mut best = None;
        for (expert, &p) in row.iter().enumerate() {
            let taken = chosen[start..].contains(&(expert as u32));
            if !taken && best.is_none_or(|b: usize| !row[b].is_nan() && (p.is_nan() || p > row[b])) {
                best = Some(expert);
            }
        }
        chosen.push(best.expect("top_k is at most the number of experts") as u32);
    }
}

/// Moves entries over the capacity to the extra group `experts`.
fn overflow(groups: &mut [u32], experts: usize, capacity: usize, seed: u64, rank: u64) {
    for expert in 0..experts as u32 {
        let mut members: Vec<usize> = (0..groups.len()).filter(|&t| groups[t] == expert).collect();
        if members.len() > capacity {
            let index = rank * experts as u64 + u64::from(expert);
            members.shuffle(&mut seed::stream(seed, "drop-tokens", index));
            members[capacity..].iter().for_each(|&token| groups[token] = experts as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_tokens_by_expert_and_back() {
        #[rustfmt::skip]
        let p = [0.1, 0.7, 0.2,
                 0.5, 0.2, 0.3,
                 0.2, 0.6, 0.2];
        let assignment = assign(&p, 3, 1, None, 0);
        assert_eq!(assignment.experts, [1, 0, 1]);
        assert_eq!(assignment.group_sizes, [1, 2, 0, 0]);
        assert_eq!(assignment.token_order, [1, 0, 2]);
        assert_eq!(assignment.probability_order, [3, 1, 7]);
        assert_eq!(assignment.inverse_order, [1, 0, 2]);
    }

    #[test]
    fn ties_go_to_the_lowest_index_and_ranks_fall() {
        let assignment = assign(&[0.25, 0.25, 0.5], 3, 2, None, 0);
        assert_eq!(assignment.experts, [2, 0]);
        assert_eq!(assign(&[0.5, 0.5], 2, 1, None, 0).experts, [0]);
    }

    #[test]
    fn not_a_number_still_routes() {
        assert_eq!(assign(&[f32::NAN, f32::NAN], 2, 2, None, 0).experts, [0, 1]);
    }

    #[test]
    fn capacity_counts_each_rank_and_keeps_the_chosen_expert_for_the_scale() {
        // Four tokens all prefer expert 1, then expert 0.
        let p: Vec<f32> = [0.4, 0.6].repeat(4);
        let assignment = assign(&p, 2, 2, Some(3), 9);
        assert_eq!(assignment.counts, [4, 4]);
        assert_eq!(assignment.group_sizes, [3, 3, 2]);
        let over = &assignment.probability_order[6..];
        assert!([over[0] % 2, over[1] % 2] == [1, 0], "one of each rank: {over:?}");
        assert_eq!(assignment, assign(&p, 2, 2, Some(3), 9));
    }
}
