//! Documents that were set aside: the rows of `migration_quarantine`.

use super::read::Cells;
use super::rows::Direction;
use super::schema;
use crate::error::Result;
use crate::quarantine::QuarantinedDocument;
use crate::store::Session;
use crate::value::Value;

const COLUMNS: &str =
    "migration_id, direction, table_name, document_key, error, run_id, created_at";

/// Every document that is set aside, in the order of migrations, the oldest first. Writes nothing.
pub(crate) fn load_quarantined(session: &mut dyn Session) -> Result<Vec<QuarantinedDocument>> {
    let mut documents = Vec::new();
    if schema::check(session)?.is_none() {
        return Ok(documents);
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM migration_quarantine ORDER BY migration_id, created_at, document_key"
    );
    session.query(&sql, &[], &mut |row| {
        let cells = Cells {
            row,
            table: "migration_quarantine",
        };
        documents.push(QuarantinedDocument {
            migration_id: cells.text(0)?,
            direction: cells.name(1, Direction::parse)?,
            table: cells.text(2)?,
            key: cells.text(3)?,
            error: cells.text(4)?,
            run_id: cells.text(5)?,
            created_at: cells.text(6)?,
        });
        Ok(())
    })?;
    Ok(documents)
}

/// Takes a document out; says whether it was still there. Nobody else takes it out before the transaction ends.
pub(crate) fn take_out(session: &mut dyn Session, document: &QuarantinedDocument) -> Result<bool> {
    let sql = "DELETE FROM migration_quarantine WHERE migration_id = $1 AND direction = $2 AND document_key = $3";
    let parameters = [
        text(&document.migration_id),
        text(document.direction.as_str()),
        text(&document.key),
    ];
    Ok(session.execute(sql, &parameters)? > 0)
}

/// Replaces the error of a document that is still set aside. One that is not any more stays so.
pub(crate) fn replace_error(
    session: &mut dyn Session,
    document: &QuarantinedDocument,
    error: &str,
) -> Result<()> {
    let sql = "UPDATE migration_quarantine SET error = $1 WHERE migration_id = $2 AND direction = $3 AND document_key = $4";
    let parameters = [
        text(error),
        text(&document.migration_id),
        text(document.direction.as_str()),
        text(&document.key),
    ];
    session.execute(sql, &parameters).map(drop)
}

/// Corrects the counters of a step by a document that is not set aside any more, and by what was changed for it.
pub(crate) fn count_taken_out(
    session: &mut dyn Session,
    document: &QuarantinedDocument,
    changed: u64,
) -> Result<()> {
    let sql = "UPDATE migration_state SET changed = changed + $1, \
               quarantined = CASE WHEN quarantined > 0 THEN quarantined - 1 ELSE 0 END \
               WHERE migration_id = $2 AND direction = $3";
    let parameters = [
        Value::Integer(i64::try_from(changed).unwrap_or(i64::MAX)),
        text(&document.migration_id),
        text(document.direction.as_str()),
    ];
    session.execute(sql, &parameters).map(drop)
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}
