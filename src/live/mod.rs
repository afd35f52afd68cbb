//! A run, or a search, on a terminal as it goes: lines of text of a given width, drawn again and again by whoever asks for them.
//! Marks and frames are characters that every terminal has; nothing is coloured.

// How text is laid out.
mod text;
// Points in a frame of characters.
mod plot;
// A search.
mod search;
mod search_lines;
// A training.
mod training;
// All of a run, and how it is read.
mod scene;
mod scene_lines;
mod watched;

pub use scene::{Phase, Scene};
pub use search::{Found, SearchSoFar};
pub use training::TrainingSoFar;
pub use watched::Watched;
