//! What can be wrong with a declaration, and what to write instead.

use super::{FunctionKind, MAX_KEYS, MAX_NAME};

/// What can be wrong with an `aggregate!`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the entry of each kind, below, is its documentation"
)]
#[non_exhaustive]
pub enum AggregateFault {
    Syntax {
        problem: String,
    },
    NameNotAscii,
    NameTooLong {
        length: usize,
    },
    NoKeys,
    TooManyKeys,
    RepeatedKey {
        column: String,
    },
    EmptyColumn,
    NoFunctions,
    UnknownFunction {
        name: String,
    },
    CountOfColumn,
    NotOneColumn {
        function: &'static str,
        columns: usize,
    },
    RepeatedFunction {
        function: String,
    },
}

/// The form, to be copied.
const FORM: &str =
    "write `pub TODOS_BY_PROJECT = \"todos\" by (project_id) { count, sum(effort) }`";

impl AggregateFault {
    /// What is wrong, a few words to print beside the place, and what to write instead.
    pub(crate) fn entry(&self) -> (String, &'static str, String) {
        use AggregateFault::*;
        match self {
            Syntax { problem } => (
                format!("this aggregate cannot be read: {problem}"),
                "not understood",
                FORM.to_owned(),
            ),
            NameNotAscii => (
                "the name of an aggregate becomes part of names in the database, so it is ASCII".to_owned(),
                "not ASCII",
                "use letters, digits and underscores".to_owned(),
            ),
            NameTooLong { length } => (
                format!("the name has {length} characters, and {MAX_NAME} is the limit, since it becomes part of names in the database"),
                "too long",
                "shorten it".to_owned(),
            ),
            NoKeys => (
                "`by ()` names no column to group by".to_owned(),
                "empty",
                "name one or more columns: `by (project_id)`".to_owned(),
            ),
            TooManyKeys => (
                format!("`by` names more than {MAX_KEYS} columns"),
                "too many",
                "leave out those that the others decide".to_owned(),
            ),
            RepeatedKey { column } => (
                format!("`by` names the column `{column}` twice"),
                "repeated",
                "remove one of them".to_owned(),
            ),
            EmptyColumn => (
                "a column without a name".to_owned(),
                "empty",
                "name a column of the table".to_owned(),
            ),
            NoFunctions => (
                "the braces say nothing about what to keep".to_owned(),
                "empty",
                "write `{ count }`, and `sum(column)` and its likes if you need them".to_owned(),
            ),
            UnknownFunction { name } => (
                format!("`{name}` is not a function of an aggregate"),
                "unknown",
                match nearest(name) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => "there are `count`, `sum(column)`, `avg(column)`, `min(column)` and `max(column)`".to_owned(),
                },
            ),
            CountOfColumn => (
                "`count` counts rows, not the values of a column".to_owned(),
                "no column here",
                "write `count` without parentheses".to_owned(),
            ),
            NotOneColumn { function, columns } => (
                match columns {
                    0 => format!("`{function}` does not say of which column"),
                    _ => format!("`{function}` is of one column, and {columns} are given"),
                },
                "one column",
                format!("write `{function}(column)`, once for each column"),
            ),
            RepeatedFunction { function } => (
                format!("`{function}` is there twice"),
                "repeated",
                "remove one of them".to_owned(),
            ),
        }
    }
}

/// What people of other languages call them, and misspellings by a letter or two.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "average" | "mean" => return Some("avg(column)"),
        "minimum" | "least" => return Some("min(column)"),
        "maximum" | "greatest" => return Some("max(column)"),
        "total" | "add" => return Some("sum(column)"),
        "counts" | "len" | "rows" | "number" => return Some("count"),
        _ => {}
    }
    let begins = |kind: &FunctionKind| {
        let known = kind.as_str();
        name.starts_with(&known[..2]) && name.len().abs_diff(known.len()) < 3
    };
    let kind = FunctionKind::ALL.into_iter().find(begins)?;
    Some(match kind {
        FunctionKind::Count => "count",
        FunctionKind::Sum => "sum(column)",
        FunctionKind::Avg => "avg(column)",
        FunctionKind::Min => "min(column)",
        FunctionKind::Max => "max(column)",
    })
}
