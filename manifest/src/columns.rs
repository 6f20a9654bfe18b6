//! Which column serde reads a field from: `rename` and `rename_all`, looked up in the file that calls `patch!`.

use proc_macro2::{Span, TokenStream, TokenTree};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::SystemTime;
use syn::ext::IdentExt;
use syn::visit::{self, Visit};
use syn::{Attribute, Fields, FnArg, ItemFn, ItemStruct, Meta, Pat, Type};

/// The column of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Column {
    /// This one.
    Named(String),
    /// No struct of the file has such a field: the compiler or the field's own name decides.
    Unknown,
    /// The structs of the file disagree.
    Ambiguous(Vec<String>),
}

/// A line from 1 and a column from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub line: usize,
    pub column: usize,
}

/// The structs of a file with their fields' columns, and which functions take which.
#[derive(Debug, Default)]
pub(crate) struct Structs {
    structs: Vec<Columns>,
    functions: Vec<Function>,
}

#[derive(Debug)]
struct Columns {
    name: String,
    fields: Vec<(String, String)>,
}

#[derive(Debug)]
struct Function {
    from: Place,
    to: Place,
    /// The names of the arguments and of their types.
    arguments: Vec<(String, String)>,
}

impl Structs {
    /// Reads the text of a file; what cannot be read has no structs, and the compiler says why.
    pub(crate) fn read(text: &str) -> Structs {
        let mut structs = Structs::default();
        if let Ok(file) = crate::checksum::parse(text) {
            structs.visit_file(&file);
        }
        structs
    }

    /// The column of `document.field` at a place in the file.
    pub(crate) fn column(&self, document: &str, field: &str, place: Place) -> Column {
        if let Some(name) = self.type_of(document, place)
            && let Some(columns) = self.structs.iter().find(|columns| columns.name == name)
        {
            return columns
                .get(field)
                .map_or(Column::Unknown, |column| Column::Named(column.to_owned()));
        }
        let mut candidates: Vec<String> = self
            .structs
            .iter()
            .filter_map(|columns| columns.get(field))
            .map(str::to_owned)
            .collect();
        candidates.sort();
        candidates.dedup();
        match candidates.len() {
            0 => Column::Unknown,
            1 => Column::Named(candidates.remove(0)),
            _ => Column::Ambiguous(candidates),
        }
    }

    /// The type of the argument of this name, of the innermost function around a place that has one.
    fn type_of(&self, document: &str, place: Place) -> Option<&str> {
        let around = self
            .functions
            .iter()
            .filter(|function| function.from <= place && place <= function.to);
        let innermost = around.max_by_key(|function| function.from)?;
        innermost
            .arguments
            .iter()
            .find(|(name, _)| name == document)
            .map(|(_, found)| found.as_str())
    }
}

impl Columns {
    fn get(&self, field: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(name, _)| name == field)
            .map(|(_, column)| column.as_str())
    }
}

impl<'ast> Visit<'ast> for Structs {
    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        let Fields::Named(fields) = &item.fields else {
            return;
        };
        let rule = serde_value(&item.attrs, "rename_all").and_then(|name| Case::named(&name));
        let fields = fields.named.iter().filter_map(|field| {
            let name = field.ident.as_ref()?.unraw().to_string();
            let renamed = serde_value(&field.attrs, "rename");
            let column = renamed
                .unwrap_or_else(|| rule.map_or_else(|| name.clone(), |rule| rule.apply(&name)));
            Some((name, column))
        });
        self.structs.push(Columns {
            name: item.ident.to_string(),
            fields: fields.collect(),
        });
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        let arguments = function.sig.inputs.iter().filter_map(|argument| {
            let FnArg::Typed(typed) = argument else {
                return None;
            };
            let (Pat::Ident(name), Type::Path(path)) = (&*typed.pat, &*typed.ty) else {
                return None;
            };
            Some((
                name.ident.to_string(),
                path.path.segments.last()?.ident.to_string(),
            ))
        });
        self.functions.push(Function {
            from: start(function.sig.fn_token.span),
            to: end(function.block.brace_token.span.close()),
            arguments: arguments.collect(),
        });
        visit::visit_item_fn(self, function);
    }
}

fn start(span: Span) -> Place {
    let place = span.start();
    Place {
        line: place.line,
        column: place.column,
    }
}

fn end(span: Span) -> Place {
    let place = span.end();
    Place {
        line: place.line,
        column: place.column,
    }
}

/// The value of `key = "…"`, or of `key(deserialize = "…")`, among the serde attributes.
fn serde_value(attributes: &[Attribute], key: &str) -> Option<String> {
    attributes
        .iter()
        .find_map(|attribute| match &attribute.meta {
            Meta::List(list) if list.path.is_ident("serde") => value_of(list.tokens.clone(), key),
            _ => None,
        })
}

