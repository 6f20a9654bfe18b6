//! What Postgres says when it refuses, as errors that say what to do.

use super::wire::Failure;
use crate::error::{Error, ErrorKind};
use tokio_postgres::error::{DbError, ErrorPosition};

/// A failure of a statement.
pub(super) fn translate(failure: Failure) -> Error {
    match failure.as_db_error() {
        Some(refusal) => of_the_server(refusal, failure.statement()),
        None => of_the_driver(failure),
    }
}

/// A failure of a statement that plans: two deploys of the same second create the same tables and insert the same row, and
/// the slower one is told so by a unique index of ours or of the catalog. It only has to look again.
pub(super) fn translate_planning(failure: Failure) -> Error {
    let code = failure.code().map(|code| code.code().to_owned());
    let error = translate(failure);
    match code.as_deref() {
        // XX000: "tuple concurrently updated", which has no code of its own.
        Some("23505" | "42P07" | "42710" | "XX000") => Error::new(
            ErrorKind::Busy,
            "somebody else plans a run at the same moment",
        )
        .with_source(error),
        _ => error,
    }
}

/// A failure to connect, with the way out.
pub(super) fn translate_connecting(failure: Failure, shown: &str) -> Error {
    let code = failure.code().map(|code| code.code().to_owned());
    let (kind, message) = match code.as_deref() {
        Some("28P01") => (
            ErrorKind::Database,
            format!(
                "{shown} does not accept the password; check the one in the URL or in PGPASSWORD"
            ),
        ),
        Some("28000") => (
            ErrorKind::Database,
            format!(
                "{shown} does not let this user in; check the user and the server's pg_hba.conf, and whether it wants TLS (sslmode=require)"
            ),
        ),
        Some("3D000") => (
            ErrorKind::Database,
            format!("the server of {shown} has no such database; create it first (createdb)"),
        ),
        Some("42501") => (
            ErrorKind::Database,
            format!("this user may not connect to {shown}; GRANT CONNECT ON DATABASE … TO …"),
        ),
        Some(_) => {
            let error = translate(failure);
            let message = format!("{shown} cannot be reached");
            return error.context(message);
        }
        None if failure.to_string().contains("TLS") => {
            // The driver tells a handshake that failed from a server that has no TLS only by its words.
            let message = if caused_by(&failure, "does not support TLS") {
                format!(
                    "the server of {shown} has no TLS, and sslmode wants it; switch TLS on there, or write sslmode=disable if the network is to be trusted"
                )
            } else {
                format!(
                    "no secure connection to {shown} came about; check sslrootcert and the host's name (verify-full wants the name in the server's certificate)"
                )
            };
            (ErrorKind::Database, message)
        }
        None if caused_by(&failure, "password missing") => (
            ErrorKind::Database,
            format!("{shown} asks for a password, and there is none in the URL nor in PGPASSWORD"),
        ),
        None => (
            ErrorKind::Busy,
            format!(
                "{shown} cannot be reached; check that the server runs and that host and port are right"
            ),
        ),
    };
    Error::new(kind, message).with_source(failure)
}

fn caused_by(failure: &Failure, words: &str) -> bool {
    let mut next: Option<&dyn std::error::Error> = Some(failure);
    while let Some(error) = next {
        if error.to_string().contains(words) {
            return true;
        }
        next = error.source();
    }
    false
}

/// The connection is gone, or the driver could not send or read.
fn of_the_driver(failure: Failure) -> Error {
    let text = failure.to_string();
    if text.starts_with("error serializing parameter") {
        return Error::step("a value cannot be sent").with_source(failure);
    }
    if text.starts_with("unexpected message") {
        // The statement's rows are not what a statement has: COPY does so.
        return Error::step("the statement talks to its client in a way that only psql understands (COPY … FROM STDIN); write it as INSERT or SELECT").with_source(failure);
    }
    Error::new(ErrorKind::Busy, "the connection to the database was lost").with_source(failure)
}

fn of_the_server(refusal: &DbError, statement: Option<&str>) -> Error {
    let code = refusal.code().code();
    let (kind, message) = match code {
        "40001" => busy("the transaction collided with another one (serialization failure)"),
        "40P01" => busy("the transaction and another one waited for each other (deadlock)"),
        "55P03" => busy("a row or table is locked by somebody else"),
        "57014" => busy("the statement was canceled, by a statement timeout or by hand"),
        "57P01" | "57P02" => busy("the server is shutting down or ended the connection"),
        "57P03" => busy("the server is starting up"),
        "57P05" | "25P03" => busy("the server ended a connection that was idle for too long"),
        "53300" => busy(
            "the server has no connection left; raise max_connections, or put a pooler in between",
        ),
        "53000" | "53400" => busy("the server is short of something"),
        "53100" => (
            ErrorKind::Database,
            "the server's disk is full; make room and run `up` again, it goes on where it stopped"
                .into(),
        ),
        "53200" => busy("the server is out of memory"),
        "25006" => busy(
            "the server takes no writes now: it is a standby, or was made read-only (default_transaction_read_only)",
        ),
        "25P02" => busy("the transaction has failed before"),
        "26000" | "42P05" => busy(
            "a pooler between us and the server mixed up prepared statements; driftless names none, but types of your own that raw SQL reads make the driver ask by name: write `::text` after them",
        ),
        "42501" => (
            ErrorKind::Database,
            denied(refusal.message(), statement.unwrap_or_default()),
        ),
        "3F000" => (
            ErrorKind::Database,
            "no schema of this role's search_path exists or may be used; GRANT USAGE, CREATE ON SCHEMA … TO it (public, as a rule), or ALTER ROLE … SET search_path".into(),
        ),
        "42P01" => (
            ErrorKind::Database,
            "a table is gone or was never there".into(),
        ),
        "0A000" => (ErrorKind::Database, "this server cannot do that".into()),
        "08P01" | "42P02" => (
            ErrorKind::Step,
            "the statement and its parameters do not fit together".into(),
        ),
        _ if code.starts_with("08") => busy("the connection to the database was lost"),
        _ if code.starts_with("23") => (ErrorKind::Constraint, "a constraint does not hold".into()),
        _ => (ErrorKind::Database, "Postgres refused".into()),
    };
    Error::new(kind, message).with_source(Refusal::from(refusal))
}

