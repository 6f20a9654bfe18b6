//! Planning and driving runs. Decisions are pure (`plan`, `drift`, `state`, `pace`); effects are in `run`, `step`, `lease`.

mod drift;
mod failing;
mod follow;
mod heart;
mod lease;
mod open;
mod pace;
mod passes;
mod plan;
mod retry;
mod run;
mod state;
mod status;
mod step;

pub(crate) use heart::Heart;
pub(crate) use run::run;
pub(crate) use state::Standing;
pub(crate) use status::{cancel, status};
