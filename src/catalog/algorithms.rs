//! Who can propose the candidates of a search. What each row names is built in `search/algorithms/`.

/// A search algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlgorithmRow {
    /// As in configs, `search.algorithm`.
    pub name: &'static str,
    /// What it does, one line.
    pub documentation: &'static str,
}

/// All algorithms; the first is the default.
pub static ALGORITHMS: [AlgorithmRow; 2] = [
    AlgorithmRow {
        name: "evolution",
        documentation: "The best have mutants and crossovers, generation after generation: the reference's search",
    },
    AlgorithmRow { name: "random", documentation: "Random candidates under the same limits: the paper's baseline" },
];

/// Their names.
pub static ALGORITHM_NAMES: [&str; ALGORITHMS.len()] = {
    let mut names = [""; ALGORITHMS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = ALGORITHMS[index].name;
        index += 1;
    }
    names
};
