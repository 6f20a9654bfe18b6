//! The `table` key: which table a step visits, as text, taken apart into schema and name.

use crate::diagnostic::FaultKind;

/// Our own tables: a migration never visits them.
const RESERVED: [&str; 7] = [
    "migration_state",
    "migration_run",
    "migration_audit",
    "migration_aggregate",
    "migration_range",
    "migration_quarantine",
    "migration_schema",
];

/// Name prefixes that belong to the databases themselves.
const RESERVED_PREFIXES: [&str; 2] = ["sqlite_", "pg_"];

/// A table as an attribute names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// The part before the dot.
    pub schema: Option<String>,
    /// The table's own name, without quotes.
    pub name: String,
}

impl TableName {
    /// Reads `name` or `schema.name`. A part that has a dot or a quote in it is written in SQL double
    /// quotes, inner quotes doubled: `"odd.name"`. Anything else (spaces, keywords, unicode) needs none.
    ///
    /// # Errors
    /// The fault to report when the text names no table a migration may visit.
    pub fn parse(text: &str) -> Result<TableName, FaultKind> {
        let unknown = |problem: String| FaultKind::TableSyntax {
            text: text.to_owned(),
            problem,
        };
        if text.trim().is_empty() {
            return Err(FaultKind::TableEmpty);
        }
        if let Some(character) = text.chars().find(|character| character.is_control()) {
            return Err(unknown(format!(
                "it holds the control character {}",
                character.escape_unicode()
            )));
        }
        let mut parts = split(text).map_err(&unknown)?;
        if parts.len() > 2 {
            return Err(unknown(format!("it has {} parts", parts.len())));
        }
        let name = parts.pop().unwrap_or_default();
        let table = TableName {
            schema: parts.pop(),
            name,
        };
        if table.is_reserved() {
            return Err(FaultKind::TableReserved { name: table.name });
        }
        Ok(table)
    }

    /// SQLite compares names without case, so case does not get around this.
    fn is_reserved(&self) -> bool {
        let name = self.name.to_ascii_lowercase();
        RESERVED.contains(&name.as_str())
            || RESERVED_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix))
    }
}

impl std::fmt::Display for TableName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(schema) = &self.schema {
            write!(formatter, "{}.", quoted_if_needed(schema))?;
        }
        write!(formatter, "{}", quoted_if_needed(&self.name))
    }
}

fn quoted_if_needed(part: &str) -> String {
    if part.contains(['.', '"']) || part.trim() != part {
        format!("\"{}\"", part.replace('"', "\"\""))
    } else {
        part.to_owned()
    }
}

/// The parts between dots, unquoted.
fn split(text: &str) -> Result<Vec<String>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_part(quoted)?,
            None => bare_part(rest)?,
        };
        parts.push(part);
        if after.is_empty() {
            return Ok(parts);
        }
        rest = after
            .strip_prefix('.')
            .ok_or_else(|| format!("`{after}` follows a closing quote"))?;
    }
}

fn quoted_part(text: &str) -> Result<(String, &str), String> {
    let mut part = String::new();
    let mut rest = text;
    loop {
        let Some((before, after)) = rest.split_once('"') else {
            return Err("a double quote is never closed".to_owned());
        };
        part.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                part.push('"');
                rest = more;
            }
            None if part.is_empty() => return Err("the quoted part is empty".to_owned()),
            None => return Ok((part, after)),
        }
    }
}

fn bare_part(text: &str) -> Result<(String, &str), String> {
    let (part, after) = text.split_at(text.find('.').unwrap_or(text.len()));
    if part.trim().is_empty() {
        return Err("a part is empty".to_owned());
    }
    if part.contains('"') {
        return Err("a double quote stands inside a part that is not quoted".to_owned());
    }
    if part.trim() != part {
        return Err("a part starts or ends with a space".to_owned());
    }
    Ok((part.to_owned(), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(schema: Option<&str>, name: &str) -> Result<TableName, FaultKind> {
        Ok(TableName {
            schema: schema.map(str::to_owned),
            name: name.to_owned(),
        })
    }

    #[test]
    fn names_and_schemas_are_taken_apart() {
        assert_eq!(TableName::parse("todos"), named(None, "todos"));
        assert_eq!(TableName::parse("shop.todos"), named(Some("shop"), "todos"));
        assert_eq!(TableName::parse("order items"), named(None, "order items"));
        assert_eq!(TableName::parse("select"), named(None, "select"));
        assert_eq!(TableName::parse("журнал"), named(None, "журнал"));
        assert_eq!(TableName::parse(r#""odd.name""#), named(None, "odd.name"));
        assert_eq!(
            TableName::parse(r#"shop."say ""hi"".now""#),
            named(Some("shop"), r#"say "hi".now"#)
        );
        assert_eq!(
            TableName::parse(r#""a.b"."c.d""#),
            named(Some("a.b"), "c.d")
        );
    }

    #[test]
    fn what_is_printed_is_read_back() {
        for text in [
            "todos",
            "shop.todos",
            r#""odd.name""#,
            r#""a""b"."c d""#,
            r#"" x ""#,
        ] {
            let table = TableName::parse(text).unwrap();
            assert_eq!(TableName::parse(&table.to_string()), Ok(table));
        }
    }

    #[test]
    fn unknown_syntax_is_refused() {
        for text in [
            ".", "a.", ".a", "a..b", "a.b.c", "\"a", "a\"b", "\"\"", "\"a\"b", "a\nb", "a\0", " a",
            "a .b", "\"a\".", "\"",
        ] {
            let parsed = TableName::parse(text);
            assert!(
                matches!(parsed, Err(FaultKind::TableSyntax { .. })),
                "{text:?}: {parsed:?}"
            );
        }
        assert_eq!(TableName::parse(""), Err(FaultKind::TableEmpty));
        assert_eq!(TableName::parse("  "), Err(FaultKind::TableEmpty));
    }

    #[test]
    fn reserved_names_are_refused_in_any_case_schema_and_quoting() {
        for text in [
            "migration_state",
            "MIGRATION_RUN",
            "public.migration_range",
            "\"migration_quarantine\"",
            "migration_schema",
            "sqlite_master",
            "PG_class",
            "pg_catalog.pg_class",
        ] {
            let parsed = TableName::parse(text);
            assert!(
                matches!(parsed, Err(FaultKind::TableReserved { .. })),
                "{text:?}: {parsed:?}"
            );
        }
        assert!(TableName::parse("migration_states").is_ok());
    }
}
