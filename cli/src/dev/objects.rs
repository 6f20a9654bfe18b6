//! What `dev --json` says besides passing the program's own lines on.

use super::state::{Action, Event, State};
use serde::Serialize;

/// One of its lines.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Object {
    Changed { files: Vec<String> },
    Building,
    Built { seconds: f64 },
    Broken { message: String },
    TryingAgain { seconds: f64 },
}

/// What is said of an event in JSON; the program's own lines are passed on as they are.
pub fn of_event(event: &Event, state: &State, actions: &[Action]) -> Vec<Object> {
    let mut objects = Vec::new();
    match event {
        Event::Changed(files) if !files.is_empty() => objects.push(Object::Changed {
            files: files.clone(),
        }),
        Event::BuildEnded(_) if state.building.is_none() && !state.quitting => {
            objects.extend(state.built.as_ref().map(|built| match &built.message {
                None => Object::Built {
                    seconds: built.took.as_secs_f64(),
                },
                Some(message) => Object::Broken {
                    message: message.clone(),
                },
            }));
        }
        Event::RunEnded(_) => objects.extend(state.pause.map(|pause| Object::TryingAgain {
            seconds: pause.as_secs_f64(),
        })),
        _ => {}
    }
    if actions.contains(&Action::Build) {
        objects.push(Object::Building);
    }
    objects
}

/// The last line: how the last run ended.
pub fn last(state: &State) -> impl Serialize + use<> {
    #[derive(Serialize)]
    struct Last {
        status: String,
        direction: &'static str,
        applied: usize,
        pending: Vec<String>,
        error: Option<String>,
    }
    let end = state.ended.clone().unwrap_or_default();
    Last {
        status: match end.status.as_str() {
            "" => "noop".into(),
            _ => end.status,
        },
        direction: "up",
        applied: end.applied,
        pending: end.pending,
        error: end.error,
    }
}
