//! Agreement with the reference: figures recorded from it (`AUTOMOE_GOLDENS`, default `../shared/goldens`).

mod beam;
pub mod files;
mod forward;
mod trajectory;
