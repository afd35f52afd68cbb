//! What a config can name, as plain rows.
//!
//! `config`, `cli` and messages read the rows without importing what they name. What builds the thing of a row stands in
//! its own room, and a test there holds both together.

mod algorithms;
mod costs;
mod objectives;
mod text_formats;
mod weight_sharing;

pub use algorithms::{ALGORITHMS, CHILDLESS, OF_ONE_OBJECTIVE};
pub use costs::{COSTS, CostRow, KV_CACHE_MB, LATENCY_MS, Origin, cost};
pub use objectives::{LOSS, OBJECTIVES};
pub use text_formats::{FAIRSEQ, PARQUET, TEXT_FORMATS, TMX, TSV, TWO_FILES, TextFormatRow};
pub use weight_sharing::{MAX_COPIES, MAX_CORRECTIONS, MAX_RANK, MIXTURE, SHARED, WEIGHT_SHARING};
