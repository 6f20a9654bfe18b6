//! One migration file, read and judged: what it says, its checksum, and everything wrong with it.

use crate::attribute::{self, MigrationAttribute};
use crate::checksum::{self, Checksum, UsedFile};
use crate::diagnostic::{FaultKind, Located};
use crate::outside::{self, Surroundings};
use crate::signature::{self, StepName};
use crate::table::TableName;
use proc_macro2::Span;
use quote::ToTokens;
use std::path::Path;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, Fields, File, Item, ItemFn, ItemStruct, Lit, Meta, Type};

/// What one file says.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The module documentation or the `description` key, on one line.
    pub description: String,
    /// The checksum of the file.
    pub checksum: Checksum,
    /// The tables of its steps.
    pub tables: Vec<TableName>,
    /// Whether it has an `up` that `#[migration]` expands.
    pub has_up: bool,
    /// Whether it has such a `down`.
    pub has_down: bool,
    /// The files that `uses` names, as written.
    pub uses: Vec<String>,
    /// What `after` of `up` names.
    pub after: Option<After>,
}

/// The migration that another one has to come after, and where that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// Its id.
    pub id: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

/// Something wrong, at a line and column from 1.
pub(crate) type Placed = (FaultKind, usize, usize);

/// Reads a source text. Without a result the text is no Rust at all.
pub(crate) fn read(text: &str, path: &Path, package_root: &Path) -> (Option<Source>, Vec<Placed>) {
    let file = match checksum::parse(text) {
        Ok(file) => file,
        Err(error) => {
            let kind = FaultKind::Syntax {
                problem: problem(&error),
            };
            return (None, vec![placed(Located::new(kind, error.span()))]);
        }
    };
    let mut faults = Vec::new();
    let steps = Steps::of(&file, &mut faults);
    let uses = steps.uses(package_root, &mut faults);
    let names: Vec<String> = uses.iter().map(|used| used.path.clone()).collect();
    modules_elsewhere(&file.items, &mut faults);
    if ["crate", "super", "include"]
        .iter()
        .any(|word| text.contains(word))
    {
        let folder = path.parent().unwrap_or(package_root);
        faults.extend(outside::find(
            file.to_token_stream(),
            &Surroundings {
                folder,
                package_root,
                uses: &names,
            },
        ));
    }
    let source = Source {
        description: steps.description(&file),
        checksum: Checksum::of(&file, &uses),
        tables: steps.tables(),
        has_up: steps.has(StepName::Up),
        has_down: steps.has(StepName::Down),
        uses: names,
        after: steps.after(&mut faults),
    };
    let mut placed_faults: Vec<Placed> = faults.into_iter().map(placed).collect();
    placed_faults.sort_by_key(|(_, line, column)| (*line, *column));
    (Some(source), placed_faults)
}

/// What is wrong, in words that say more than the lexer's.
fn problem(error: &syn::Error) -> String {
    let problem = error.to_string();
    if problem.contains("token stream") {
        "a bracket or a quote is not closed".to_owned()
    } else {
        problem
    }
}

fn placed(located: Located) -> Placed {
    let start = located.span.start();
    (located.kind, start.line.max(1), start.column + 1)
}

struct StepFound {
    name: StepName,
    attribute: MigrationAttribute,
}

/// The steps of a file, with their attributes.
struct Steps {
    found: Vec<StepFound>,
}

impl Steps {
    fn of(file: &File, faults: &mut Vec<Located>) -> Steps {
        let functions = || {
            file.items.iter().filter_map(|item| {
                if let Item::Fn(function) = item {
                    Some(function)
                } else {
                    None
                }
            })
        };
        let mut found = Vec::new();
        let mut misnamed = false;
        for function in functions() {
            let Some(attribute) = migration_attribute(&function.attrs) else {
                continue;
            };
            let (read, attribute_faults) =
                attribute::parse(attribute_tokens(attribute), attribute.span());
            faults.extend(attribute_faults);
            match signature::read(&function.sig) {
                Ok(signature) => document(signature.document, file, faults),
                Err(signature_faults) => faults.extend(signature_faults),
            }
            match StepName::of(&function.sig.ident.to_string()) {
                Some(name) => found.push(StepFound {
                    name,
                    attribute: read,
                }),
                None => misnamed = true,
            }
        }
        let up = named(functions(), StepName::Up, faults);
        let down = named(functions(), StepName::Down, faults);
        // A step with another name is reported as such: that an `up` is missing follows from it.
        if up == 0 && !misnamed {
            let down_at = functions()
                .find(|function| function.sig.ident == "down")
                .map(|function| function.sig.ident.span());
            faults.push(match down_at {
                Some(span) if down > 0 => Located::new(FaultKind::DownWithoutUp, span),
                _ => Located::new(FaultKind::NoUp, Span::call_site()),
            });
        }
        found.dedup_by_key(|step| step.name);
        Steps { found }
    }

    fn has(&self, name: StepName) -> bool {
        self.found.iter().any(|step| step.name == name)
    }

    fn tables(&self) -> Vec<TableName> {
        let mut tables: Vec<TableName> = self
            .found
            .iter()
            .filter_map(|step| step.attribute.table.clone())
            .collect();
        tables.sort();
        tables.dedup();
        tables
    }

