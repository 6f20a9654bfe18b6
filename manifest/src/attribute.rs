//! The keys of `#[migration(…)]`: read one by one, so that every mistake is reported and the rest is kept.

use crate::diagnostic::{FaultKind, Located};
use crate::table::TableName;
use proc_macro2::{Span, TokenStream};
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit, LitStr, Token, UnOp};

/// The largest batch: larger transactions hold locks and memory without being faster.
pub const MAX_BATCH_SIZE: u32 = 100_000;

/// Every key, with how it is written.
const KEYS: [(&str, &str); 10] = [
    ("table", "table = \"todos\""),
    ("description", "description = \"what it does\""),
    ("batch_size", "batch_size = 500"),
    ("write_mode", "write_mode = \"normal\""),
    ("filter", "filter = \"priority IS NULL\""),
    ("remaining", "remaining = \"priority IS NULL\""),
    ("on_error", "on_error = \"quarantine\""),
    ("locking", "locking = \"rows\""),
    ("uses", "uses(\"src/priority.rs\")"),
    ("after", "after = \"20260227_080239_add_priorities\""),
];

const WRITE_MODES: [&str; 2] = ["safe_bypass", "normal"];
const ON_ERROR: [&str; 2] = ["fail", "quarantine"];
const LOCKING: [&str; 2] = ["optimistic", "rows"];

/// The keys of one `#[migration(…)]`, those that could be read.
#[derive(Debug, Default, Clone)]
pub struct MigrationAttribute {
    /// The table to visit.
    pub table: Option<TableName>,
    /// What the migration does, when the module documentation does not say.
    pub description: Option<String>,
    /// Documents per transaction.
    pub batch_size: Option<u32>,
    /// Whether hooks and triggers fire.
    pub write_mode: WriteMode,
    /// SQL predicate: which documents to visit.
    pub filter: Option<String>,
    /// SQL predicate that matches nothing once the step is complete.
    pub remaining: Option<String>,
    /// What a failing document does to the run.
    pub on_error: OnError,
    /// How writes of others between our read and our write are noticed.
    pub locking: Locking,
    /// Files whose content belongs to the checksum.
    pub uses: Vec<(String, Span)>,
    /// The migration that must be applied before this one, by its id.
    pub after: Option<(String, Span)>,
}

/// The values of `write_mode`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// `"safe_bypass"`
    #[default]
    SafeBypass,
    /// `"normal"`
    Normal,
}

/// The values of `on_error`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// `"fail"`
    #[default]
    Fail,
    /// `"quarantine"`
    Quarantine,
}

/// The values of `locking`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Locking {
    /// `"optimistic"`
    #[default]
    Optimistic,
    /// `"rows"`
    Rows,
}

/// The keys as a list for messages.
pub(crate) fn key_list() -> String {
    KEYS.map(|(key, _)| format!("`{key}`")).join(", ")
}

/// How a key is written.
pub(crate) fn example(key: &str) -> &'static str {
    KEYS.iter()
        .find(|(name, _)| *name == key)
        .map_or("key = \"value\"", |(_, example)| example)
}