/// Which right is missing, on what. The server says on what; which one, the statement does.
fn denied(message: &str, statement: &str) -> String {
    let object = message.strip_prefix("permission denied for ");
    let Some((kind, name)) = object.and_then(|object| object.split_once(' ')) else {
        return format!("this role lacks a right: {message}; GRANT it, or run as the owner");
    };
    let does = verb(statement);
    let (right, kind) = match (kind, does) {
        ("table" | "view" | "column", "SELECT") if statement.contains(" FOR NO KEY UPDATE") => {
            ("SELECT, UPDATE", "")
        }
        ("table" | "view" | "column", "SELECT" | "INSERT" | "UPDATE" | "DELETE") => (does, ""),
        ("schema", "CREATE") => ("CREATE", "SCHEMA "),
        ("schema", _) => ("USAGE", "SCHEMA "),
        ("sequence", _) => ("USAGE", "SEQUENCE "),
        ("function", _) => ("EXECUTE", "FUNCTION "),
        ("type", _) => ("USAGE", "TYPE "),
        _ => {
            return format!(
                "this role lacks a right on {kind} {name}; GRANT it, or run as the owner"
            );
        }
    };
    format!(
        "this role lacks the right {right} on {name}; GRANT {right} ON {kind}{name} TO it, or run as the owner"
    )
}

/// What a statement does: the first of these words in it, comments apart.
fn verb(statement: &str) -> &'static str {
    const VERBS: [&str; 5] = ["CREATE", "INSERT", "UPDATE", "DELETE", "SELECT"];
    let lines = statement
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default());
    let mut words = lines.flat_map(|line| line.split(|c: char| !c.is_ascii_alphabetic()));
    // `WITH … AS (SELECT …) UPDATE …` updates.
    let known = |word: &str| {
        VERBS
            .into_iter()
            .find(|verb| word.eq_ignore_ascii_case(verb))
    };
    match words.next() {
        Some(word) if word.eq_ignore_ascii_case("WITH") => {
            let mut rest = words.filter_map(known).collect::<Vec<_>>();
            rest.sort_unstable_by_key(|verb| VERBS.iter().position(|known| known == verb));
            rest.first().copied().unwrap_or_default()
        }
        first => first
            .into_iter()
            .chain(words)
            .find_map(known)
            .unwrap_or_default(),
    }
}

fn busy(message: &str) -> (ErrorKind, String) {
    (ErrorKind::Busy, message.to_owned())
}

/// The server's own words, all of them.
#[derive(Debug)]
struct Refusal {
    text: String,
}

impl From<&DbError> for Refusal {
    fn from(refusal: &DbError) -> Self {
        let mut text = format!("{} (SQLSTATE {}", refusal.message(), refusal.code().code());
        if let Some(ErrorPosition::Original(position)) = refusal.position() {
            text.push_str(&format!(", at character {position}"));
        }
        text.push(')');
        // "Failing row contains (…)" is somebody's data, and goes to logs; the document is named by its key.
        let shows_a_row = matches!(refusal.code().code(), "23502" | "23514");
        if let Some(detail) = refusal.detail().filter(|_| !shows_a_row) {
            text.push_str(&format!("; {}", detail.trim_end_matches('.')));
        }
        if let Some(hint) = refusal.hint() {
            text.push_str(&format!("; {}", hint.trim_end_matches('.')));
        }
        if let Some(place) = refusal.where_() {
            let first = place.lines().next().unwrap_or_default();
            text.push_str(&format!("; in {first}"));
        }
        Refusal { text }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_right_is_named_by_what_the_statement_does() {
        for (message, statement, says) in [
            (
                "table accounts",
                "SELECT 1 FROM accounts",
                "GRANT SELECT ON accounts",
            ),
            (
                "table accounts",
                "SELECT 1 FROM accounts FOR NO KEY UPDATE",
                "GRANT SELECT, UPDATE ON accounts",
            ),
            (
                "table accounts",
                "WITH new AS (SELECT 1) UPDATE accounts SET a = 1",
                "GRANT UPDATE ON accounts",
            ),
            (
                "table audit",
                "insert into audit values (1)",
                "GRANT INSERT ON audit",
            ),
            (
                "schema public",
                "-- SELECT nothing\nCREATE TABLE t ()",
                "GRANT CREATE ON SCHEMA public",
            ),
            (
                "schema shop",
                "SELECT 1 FROM shop.t",
                "GRANT USAGE ON SCHEMA shop",
            ),
        ] {
            let said = denied(&format!("permission denied for {message}"), statement);
            assert!(said.contains(says), "{said}");
        }
    }
}
