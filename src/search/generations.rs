//! Where a search by generations stands: which candidates are out, which trials are in, what is to be drawn next.
//!
//! It follows from the trials alone. When all candidates of a generation are told, those that were pruned are replaced,
//! round after round, until none is or [`ROUNDS`] are over; then the next generation comes. Ids count up in the order of
//! drawing.

use super::algorithm::Candidate;
use super::budget::Budget;
use super::trial::{Trial, TrialState};
use std::collections::BTreeMap;
use std::ops::Range;

/// Rounds in which the pruned candidates of one generation are replaced; then it stays smaller.
pub(super) const ROUNDS: usize = 12;

/// The generations of one search.
pub(super) struct Generations {
    budget: Budget,
    told: BTreeMap<u64, Trial>,
    /// The candidates that are being evaluated.
    current: Vec<Candidate>,
    /// The generation to draw when the current one is complete.
    next_generation: u64,
    /// The first id of the current generation.
    first_id: u64,
    /// The next id to give away.
    next_id: u64,
    /// How often pruned candidates of the current generation were replaced.
    round: usize,
}

/// Candidates to be drawn.
pub(super) struct Brood<'t> {
    /// The generation that they belong to.
    pub generation: u64,
    /// Their ids.
    pub ids: Range<u64>,
    /// 0: the generation's first ones. Else they replace the pruned ones of the round before.
    pub round: usize,
    /// Those that they replace.
    pub replaced: Vec<Candidate>,
    /// The trials of the generations before.
    pub earlier: Vec<&'t Trial>,
    /// The trials of this generation's rounds before.
    pub siblings: Vec<&'t Trial>,
}

impl Generations {
    /// None drawn yet.
    pub fn new(budget: Budget) -> Self {
        Self {
            budget,
            told: BTreeMap::new(),
            current: Vec::new(),
            next_generation: 0,
            first_id: 0,
            next_id: 0,
            round: 0,
        }
    }

    /// As [`super::Algorithm::ask`]; `draw` draws a brood, or as much of it as is new. A generation of which nothing is
    /// drawn ends the search.
    pub fn ask(&mut self, draw: &mut dyn FnMut(&Brood) -> Vec<Candidate>) -> Vec<Candidate> {
        while self.current.iter().all(|candidate| self.told.contains_key(&candidate.id)) {
            let Some(brood) = self.next_brood() else { break };
            let drawn = draw(&brood);
            let (generation, round, first) = (brood.generation, brood.round, brood.ids.start);
            self.next_id = drawn.last().map_or(first, |candidate| candidate.id + 1);
            if round == 0 {
                self.first_id = first;
                self.next_generation =
                    if drawn.is_empty() { self.budget.last_generation() + 1 } else { generation + 1 };
            }
            // Where nothing new is found to replace with, the next generation comes.
            self.round = if drawn.is_empty() { ROUNDS } else { round };
            self.current = drawn;
        }
        self.current.iter().filter(|candidate| !self.told.contains_key(&candidate.id)).cloned().collect()
    }

    /// As [`super::Algorithm::tell`].
    pub fn tell(&mut self, trial: &Trial) {
        self.told.insert(trial.id, trial.clone());
    }

    /// What to draw now that all current candidates are told; `None` when the search is over.
    fn next_brood(&self) -> Option<Brood<'_>> {
        let is_pruned = |candidate: &&Candidate| self.told[&candidate.id].state == TrialState::Pruned;
        let replaced: Vec<Candidate> = match self.round {
            ROUNDS => Vec::new(),
            _ => self.current.iter().filter(is_pruned).cloned().collect(),
        };
        let (generation, round, first_id, count) = if !replaced.is_empty() {
            (self.next_generation - 1, self.round + 1, self.first_id, replaced.len() as u64)
        } else if self.next_generation <= self.budget.last_generation() {
            (self.next_generation, 0, self.next_id, self.budget.size(self.next_generation))
        } else {
            return None;
        };
        Some(Brood {
            generation,
            round,
            ids: self.next_id..self.next_id.saturating_add(count),
            replaced,
            earlier: self.told.range(..first_id).map(|(_, trial)| trial).collect(),
            siblings: self.told.range(first_id..self.next_id).map(|(_, trial)| trial).collect(),
        })
    }
}
