//! Who can propose the candidates of a search. What each name stands for is built in `search/algorithms/`.

/// All algorithms as configs name them, `search.algorithm`; the first is the default.
pub static ALGORITHMS: [&str; 3] = ["evolution", "random", "nsga2"];

/// Those that minimise the loss and nothing else.
pub static OF_ONE_OBJECTIVE: [&str; 1] = ["evolution"];

/// Those whose candidates descend from no others.
pub static CHILDLESS: [&str; 1] = ["random"];
