//! Writing so that a table's triggers do not fire, and its constraints hold all the same (P11).
//!
//! A transaction that calls itself a replica fires no triggers. That is a setting of the transaction, so that nobody else
//! notices and nothing is left behind; it is switched on around our own statement alone, so that the triggers on what a step
//! writes with raw SQL do fire. Checks, unique indexes and NOT NULL are no triggers and hold. Foreign keys *are* triggers to
//! Postgres and are switched off with the others; [`foreign_keys`](super::foreign_keys) checks them by hand.
//!
//! Only a superuser may do so, or (from Postgres 15 on) who was granted the setting.

use super::session::PostgresSession;
use super::table::{Fires, Table};
use crate::error::{Error, Result};
use crate::store::TableInfo;

/// From here on triggers do not fire.
pub(super) const OFF: &str =
    "SELECT pg_catalog.set_config('session_replication_role', 'replica', true)";

/// From here on they do.
pub(super) const ON: &str =
    "SELECT pg_catalog.set_config('session_replication_role', 'origin', true)";

/// Whether something must be done to keep triggers from firing.
pub(super) fn is_needed(session: &PostgresSession, own: &Table) -> bool {
    let fires = |fires: Fires| fires != Fires::OnReplicas;
    !session.fires && own.triggers.iter().any(|trigger| fires(trigger.fires))
}

/// Fails when the triggers cannot be kept from firing, before a document is touched.
pub(super) fn check(session: &mut PostgresSession, table: &TableInfo) -> Result<()> {
    let own = PostgresSession::own(table)?;
    if !own
        .triggers
        .iter()
        .any(|trigger| trigger.fires != Fires::OnReplicas)
    {
        return Ok(());
    }
    let stubborn: Vec<&str> = own
        .triggers
        .iter()
        .filter(|trigger| trigger.fires != Fires::Normally)
        .map(|trigger| trigger.name.as_str())
        .collect();
    if !stubborn.is_empty() {
        return Err(refused(
            table,
            &format!(
                "{} fire also on replicas (ENABLE ALWAYS or ENABLE REPLICA)",
                stubborn.join(", ")
            ),
            "",
        ));
    }
    if session.shared.flavor().cockroach {
        return Err(refused(
            table,
            "CockroachDB cannot keep triggers from firing",
            "",
        ));
    }
    session.ask(OFF, Vec::new()).map(drop).map_err(|error| {
        if error.is_busy() {
            return error;
        }
        let grant = "GRANT SET ON PARAMETER session_replication_role TO this role (Postgres 15 and newer), run as a superuser, ";
        let refusal = refused(table, "this role may not keep them from firing", grant);
        // The server's own words; what a missing right means in general is not wanted here.
        match std::error::Error::source(&error).map(ToString::to_string) {
            Some(words) => refusal.with_source(words),
            None => refusal.with_source(error),
        }
    })
}

fn refused(table: &TableInfo, why: &str, more_choices: &str) -> Error {
    let names = table.triggers.join(", ");
    Error::database(format!(
        "{name} has triggers ({names}), and {why}; {more_choices}say write_mode = \"normal\" in the migration so that they fire, or disable them meanwhile: ALTER TABLE {sql_name} DISABLE TRIGGER …",
        name = table.name,
        sql_name = table.sql_name,
    ))
}