fn value_of(tokens: TokenStream, key: &str) -> Option<String> {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let place = trees
        .iter()
        .position(|tree| matches!(tree, TokenTree::Ident(name) if name == key))?;
    match &trees[place + 1..] {
        [TokenTree::Punct(equals), TokenTree::Literal(literal), ..] if equals.as_char() == '=' => {
            match syn::Lit::new(literal.clone()) {
                syn::Lit::Str(text) => Some(text.value()),
                _ => None,
            }
        }
        [TokenTree::Group(group), ..] => value_of(group.stream(), "deserialize"),
        _ => None,
    }
}

/// The rules of serde's `rename_all`, for fields.
#[derive(Debug, Clone, Copy)]
enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    fn named(name: &str) -> Option<Case> {
        Some(match name {
            "lowercase" => Case::Lower,
            "UPPERCASE" => Case::Upper,
            "PascalCase" => Case::Pascal,
            "camelCase" => Case::Camel,
            "snake_case" => Case::Snake,
            "SCREAMING_SNAKE_CASE" => Case::ScreamingSnake,
            "kebab-case" => Case::Kebab,
            "SCREAMING-KEBAB-CASE" => Case::ScreamingKebab,
            _ => return None,
        })
    }

    fn apply(self, field: &str) -> String {
        match self {
            Case::Lower | Case::Snake => field.to_owned(),
            Case::Upper | Case::ScreamingSnake => field.to_ascii_uppercase(),
            Case::Kebab => field.replace('_', "-"),
            Case::ScreamingKebab => field.to_ascii_uppercase().replace('_', "-"),
            Case::Pascal => field.split('_').map(capitalised).collect(),
            Case::Camel => {
                let pascal = Case::Pascal.apply(field);
                let mut characters = pascal.chars();
                characters.next().map_or(String::new(), |first| {
                    first.to_ascii_lowercase().to_string() + characters.as_str()
                })
            }
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or(String::new(), |first| {
        first.to_ascii_uppercase().to_string() + characters.as_str()
    })
}

/// Asks the structs of a file, which is read once per version.
pub(crate) fn of_file(path: &Path, ask: impl FnOnce(&Structs) -> Column) -> Column {
    type Version = (Option<SystemTime>, u64);
    type Read = HashMap<PathBuf, (Version, Arc<Structs>)>;
    static READ: LazyLock<Mutex<Read>> = LazyLock::new(Mutex::default);
    let Ok(metadata) = std::fs::metadata(path) else {
        return Column::Unknown;
    };
    let version = (metadata.modified().ok(), metadata.len());
    let mut read = READ
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let structs = match read.get(path) {
        Some((known, structs)) if *known == version => Arc::clone(structs),
        _ => {
            let Ok(text) = std::fs::read_to_string(path) else {
                return Column::Unknown;
            };
            let structs = Arc::new(Structs::read(&text));
            read.insert(path.to_owned(), (version, Arc::clone(&structs)));
            structs
        }
    };
    drop(read);
    ask(&structs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Todo { due_date: u8, #[serde(default, rename = "Type")] r#type: u8, #[serde(rename(serialize = "a", deserialize = "b"))] c: u8 }
struct Other { due_date: u8, note: u8 }
fn up(_ctx: &mut Ctx, todo: Todo) -> R {
    patch!(todo { due_date: 1 })
}
fn down(_ctx: &mut Ctx, Other { note, .. }: Other) -> R {
    patch!(x { due_date: 1 })
}
"#;

    fn column(document: &str, field: &str, line: usize) -> Column {
        Structs::read(FILE).column(document, field, Place { line, column: 8 })
    }

    #[test]
    fn the_argument_says_which_struct() {
        assert_eq!(
            column("todo", "due_date", 7),
            Column::Named("dueDate".to_owned())
        );
        assert_eq!(column("todo", "type", 7), Column::Named("Type".to_owned()));
        assert_eq!(column("todo", "c", 7), Column::Named("b".to_owned()));
        assert_eq!(column("todo", "note", 7), Column::Unknown);
    }

    #[test]
    fn without_it_all_structs_must_agree() {
        assert_eq!(
            column("x", "due_date", 10),
            Column::Ambiguous(vec!["dueDate".to_owned(), "due_date".to_owned()])
        );
        assert_eq!(column("x", "note", 10), Column::Named("note".to_owned()));
        assert_eq!(column("x", "nothing", 10), Column::Unknown);
    }

    #[test]
    fn every_rename_rule_is_serdes() {
        let cases = [
            ("lowercase", "due_date_2"),
            ("UPPERCASE", "DUE_DATE_2"),
            ("PascalCase", "DueDate2"),
            ("camelCase", "dueDate2"),
            ("snake_case", "due_date_2"),
            ("SCREAMING_SNAKE_CASE", "DUE_DATE_2"),
            ("kebab-case", "due-date-2"),
            ("SCREAMING-KEBAB-CASE", "DUE-DATE-2"),
        ];
        for (name, expected) in cases {
            assert_eq!(
                Case::named(name).unwrap().apply("due_date_2"),
                expected,
                "{name}"
            );
        }
    }
}
