//! A run as one page of HTML that needs nothing else: no script, nothing from outside. Text from configs and paths is escaped by
//! the macro that writes the page. The page is well-formed XML, too.

// What a run's files say.
mod facts;
// How figures are drawn.
mod plot;
mod shown;
// The sections.
mod architecture;
mod costs;
mod curves;
mod experts;
mod generations;
mod genes;
mod headline;
mod latency;
mod settings;
mod tested;
mod trials;
// All of it.
mod document;

pub use document::page;
pub use facts::Facts;
