//! `quarantine`: documents that steps have set aside.

use crate::cli::args::{Chosen, Quarantine, QuarantineCommand};
use crate::cli::exit::{self, Failure};
use crate::cli::json::{DroppedEnd, QuarantineEnd, RetriedEnd};
use crate::cli::nearest::suggestion;
use crate::cli::output::{BOLD, DIM, paint};
use crate::cli::summary::documents;
use crate::cli::target::Target;
use crate::cli::{Session, folder, secret};
use crate::migrator::Migrator;
use crate::quarantine::QuarantinedDocument;
use std::fmt::Write as _;

/// `quarantine`
pub(crate) async fn command(mut session: Session, flags: Quarantine) -> Result<u8, Failure> {
    folder::refuse_if_stale(session.manifest)?;
    let config = session.config()?;
    let target = session.target(&config)?;
    if let QuarantineCommand::Drop(_) = &flags.command {
        target.refuse_unless_sure("forgets documents that were set aside", session.global.yes)?;
    }
    let migrator = session.connect(&target).await?;
    let chosen = match &flags.command {
        QuarantineCommand::List(chosen) | QuarantineCommand::Retry(chosen) => chosen,
        QuarantineCommand::Drop(flags) => &flags.chosen,
    };
    let set_aside = choose(chosen, migrator.quarantined().await?, &session)?;
    match &flags.command {
        QuarantineCommand::List(_) => Ok(list(&session, &target, &set_aside)),
        QuarantineCommand::Retry(_) => retry(&session, &target, &migrator, set_aside).await,
        QuarantineCommand::Drop(_) => drop_them(&session, &target, &migrator, set_aside).await,
    }
}

/// The documents that are meant.
fn choose(
    chosen: &Chosen,
    all: Vec<QuarantinedDocument>,
    session: &Session,
) -> Result<Vec<QuarantinedDocument>, Failure> {
    let Some(id) = &chosen.migration else {
        return Ok(all);
    };
    let is_known = session.manifest.get(id).is_some();
    if !is_known && !all.iter().any(|document| document.migration_id == *id) {
        return Err(Failure::usage(format!(
            "there is no migration `{id}`; {}",
            suggestion(id, session.manifest.ids(), "migrations")
        )));
    }
    let of_migration = all
        .into_iter()
        .filter(|document| document.migration_id == *id);
    let Some(key) = &chosen.key else {
        return Ok(of_migration.collect());
    };
    let (mut meant, mut others) = (Vec::new(), Vec::new());
    for document in of_migration {
        match is_key(key, &document.key) {
            true => meant.push(document),
            false => others.push(document.key),
        }
    }
    if meant.is_empty() {
        let keys = others.iter().map(String::as_str);
        return Err(Failure::usage(format!(
            "no document with the key {key} is set aside by {id}; {}",
            suggestion(key, keys, "keys")
        )));
    }
    Ok(meant)
}

/// Whether a key is the one that was given: as JSON, or the only part of it as it is.
fn is_key(given: &str, key: &str) -> bool {
    let inner = key
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(key);
    given == key || given == inner || inner == format!("{given:?}")
}

fn list(session: &Session, target: &Target, set_aside: &[QuarantinedDocument]) -> u8 {
    let documents = set_aside.iter().map(masked).collect();
    session.output.object(&QuarantineEnd { documents });
    session.output.result(&text(target, set_aside));
    exit::DONE
}

fn masked(document: &QuarantinedDocument) -> QuarantinedDocument {
    QuarantinedDocument {
        error: secret::mask_text(&document.error),
        ..document.clone()
    }
}

/// The documents, migration by migration.
fn text(target: &Target, set_aside: &[QuarantinedDocument]) -> String {
    if set_aside.is_empty() {
        return format!("no document is set aside on {}", target.shown());
    }
    let mut text = format!(
        "{} set aside on {}\n",
        documents(set_aside.len() as u64),
        target.shown()
    );
    let mut heading = None;
    for document in set_aside {
        let of = (&document.migration_id, document.direction);
        if heading.replace(of) != Some(of) {
            let _ = writeln!(text, "\n{} {}", paint(BOLD, of.0), of.1);
        }
        let error = secret::mask_text(&document.error).replace('\n', "\n    ");
        let place = format!("{} {}", document.table, document.key);
        let _ = writeln!(text, "  {place}  {}", paint(DIM, &document.created_at));
        let _ = writeln!(text, "    {error}");
    }
    text.push_str(
        "\nmend the cause and `quarantine retry`, or `quarantine drop` to leave them as they are",
    );
    text
}

async fn retry(
    session: &Session,
    target: &Target,
    migrator: &Migrator,
    set_aside: Vec<QuarantinedDocument>,
) -> Result<u8, Failure> {
    if set_aside.is_empty() {
        session.output.object(&RetriedEnd::nothing());
        session.output.result(&text(target, &set_aside));
        return Ok(exit::DONE);
    }
    let mut retried = migrator.retry_quarantined(set_aside).await?;
    retried.failed = retried.failed.iter().map(masked).collect();
    session.output.object(&RetriedEnd::of(&retried));
    let mut words = format!(
        "{} done, {} changed on {}",
        documents(retried.done),
        retried.changed,
        target.shown()
    );
    if retried.gone > 0 {
        let _ = write!(words, "; {} gone, and forgotten", documents(retried.gone));
    }
    session.output.result(&words);
    if retried.failed.is_empty() {
        return Ok(exit::DONE);
    }
    for document in &retried.failed {
        session.output.error(&format!(
            "document {} of {} failed again: {}",
            document.key, document.table, document.error
        ));
    }
    Ok(exit::FAILED)
}

async fn drop_them(
    session: &Session,
    target: &Target,
    migrator: &Migrator,
    set_aside: Vec<QuarantinedDocument>,
) -> Result<u8, Failure> {
    let dropped = migrator.drop_quarantined(set_aside).await?;
    session.output.object(&DroppedEnd { dropped });
    session.output.result(&format!(
        "{} forgotten on {}; they stay as they are",
        documents(dropped),
        target.shown()
    ));
    Ok(exit::DONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_be_given_as_it_is_shown_or_without_its_brackets() {
        for (given, key) in [
            ("[7]", "[7]"),
            ("7", "[7]"),
            ("abc", "[\"abc\"]"),
            ("\"abc\"", "[\"abc\"]"),
            ("\"a\",2", "[\"a\",2]"),
        ] {
            assert!(is_key(given, key), "{given} {key}");
        }
        assert!(!is_key("7", "[77]"));
    }
}
