//! What there is to show of a run.

use super::search::SearchSoFar;
use super::training::TrainingSoFar;
use crate::report::Results;
use serde_json::{Value, json};
use std::fmt;

/// A run, as far as it has come.
pub struct Scene {
    /// What it is called.
    pub name: String,
    /// What it is at.
    pub phase: Phase,
    /// No process is at work any more, though something is left to do; none where that cannot be told.
    pub interrupted: Option<bool>,
    /// Seconds since one of its logs was written; none before that.
    pub age: Option<f64>,
    /// The SuperNet, then the models.
    pub trainings: Vec<TrainingSoFar>,
    /// Its search; none before it.
    pub search: Option<SearchSoFar>,
    /// What the search still takes by its pace since it is looked at; none where that is not known.
    pub search_seconds_left: Option<f64>,
    /// What was tested so far.
    pub results: Option<Results>,
    /// Runs beside it: other searches, other seeds; their folders within its own.
    pub subruns: Vec<String>,
    /// Which files are left out, for they cannot be read, and why.
    pub remarks: Vec<String>,
}

/// What a run is at, or was when its process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is logged yet.
    Preparing,
    /// A training, with its name.
    Training(String),
    /// The search.
    Searching,
    /// Models are tested.
    Testing,
    /// Another search or seed in `subruns/`, the path from there.
    Beside(String),
    /// Architectures are trained alone and compared with SuperNets.
    Ranking,
    /// One of the phases of `automoe run` is over, and the next one has logged nothing yet.
    Between,
    /// What was begun is over, but it is not, or not any more, all of what `automoe run` does.
    Over,
    /// `automoe run` has done all that it was asked for.
    Finished,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Training(name) => write!(f, "training {name}"),
            Self::Beside(path) => write!(f, "in subruns/{path}"),
            other => f.write_str(other.word()),
        }
    }
}

impl Phase {
    /// Whether nothing is under way.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Over | Self::Finished)
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Training(_) => "training",
            Self::Searching => "searching",
            Self::Testing => "testing",
            Self::Beside(_) => "beside",
            Self::Ranking => "ranking",
            Self::Between => "between phases",
            Self::Over => "nothing under way",
            Self::Finished => "finished",
        }
    }
}

impl Scene {
    /// The figures for other programs: one object.
    pub fn to_json(&self) -> Value {
        json!({
            "run": self.name,
            "phase": self.phase.word(),
            "interrupted": self.interrupted,
            "training": if let Phase::Training(name) = &self.phase { Some(name) } else { None },
            "beside": if let Phase::Beside(path) = &self.phase { Some(path) } else { None },
            "seconds_since_written": self.age,
            "trainings": self.trainings.iter().map(TrainingSoFar::to_json).collect::<Vec<_>>(),
            "search": self.search.as_ref().map(SearchSoFar::to_json),
            "search_seconds_left": self.search_seconds_left,
            "results": self.results.as_ref().map(|results| &results.rows),
            "subruns": self.subruns,
            "remarks": self.remarks,
        })
    }
}
