//! How an aggregate stands, and what a backfill does about it. Pure.

use crate::history::AggregateRow;
use serde::Serialize;
use std::fmt;

/// How an aggregate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum AggregateState {
    /// Rows are being counted, in the order of their keys; writes to those that are counted already are kept up with.
    Building,
    /// Every row is counted, and every write is kept up with in its own transaction.
    Ready,
    /// What it held is being removed, before it is built again.
    Clearing,
    /// Something changed its table without it, or it was declared anew: it has to be built again.
    Stale,
}

impl AggregateState {
    /// The name in tables and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            AggregateState::Building => "BUILDING",
            AggregateState::Ready => "READY",
            AggregateState::Clearing => "CLEARING",
            AggregateState::Stale => "STALE",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let all = [
            AggregateState::Building,
            AggregateState::Ready,
            AggregateState::Clearing,
            AggregateState::Stale,
        ];
        all.into_iter().find(|state| state.as_str() == text)
    }
}

impl fmt::Display for AggregateState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is to be done to make an aggregate `READY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: it is.
    Nothing,
    /// It has never been there.
    Create,
    /// Its tables and triggers are not those this program would make.
    Recreate,
    /// Its rows are not to be trusted, or are not wanted.
    Clear,
    /// It was begun and is to be gone on with.
    Resume,
}

/// What is to be done, from the stored row and from what is there. `damage` says what is missing of our tables and
/// triggers.
pub(crate) fn need(
    row: Option<&AggregateRow>,
    digest: &str,
    objects: &str,
    damage: Option<&str>,
    rebuild: bool,
) -> Need {
    let Some(row) = row else {
        return Need::Create;
    };
    if row.digest != digest || row.objects != objects || damage.is_some() {
        return Need::Recreate;
    }
    match row.state {
        AggregateState::Stale => Need::Clear,
        AggregateState::Ready | AggregateState::Building if rebuild => Need::Clear,
        AggregateState::Ready => Need::Nothing,
        AggregateState::Building | AggregateState::Clearing => Need::Resume,
    }
}

/// Why rows that were READY are not to be trusted, if anything is different from what was built.
pub(crate) fn distrust(row: &AggregateRow, digest: &str, damage: Option<&str>) -> Option<String> {
    if row.digest != digest {
        return Some("it was declared otherwise when it was built".into());
    }
    damage.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(state: AggregateState) -> AggregateRow {
        AggregateRow {
            state,
            digest: "d".into(),
            objects: "o".into(),
            ..AggregateRow::default()
        }
    }

    #[test]
    fn what_is_needed_follows_from_the_row_the_declaration_and_the_catalog() {
        use AggregateState::{Building, Clearing, Ready, Stale};
        let all = [Building, Ready, Clearing, Stale];
        let need = |state, digest, objects, damage, rebuild| {
            super::need(Some(&row(state)), digest, objects, damage, rebuild)
        };
        assert_eq!(super::need(None, "d", "o", None, false), Need::Create);
        for state in all {
            for rebuild in [false, true] {
                assert_eq!(need(state, "e", "o", None, rebuild), Need::Recreate);
                assert_eq!(need(state, "d", "p", None, rebuild), Need::Recreate);
                assert_eq!(need(state, "d", "o", Some("gone"), rebuild), Need::Recreate);
            }
        }
        assert_eq!(need(Ready, "d", "o", None, false), Need::Nothing);
        assert_eq!(need(Ready, "d", "o", None, true), Need::Clear);
        assert_eq!(need(Stale, "d", "o", None, false), Need::Clear);
        assert_eq!(need(Building, "d", "o", None, false), Need::Resume);
        assert_eq!(need(Clearing, "d", "o", None, true), Need::Resume);
    }

    #[test]
    fn names_are_read_back() {
        for name in ["BUILDING", "READY", "CLEARING", "STALE"] {
            assert_eq!(
                AggregateState::parse(name).map(AggregateState::as_str),
                Some(name)
            );
        }
        assert_eq!(AggregateState::parse("ready"), None);
    }
}