/// Reads what stands between the parentheses of `#[migration(…)]`.
pub fn parse(tokens: TokenStream, attribute: Span) -> (MigrationAttribute, Vec<Located>) {
    let mut reader = Reader {
        seen: Vec::new(),
        is_table_misspelt: false,
        read: MigrationAttribute::default(),
        faults: Vec::new(),
    };
    let entries = (|input: ParseStream<'_>| reader.entries(input)).parse2(tokens);
    if let Err(error) = entries {
        // What follows the first unreadable token is unknown, so a missing table is not worth a second message.
        let kind = FaultKind::AttributeSyntax {
            problem: error.to_string(),
        };
        reader.faults.push(Located::new(kind, error.span()));
    } else if !reader.seen.contains(&"table") && !reader.is_table_misspelt {
        reader
            .faults
            .push(Located::new(FaultKind::TableMissing, attribute));
    }
    (reader.read, reader.faults)
}

struct Reader {
    seen: Vec<&'static str>,
    is_table_misspelt: bool,
    read: MigrationAttribute,
    faults: Vec<Located>,
}

impl Reader {
    fn entries(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        while !input.is_empty() {
            self.entry(input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let path = input.call(syn::Path::parse_mod_style)?;
        let name = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect::<Vec<_>>()
            .join("::");
        let Some((key, _)) = KEYS.iter().find(|(key, _)| *key == name) else {
            let nearest = nearest(&name);
            // A `tabel` is the table: that it is missing is no second mistake.
            self.is_table_misspelt |= nearest == Some("table");
            self.faults.push(Located::new(
                FaultKind::UnknownKey { nearest, key: name },
                path.span(),
            ));
            return skip_value(input);
        };
        if self.seen.contains(key) {
            self.faults
                .push(Located::new(FaultKind::RepeatedKey { key }, path.span()));
            return skip_value(input);
        }
        self.seen.push(key);
        if *key == "uses" {
            self.uses(input, path.span())
        } else {
            self.value(key, input, path.span())
        }
    }

    /// `uses("src/a.rs", "src/b.rs")`
    fn uses(&mut self, input: ParseStream<'_>, key: Span) -> syn::Result<()> {
        const FORM: FaultKind = FaultKind::WrongValue {
            key: "uses",
            expected: "a list of files in parentheses",
        };
        if !input.peek(syn::token::Paren) {
            self.faults.push(Located::new(FORM, key));
            return skip_value(input);
        }
        let content;
        syn::parenthesized!(content in input);
        let files = content.parse_terminated(Expr::parse_without_eager_brace, Token![,])?;
        if files.is_empty() {
            self.faults.push(Located::new(FORM, key));
        }
        for file in &files {
            match string(file) {
                Some(text) => self.read.uses.push((text.value(), text.span())),
                None => self.faults.push(Located::new(FORM, file.span())),
            }
        }
        Ok(())
    }

    /// `key = literal`
    fn value(&mut self, key: &'static str, input: ParseStream<'_>, span: Span) -> syn::Result<()> {
        if !input.peek(Token![=]) {
            let expected = if key == "batch_size" {
                "a whole number"
            } else {
                "a string"
            };
            self.faults
                .push(Located::new(FaultKind::WrongValue { key, expected }, span));
            return skip_value(input);
        }
        input.parse::<Token![=]>()?;
        let value: Expr = input.parse()?;
        let outcome = if key == "batch_size" {
            self.batch_size(&value)
        } else {
            self.text(key, &value)
        };
        if let Err(kind) = outcome {
            self.faults.push(Located::new(kind, value.span()));
        }
        Ok(())
    }

    fn batch_size(&mut self, value: &Expr) -> Result<(), FaultKind> {
        const KEY: &str = "batch_size";
        let not_a_number = FaultKind::WrongValue {
            key: KEY,
            expected: "a whole number",
        };
        let (negative, digits) = match value {
            Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => (true, integer(&unary.expr)),
            other => (false, integer(other)),
        };
        let digits = digits.ok_or(not_a_number)?;
        match digits.parse::<u32>() {
            Ok(number) if !negative && (1..=MAX_BATCH_SIZE).contains(&number) => {
                self.read.batch_size = Some(number);
                Ok(())
            }
            _ => Err(FaultKind::BatchSizeRange {
                text: format!("{}{digits}", if negative { "-" } else { "" }),
            }),
        }
    }

    fn text(&mut self, key: &'static str, value: &Expr) -> Result<(), FaultKind> {
        let text = string(value)
            .ok_or(FaultKind::WrongValue {
                key,
                expected: "a string",
            })?
            .value();
        match key {
            "table" => self.read.table = Some(TableName::parse(&text)?),
            "after" if crate::id::parse(&format!("{text}.rs")).is_err() => {
                return Err(FaultKind::AfterNotAnId { text });
            }
            "after" => self.read.after = Some((text, value.span())),
            "description" => self.read.description = Some(text),
            "write_mode" => {
                self.read.write_mode = choice(
                    key,
                    text,
                    WRITE_MODES,
                    [WriteMode::SafeBypass, WriteMode::Normal],
                )?;
            }
            "on_error" => {
                self.read.on_error =
                    choice(key, text, ON_ERROR, [OnError::Fail, OnError::Quarantine])?
            }
            "locking" => {
                self.read.locking =
                    choice(key, text, LOCKING, [Locking::Optimistic, Locking::Rows])?
            }
            _ if text.trim().is_empty() => return Err(FaultKind::EmptyText { key }),
            "filter" => self.read.filter = Some(text),
            _ => self.read.remaining = Some(text),
        }
        Ok(())
    }
}

fn choice<T: Copy>(
    key: &'static str,
    text: String,
    choices: [&'static str; 2],
    values: [T; 2],
) -> Result<T, FaultKind> {
    let position = choices.iter().position(|choice| *choice == text);
    position
        .map(|index| values[index])
        .ok_or(FaultKind::UnknownChoice { key, text, choices })
}

/// A string literal, without a suffix.
fn string(value: &Expr) -> Option<&LitStr> {
    match ungrouped(value) {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) if text.suffix().is_empty() => Some(text),
        _ => None,
    }
}

/// The digits of a whole number, in base ten.
fn integer(value: &Expr) -> Option<String> {
    match ungrouped(value) {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) if matches!(number.suffix(), "" | "u32" | "usize") => {
            Some(number.base10_digits().to_owned())
        }
        _ => None,
    }
}

/// A literal that came through a `macro_rules!` variable is wrapped in an invisible group.
fn ungrouped(mut value: &Expr) -> &Expr {
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    value
}

/// Passes over the value of a key that is not known, up to the next comma.
fn skip_value(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<proc_macro2::TokenTree>()?;
    }
    Ok(())
}

/// The key that was probably meant.
fn nearest(name: &str) -> Option<&'static str> {
    let distances = KEYS.iter().map(|(key, _)| (edit_distance(name, key), *key));
    let (distance, key) = distances.min()?;
    (distance <= 1 + name.len() / 3).then_some(key)
}

