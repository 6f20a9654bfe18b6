//! The edges that are documented, and those that were traced.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// What was traced so far.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<BTreeSet<String>>>);

impl Heard {
    pub fn forget(&self) {
        self.0.lock().expect("not poisoned").clear();
    }

    pub fn edges(&self) -> BTreeSet<String> {
        self.0.lock().expect("not poisoned").clone()
    }
}

/// Listens to every engine of this process.
pub fn listen() -> Heard {
    let heard = Heard::default();
    tracing::subscriber::set_global_default(Listener(heard.clone())).expect("the only listener");
    heard
}

struct Listener(Heard);

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "driftless::state"
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Collect(&self.0));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Collect<'h>(&'h Heard);

impl Visit for Collect<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "edge" {
            let edge = format!("{value:?}");
            self.0.0.lock().expect("not poisoned").insert(edge);
        }
    }
}

/// `from, on, to` of every row of the table in `docs/state-machine.md`.
pub fn documented() -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/state-machine.md");
    let text = std::fs::read_to_string(path).expect("the documentation of the state machine");
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        match cells[..] {
            ["", from, on, to, _, _, ""] if from.contains(' ') => {
                Some(format!("{from}, {on}, {to}"))
            }
            _ => None,
        }
    });
    rows.collect()
}