    /// The text of the files that the checksum covers; a file that cannot be read counts as empty.
    fn uses(&self, package_root: &Path, faults: &mut Vec<Located>) -> Vec<UsedFile> {
        let mut used = Vec::new();
        for (path, span) in self.found.iter().flat_map(|step| &step.attribute.uses) {
            let content = std::fs::read(package_root.join(path)).unwrap_or_else(|error| {
                let kind = FaultKind::UsesMissing {
                    path: path.clone(),
                    problem: error.to_string(),
                };
                faults.push(Located::new(kind, *span));
                Vec::new()
            });
            used.push(UsedFile {
                path: path.clone(),
                content,
            });
        }
        used
    }

    /// A dependency is that of the whole migration, and stands where it begins.
    fn after(&self, faults: &mut Vec<Located>) -> Option<After> {
        let mut after = None;
        for step in &self.found {
            let Some((id, span)) = &step.attribute.after else {
                continue;
            };
            match step.name {
                StepName::Down => faults.push(Located::new(FaultKind::AfterOnDown, *span)),
                StepName::Up => {
                    let start = span.start();
                    after = Some(After {
                        id: id.clone(),
                        line: start.line.max(1),
                        column: start.column + 1,
                    });
                }
            }
        }
        after
    }

    fn description(&self, file: &File) -> String {
        let key = self
            .found
            .iter()
            .find_map(|step| step.attribute.description.as_deref());
        let text = key.map_or_else(|| documentation(&file.attrs), str::to_owned);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Counts the functions of a step's name and reports what is wrong with them as a set.
fn named<'a>(
    functions: impl Iterator<Item = &'a ItemFn>,
    name: StepName,
    faults: &mut Vec<Located>,
) -> usize {
    let all: Vec<&ItemFn> = functions
        .filter(|function| function.sig.ident == name.as_str())
        .collect();
    let name = name.as_str();
    for second in all.iter().skip(1) {
        let first_line = all[0].sig.ident.span().start().line;
        faults.push(Located::new(
            FaultKind::TwoSteps { name, first_line },
            second.sig.ident.span(),
        ));
    }
    for function in &all {
        if migration_attribute(&function.attrs).is_none() {
            faults.push(Located::new(
                FaultKind::StepWithoutAttribute { name },
                function.sig.ident.span(),
            ));
        }
        if let Some(cfg) = function
            .attrs
            .iter()
            .find(|attribute| attribute.path().is_ident("cfg"))
        {
            faults.push(Located::new(FaultKind::StepBehindCfg { name }, cfg.span()));
        }
    }
    all.len()
}

fn migration_attribute(attributes: &[Attribute]) -> Option<&Attribute> {
    attributes
        .iter()
        .find(|attribute| checksum::is_migration(attribute.path()))
}

fn attribute_tokens(attribute: &Attribute) -> proc_macro2::TokenStream {
    match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        Meta::Path(_) => proc_macro2::TokenStream::new(),
        Meta::NameValue(pair) => pair.value.to_token_stream(),
    }
}

/// Judges the type of the document, when this file defines it.
fn document(found: &Type, file: &File, faults: &mut Vec<Located>) {
    let Type::Path(path) = found else { return };
    let Some(name) = path.path.get_ident() else {
        return;
    };
    for item in &file.items {
        match item {
            Item::Enum(item) if item.ident == *name => {
                push_new(
                    faults,
                    Located::new(
                        FaultKind::DocumentEnum {
                            document: name.to_string(),
                        },
                        item.ident.span(),
                    ),
                );
            }
            Item::Struct(item) if item.ident == *name => flattened(item, faults),
            _ => {}
        }
    }
}

fn flattened(document: &ItemStruct, faults: &mut Vec<Located>) {
    let Fields::Named(fields) = &document.fields else {
        return;
    };
    for field in &fields.named {
        let flattens = field.attrs.iter().any(|attribute| {
            attribute.path().is_ident("serde")
                && attribute_tokens(attribute)
                    .into_iter()
                    .any(|tree| tree.to_string() == "flatten")
        });
        if let (true, Some(name)) = (flattens, &field.ident) {
            let kind = FaultKind::DocumentFlattened {
                document: document.ident.to_string(),
                field: name.to_string(),
            };
            push_new(faults, Located::new(kind, name.span()));
        }
    }
}

/// `up` and `down` mostly read the same document: one report is enough.
fn push_new(faults: &mut Vec<Located>, fault: Located) {
    if !faults.iter().any(|other| other.kind == fault.kind) {
        faults.push(fault);
    }
}

fn modules_elsewhere(items: &[Item], faults: &mut Vec<Located>) {
    for item in items {
        let Item::Mod(module) = item else { continue };
        match &module.content {
            Some((_, content)) => modules_elsewhere(content, faults),
            None => {
                let kind = FaultKind::ModuleElsewhere {
                    name: module.ident.to_string(),
                };
                faults.push(Located::new(kind, module.ident.span()));
            }
        }
    }
}

/// The first paragraph of the documentation.
fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(literal) => match &literal.lit {
                    Lit::Str(text) => Some(text.value()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        });
    let text = lines.collect::<Vec<_>>().join("\n");
    text.trim()
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