/// How many characters to insert, remove or replace to turn one text into the other.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (MigrationAttribute, Vec<FaultKind>) {
        let (attribute, faults) = parse(text.parse().unwrap(), Span::call_site());
        (
            attribute,
            faults.into_iter().map(|fault| fault.kind).collect(),
        )
    }

    #[test]
    fn every_key_is_read() {
        let (attribute, faults) = read(
            r#"after = "20260227_080239_x", table = "shop.todos", description = "d", batch_size = 1_000, write_mode = "normal",
               filter = "a = 1", remaining = "b = 2", on_error = "quarantine", locking = "rows",
               uses("src/a.rs", "src/b.sql"),"#,
        );
        assert_eq!(faults, []);
        assert_eq!(attribute.table.unwrap().to_string(), "shop.todos");
        assert_eq!(attribute.description.as_deref(), Some("d"));
        assert_eq!(attribute.batch_size, Some(1000));
        assert_eq!(attribute.write_mode, WriteMode::Normal);
        assert_eq!(attribute.filter.as_deref(), Some("a = 1"));
        assert_eq!(attribute.remaining.as_deref(), Some("b = 2"));
        assert_eq!(attribute.on_error, OnError::Quarantine);
        assert_eq!(attribute.locking, Locking::Rows);
        assert_eq!(
            attribute.after.map(|(id, _)| id).as_deref(),
            Some("20260227_080239_x")
        );
        assert_eq!(
            attribute
                .uses
                .iter()
                .map(|(file, _)| file.as_str())
                .collect::<Vec<_>>(),
            ["src/a.rs", "src/b.sql"]
        );
    }

    #[test]
    fn every_mistake_is_reported_and_the_rest_is_kept() {
        let (attribute, faults) = read(
            r#"tabel = "todos", batch_size = 0, write_mode = "fast", filter = " ", filter = "x", since = 1, table = 5"#,
        );
        assert_eq!(faults.len(), 7, "{faults:#?}");
        assert_eq!(
            faults[0],
            FaultKind::UnknownKey {
                key: "tabel".to_owned(),
                nearest: Some("table")
            }
        );
        assert!(
            matches!(faults[5], FaultKind::UnknownKey { nearest: None, .. }),
            "{:?}",
            faults[5]
        );
        assert_eq!(attribute.batch_size, None);
    }

    #[test]
    fn batch_sizes_outside_the_limits_are_refused() {
        for (text, good) in [
            ("1", true),
            ("100_000", true),
            ("0x10", true),
            ("500u32", true),
            ("0", false),
            ("-1", false),
            ("100001", false),
            ("99999999999999999999", false),
            ("1.5", false),
            ("\"5\"", false),
            ("SIZE", false),
            ("5i8", false),
        ] {
            let (attribute, faults) = read(&format!("table = \"t\", batch_size = {text}"));
            assert_eq!(faults.is_empty(), good, "{text}: {faults:?}");
            assert_eq!(attribute.batch_size.is_some(), good, "{text}");
        }
    }

    #[test]
    fn a_missing_table_is_one_fault_and_broken_syntax_another() {
        assert_eq!(read("").1, [FaultKind::TableMissing]);
        assert_eq!(read("batch_size = 5").1, [FaultKind::TableMissing]);
        assert!(matches!(
            read("table = ").1[..],
            [FaultKind::AttributeSyntax { .. }]
        ));
        assert!(matches!(
            read("\"todos\"").1[..],
            [FaultKind::AttributeSyntax { .. }]
        ));
        assert!(matches!(
            read("table").1[..],
            [FaultKind::WrongValue { .. }]
        ));
        assert!(matches!(
            read("table(\"todos\")").1[..],
            [FaultKind::WrongValue { .. }]
        ));
        assert!(matches!(
            read("table = \"t\", uses = \"x\"").1[..],
            [FaultKind::WrongValue { .. }]
        ));
        assert!(matches!(
            read("table = \"t\", uses()").1[..],
            [FaultKind::WrongValue { .. }]
        ));
    }
}
