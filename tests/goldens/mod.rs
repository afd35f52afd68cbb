//! Agreement with the reference: figures recorded from it, of which a small part is checked in (`small/`).

mod beam;
pub mod files;
mod forward;
mod trajectory;
