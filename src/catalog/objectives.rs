//! What a search can minimise: the loss, and each cost.

use super::costs::COSTS;

/// The name of the validation loss.
pub const LOSS: &str = "loss";

/// All of them as configs name them, `search.objectives`; the first is the default.
pub static OBJECTIVES: [&str; COSTS.len() + 1] = {
    let mut names = [LOSS; COSTS.len() + 1];
    let mut place = 0;
    while place < COSTS.len() {
        names[place + 1] = COSTS[place].name;
        place += 1;
    }
    names
};
