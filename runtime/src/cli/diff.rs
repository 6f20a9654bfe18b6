//! `drift`: what was applied against what is compiled in.

use crate::cli::exit::{self, Failure};
use crate::cli::json::{Diff, DriftEnd};
use crate::cli::output::{BOLD, DIM, GREEN, RED, paint};
use crate::cli::{Session, folder, summary};
use crate::manifest::Manifest;
use crate::migrator::{Drift, Status};
use similar::{ChangeTag, TextDiff};
use std::fmt::Write as _;

/// How many unchanged lines surround a change.
const CONTEXT_LINES: usize = 3;

/// `drift`
pub(crate) async fn command(mut session: Session) -> Result<u8, Failure> {
    if let Err(stale) = folder::refuse_if_stale(session.manifest) {
        session.output.warn(&stale.message);
    }
    let config = session.config()?;
    let target = session.target(&config)?;
    let migrator = session.connect(&target).await?;
    let status = migrator.status().await?;
    let applied = |drift: &Drift| applied(drift, &status, session.manifest);
    let diffs = status.drift.iter().map(|drift| Diff {
        migration_id: &drift.migration_id,
        diff: anstream::adapter::strip_str(&applied(drift)).to_string(),
    });
    session.output.object(&DriftEnd {
        drift: &status.drift,
        diffs: diffs.collect(),
    });
    if status.drift.is_empty() {
        session.output.result(&format!(
            "no drift: what was applied on {} is what is compiled in",
            target.shown()
        ));
        return Ok(exit::DONE);
    }
    session.output.result(&text(&status, session.manifest));
    Ok(exit::DRIFT)
}

fn text(status: &Status, manifest: &Manifest) -> String {
    let sections = status
        .drift
        .iter()
        .map(|drift| section(drift, status, manifest))
        .collect::<Vec<_>>();
    let count = summary::migrations(sections.len());
    format!(
        "{}\n{}",
        sections.join("\n"),
        paint(RED, format!("{count} drifted"))
    )
}

/// One migration: the message, then the difference in its source.
fn section(drift: &Drift, status: &Status, manifest: &Manifest) -> String {
    format!(
        "{}\n{}",
        paint(BOLD, &drift.message),
        applied(drift, status, manifest)
    )
}

/// What was applied against what is compiled in.
fn applied(drift: &Drift, status: &Status, manifest: &Manifest) -> String {
    let id = drift.migration_id.as_str();
    let applied = status
        .migrations
        .iter()
        .find(|row| row.migration_id == id)
        .map_or("", |row| row.source());
    let compiled = manifest.get(id).map_or("", |migration| migration.source);
    match (manifest.retired_one(id), applied) {
        (Some(_), _) => {
            "(its file has left the build, so there is nothing to compare with)\n".into()
        }
        (None, "") => "(no source was kept of what was applied)\n".into(),
        (None, applied) => unified(applied, compiled, id),
    }
}

/// A unified diff, coloured line by line. What the checksum ignores is ignored, where both sides are Rust.
fn unified(applied: &str, compiled: &str, id: &str) -> String {
    let readable = match compiled {
        "" => None,
        compiled => driftless_manifest::checksum::readable(applied, compiled),
    };
    let [applied, compiled] = readable.unwrap_or_else(|| [applied, compiled].map(str::to_owned));
    let diff = TextDiff::from_lines(&applied, &compiled);
    let mut text = format!(
        "{}\n{}\n",
        paint(RED, format!("--- {id}.rs as applied")),
        paint(GREEN, format!("+++ {id}.rs as compiled in"))
    );
    for hunk in diff
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .iter_hunks()
    {
        let _ = writeln!(text, "{}", paint(DIM, hunk.header()));
        for change in hunk.iter_changes() {
            let line = change.value().trim_end_matches(['\n', '\r']);
            let _ = match change.tag() {
                ChangeTag::Delete => writeln!(text, "{}", paint(RED, format!("-{line}"))),
                ChangeTag::Insert => writeln!(text, "{}", paint(GREEN, format!("+{line}"))),
                ChangeTag::Equal => writeln!(text, " {line}"),
            };
        }
    }
    if applied == compiled {
        text.push_str("(the file itself is the same: a file that it names with `uses` changed)\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_diff_shows_what_was_applied_first() {
        insta::assert_snapshot!(plain(&unified("one\ntwo\nthree\n", "one\n2\nthree\n", "20260101_000000_x")), @r"
        --- 20260101_000000_x.rs as applied
        +++ 20260101_000000_x.rs as compiled in
        @@ -1,3 +1,3 @@
         one
        -two
        +2
         three
        ");
    }

    #[test]
    fn a_removed_file_is_shown_whole() {
        let text = plain(&unified("one\ntwo\n", "", "20260101_000000_x"));
        assert!(text.contains("-one\n-two\n"), "{text}");
    }

    #[test]
    fn equal_sources_are_explained() {
        assert!(unified("one\n", "one\n", "x").contains("`uses` changed"));
    }

    #[test]
    fn comments_layout_and_tuning_are_no_difference() {
        let applied = "//! Old words.\nfn up() -> i64 { 1 } // one\nfn down() -> i64 { 2 }\n";
        let compiled = "//! New words.\nfn up() -> i64 {\n    // two\n    10\n}\nfn down() -> i64 {\n    (2)\n}\n";
        insta::assert_snapshot!(plain(&unified(applied, compiled, "20260101_000000_x")), @r"
        --- 20260101_000000_x.rs as applied
        +++ 20260101_000000_x.rs as compiled in
        @@ -1,5 +1,5 @@
         fn up() -> i64 {
        -    1
        +    10
         }
         
         fn down() -> i64 {
        ");
    }
}
