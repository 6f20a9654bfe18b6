//! `migration_audit`: what people decided about history, one row per migration and decision, never changed afterwards.

use super::read::Cells;
use super::rows::StateRow;
use super::source::{pack, unpack};
use super::write::{optional, text};
use crate::engine::Origin;
use crate::error::Result;
use crate::manifest::Migration;
use crate::store::Session;
use crate::value::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuditAction {
    /// The code as it is now stands for the code that was applied.
    Accept,
    /// One run was let pass.
    AllowDrift,
    /// The database begins with what a retired migration did.
    Baseline,
}

impl AuditAction {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            AuditAction::Accept => "accept",
            AuditAction::AllowDrift => "allow_drift",
            AuditAction::Baseline => "baseline",
        }
    }
}

/// A decision about one migration.
#[derive(Debug)]
pub(crate) struct Decision<'d> {
    pub action: AuditAction,
    pub migration_id: &'d str,
    pub reason: &'d str,
    /// What history says.
    pub old_checksum: &'d str,
    /// What the program says; `None` when it does not have the migration.
    pub new_checksum: Option<&'d str>,
    /// The run that was let pass.
    pub run_id: Option<&'d str>,
    /// The code that was accepted.
    pub source: Option<&'d str>,
}

/// Records a decision. Inside the caller's transaction.
pub(crate) fn record_decision(
    session: &mut dyn Session,
    decision: &Decision<'_>,
    origin: &Origin,
) -> Result<()> {
    let now = session.now_sql(Duration::ZERO);
    let sql = format!(
        "INSERT INTO migration_audit (audit_id, action, migration_id, reason, old_checksum, new_checksum, created_at, created_by, \
         host, program, git_commit, run_id, source, source_deflate) \
         VALUES ($1, $2, $3, $4, $5, $6, {now}, $7, $8, $9, $10, $11, $12, $13)"
    );
    let [plain, packed] = decision.source.map_or([Value::Null, Value::Null], pack);
    let parameters = [
        // Sorts by time.
        text(uuid::Uuid::now_v7().to_string()),
        text(decision.action.as_str()),
        text(decision.migration_id),
        text(decision.reason),
        text(decision.old_checksum),
        optional(decision.new_checksum),
        text(origin.user.as_str()),
        text(origin.host.as_str()),
        text(origin.program.as_str()),
        optional(origin.commit.as_deref()),
        optional(decision.run_id),
        plain,
        packed,
    ];
    session.execute(&sql, &parameters).map(drop)
}

/// Makes the code that is compiled in the code that history knows; everything else of the row stays as it is. Only together
/// with the decision that says why.
pub(crate) fn replace_checksum(session: &mut dyn Session, migration: &Migration) -> Result<()> {
    let parts = migration.parts;
    let sql = "UPDATE migration_state SET checksum = $2, checksum_up = $3, checksum_down = $4, checksum_rest = $5, \
               checksum_details = $6 WHERE migration_id = $1";
    let parameters = [
        text(migration.id),
        text(migration.checksum),
        text(parts.up),
        text(parts.down),
        text(parts.rest),
        text(parts.details),
    ];
    session.execute(sql, &parameters).map(drop)
}

/// Makes a migration that this program does not have an applied one. Only together with the decision that says why.
pub(crate) fn insert_applied(session: &mut dyn Session, id: &str, checksum: &str) -> Result<()> {
    let now = session.now_sql(Duration::ZERO);
    let sql = format!(
        "INSERT INTO migration_state (migration_id, checksum, checksum_up, checksum_down, checksum_rest, applied, status, \
         direction, run_id, cursor, processed, changed, quarantined, total, started_at, updated_at, completed_at, last_error, \
         write_mode, source, spread) \
         VALUES ($1, $2, '', '', '', TRUE, 'completed', 'up', '', NULL, 0, 0, 0, 0, {now}, {now}, {now}, NULL, '', '', 'even') \
         ON CONFLICT (migration_id) DO UPDATE SET checksum = $2, applied = TRUE, status = 'completed', direction = 'up', \
         updated_at = {now}, completed_at = {now}, last_error = NULL, spread = 'even'"
    );
    session.execute(&sql, &[text(id), text(checksum)]).map(drop)
}

/// Gives the states whose present checksum was accepted the source that was accepted: what the code is compared with.
pub(super) fn load_accepted(session: &mut dyn Session, states: &mut [StateRow]) -> Result<()> {
    let sql = "SELECT migration_id, new_checksum, source, source_deflate FROM migration_audit \
               WHERE action = 'accept' AND source IS NOT NULL ORDER BY audit_id";
    let mut newest = BTreeMap::new();
    session.query(sql, &[], &mut |row| {
        let cells = Cells {
            row,
            table: "migration_audit",
        };
        let source = unpack(cells.text(2)?, cells.bytes(3)?)?;
        newest.insert(cells.text(0)?, (cells.optional(1)?, source));
        Ok(())
    })?;
    for state in states {
        if let Some((Some(checksum), source)) = newest.remove(&state.migration_id)
            && checksum == state.checksum
        {
            state.source = source;
        }
    }
    Ok(())
}
