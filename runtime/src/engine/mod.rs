//! Planning and driving runs. Decisions are pure (`plan`, `drift`, `state`, `pace`); effects are in `run`, `step`, `lease`.

mod accept;
mod baseline;
mod between;
mod call;
mod commit;
mod drift;
mod failing;
mod flight;
mod follow;
mod heart;
mod lease;
mod open;
mod options;
mod order;
mod origin;
mod pace;
mod passes;
mod plan;
mod poller;
#[cfg(feature = "cli")]
mod preview;
mod quarantine;
mod ranges;
mod record;
mod retry;
mod run;
mod stale;
mod state;
mod status;
mod step;
mod visit;
mod worker;

pub(crate) use accept::accept;
pub(crate) use baseline::baseline;
pub(crate) use heart::Heart;
pub(crate) use lease::{Holder, is_gone};
pub(crate) use origin::Origin;
pub(crate) use pace::Pace;
#[cfg(feature = "cli")]
pub(crate) use preview::{Preview, preview};
pub(crate) use quarantine::{drop_quarantined, quarantined, retry_quarantined};
pub(crate) use retry::{Patience, gave_up};
pub(crate) use run::run;
pub(crate) use state::Standing;
pub(crate) use status::{cancel, status};
pub(crate) use worker::{Request as WorkerRequest, work};
