//! How this process was started, as what starts several tells each of them.

use std::env;

/// Variables of rank and size: of Open MPI, of MPICH and others with its PMI, of MVAPICH, of Slurm. A batch script of Slurm has the
/// last ones, too, with a size of 1.
const VARIABLES: [[&str; 2]; 4] = [
    ["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"],
    ["PMI_RANK", "PMI_SIZE"],
    ["MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"],
    ["SLURM_PROCID", "SLURM_STEP_NUM_TASKS"],
];

/// One of several processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Launched {
    pub rank: usize,
    pub size: usize,
}

/// What the environment says. The first that says anything counts: Slurm starts what starts the processes of others.
pub(super) fn launched() -> Launched {
    of(&|name| env::var(name).ok())
}

fn of(variable: &dyn Fn(&str) -> Option<String>) -> Launched {
    let number = |name| variable(name)?.parse().ok();
    let found = VARIABLES.iter().find_map(|[rank, size]| Some(Launched { rank: number(rank)?, size: number(size)? }));
    found.unwrap_or(Launched { rank: 0, size: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_tells_of_processes_counts() {
        let with = |set: &[(&str, &str)]| {
            let variable = |name: &str| set.iter().find(|(of, _)| *of == name).map(|(_, value)| value.to_string());
            let Launched { rank, size } = of(&variable);
            (rank, size)
        };
        assert_eq!(with(&[]), (0, 1));
        assert_eq!(with(&[("PMI_RANK", "2"), ("PMI_SIZE", "4")]), (2, 4));
        let slurm = [("SLURM_PROCID", "1"), ("SLURM_STEP_NUM_TASKS", "2")];
        assert_eq!(with(&slurm), (1, 2));
        let both = [slurm.as_slice(), &[("OMPI_COMM_WORLD_RANK", "0"), ("OMPI_COMM_WORLD_SIZE", "1")]].concat();
        assert_eq!(with(&both), (0, 1));
        assert_eq!(with(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "8")]), (0, 1), "a batch script");
        assert_eq!(with(&[("PMI_RANK", "x"), ("PMI_SIZE", "4")]), (0, 1));
    }
}
