//! `aggregate! { … }`: counts and sums of a table's rows by some of its columns, read and judged. Knows no database.

mod fault;

pub use fault::AggregateFault;

use crate::diagnostic::{FaultKind, Located};
use crate::table::TableName;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use sha2::{Digest, Sha256};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, LitStr, Token, Visibility, braced, parenthesized};

/// Databases cut names at 63 bytes, and ours have a prefix.
pub const MAX_NAME: usize = 36;

/// A key of more columns would hardly group anything.
pub const MAX_KEYS: usize = 8;

/// An aggregate as it was declared.
#[derive(Debug, Clone)]
pub struct AggregateDeclaration {
    /// Documentation and other attributes of the constant.
    pub attributes: TokenStream,
    /// Who may name it.
    pub visibility: TokenStream,
    /// The constant.
    pub ident: Ident,
    /// Whose rows are counted.
    pub table: TableName,
    /// The columns whose values make a group.
    pub by: Vec<String>,
    /// What is kept of each group.
    pub functions: Vec<Function>,
}

/// What is kept of each group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Function {
    /// How it computes.
    pub kind: FunctionKind,
    /// Of which column; empty for `count`.
    pub column: String,
}

/// How a function computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FunctionKind {
    /// How many rows.
    Count,
    /// The sum of a column's values.
    Sum,
    /// Their average.
    Avg,
    /// The smallest of them.
    Min,
    /// The largest of them.
    Max,
}

impl FunctionKind {
    /// Every function.
    pub const ALL: [FunctionKind; 5] = [
        FunctionKind::Count,
        FunctionKind::Sum,
        FunctionKind::Avg,
        FunctionKind::Min,
        FunctionKind::Max,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            FunctionKind::Count => "count",
            FunctionKind::Sum => "sum",
            FunctionKind::Avg => "avg",
            FunctionKind::Min => "min",
            FunctionKind::Max => "max",
        }
    }
}

impl AggregateDeclaration {
    /// The name in the database and on the command line: the constant's, in small letters.
    pub fn name(&self) -> String {
        self.ident.unraw().to_string().to_ascii_lowercase()
    }

    /// `v1:` and a hash over everything that decides what the rows of the aggregate are.
    pub fn digest(&self) -> String {
        let mut functions: Vec<String> = self.functions.iter().map(Function::show).collect();
        functions.sort();
        let table = self.table.to_string();
        // With their lengths, so that no two declarations read alike.
        let list = |parts: &[String]| {
            let parts = parts.iter().map(|part| format!("{}:{part},", part.len()));
            parts.collect::<String>()
        };
        let text = format!("{table} by {} keep {}", list(&self.by), list(&functions));
        let hash = Sha256::digest(text.as_bytes());
        hash.iter()
            .fold("v1:".to_owned(), |hex, byte| hex + &format!("{byte:02x}"))
    }
}

impl Function {
    /// `sum(effort)`.
    pub fn show(&self) -> String {
        match self.kind {
            FunctionKind::Count => "count".to_owned(),
            kind => format!("{}({})", kind.as_str(), self.column),
        }
    }
}

/// Reads `pub NAME = "table" by (column, …) { function, … }`.
///
/// # Errors
/// Every mistake that can be told apart, each at its own place.
pub fn parse(tokens: TokenStream) -> Result<AggregateDeclaration, Vec<Located>> {
    let written = Written::parse.parse2(tokens).map_err(|error| {
        let problem = error.to_string();
        vec![located(AggregateFault::Syntax { problem }, error.span())]
    })?;
    let mut faults = Vec::new();
    check_name(&written.ident, &mut faults);
    let table = TableName::parse(&written.table.value()).map_err(|kind| {
        faults.push(Located::new(kind, written.table.span()));
    });
    let by = check_keys(&written, &mut faults);
    let functions = check_functions(&written, &mut faults);
    let attributes = &written.attributes;
    match table {
        Ok(table) if faults.is_empty() => Ok(AggregateDeclaration {
            attributes: quote!(#(#attributes)*),
            visibility: written.visibility.into_token_stream(),
            ident: written.ident,
            table,
            by,
            functions,
        }),
        _ => Err(faults),
    }
}

fn located(fault: AggregateFault, span: Span) -> Located {
    Located::new(FaultKind::Aggregate(fault), span)
}

fn check_name(ident: &Ident, faults: &mut Vec<Located>) {
    let name = ident.unraw().to_string();
    if !name.is_ascii() {
        faults.push(located(AggregateFault::NameNotAscii, ident.span()));
    } else if name.len() > MAX_NAME {
        let length = name.len();
        faults.push(located(
            AggregateFault::NameTooLong { length },
            ident.span(),
        ));
    }
}

fn check_keys(written: &Written, faults: &mut Vec<Located>) -> Vec<String> {
    if written.by.is_empty() {
        faults.push(located(AggregateFault::NoKeys, written.by_span));
    }
    if let Some(extra) = written.by.get(MAX_KEYS) {
        faults.push(located(AggregateFault::TooManyKeys, extra.span));
    }
    let mut names: Vec<String> = Vec::new();
    for Name { text, span } in &written.by {
        if text.is_empty() {
            faults.push(located(AggregateFault::EmptyColumn, *span));
        } else if names.iter().any(|known| known.eq_ignore_ascii_case(text)) {
            let column = text.clone();
            faults.push(located(AggregateFault::RepeatedKey { column }, *span));
        } else {
            names.push(text.clone());
        }
    }
    names
}

fn check_functions(written: &Written, faults: &mut Vec<Located>) -> Vec<Function> {
    if written.functions.is_empty() {
        faults.push(located(AggregateFault::NoFunctions, written.functions_span));
    }
    let mut functions: Vec<Function> = Vec::new();
    for call in &written.functions {
        match function(call) {
            Err(fault) => faults.push(fault),
            Ok(function) if functions.iter().any(|known| function.is_like(known)) => {
                let function = function.show();
                let fault = AggregateFault::RepeatedFunction { function };
                faults.push(located(fault, call.name.span()));
            }
            Ok(function) => functions.push(function),
        }
    }
    functions
}

impl Function {
    fn is_like(&self, other: &Function) -> bool {
        self.kind == other.kind && self.column.eq_ignore_ascii_case(&other.column)
    }
}

fn function(call: &Call) -> Result<Function, Located> {
    let name = call.name.unraw().to_string();
    let known = |kind: &FunctionKind| kind.as_str() == name;
    let Some(kind) = FunctionKind::ALL.into_iter().find(known) else {
        return Err(located(
            AggregateFault::UnknownFunction { name },
            call.name.span(),
        ));
    };
    let column = match (kind, call.columns.as_slice()) {
        (FunctionKind::Count, []) if !call.has_parentheses => String::new(),
        (FunctionKind::Count, _) => {
            return Err(located(AggregateFault::CountOfColumn, call.name.span()));
        }
        (_, [column]) if column.text.is_empty() => {
            return Err(located(AggregateFault::EmptyColumn, column.span));
        }
        (_, [column]) => column.text.clone(),
        (kind, columns) => {
            let fault = AggregateFault::NotOneColumn {
                function: kind.as_str(),
                columns: columns.len(),
            };
            return Err(located(fault, call.name.span()));
        }
    };
    Ok(Function { kind, column })
}

/// What was written, before it is judged.
struct Written {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    ident: Ident,
    table: LitStr,
    by: Vec<Name>,
    by_span: Span,
    functions: Vec<Call>,
    functions_span: Span,
}

/// A column's name: an identifier, or text where it is none.
struct Name {
    text: String,
    span: Span,
}

/// A function with what stands in its parentheses.
struct Call {
    name: Ident,
    has_parentheses: bool,
    columns: Vec<Name>,
}

impl Parse for Written {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        // A type after the name is what a `static` would have; here there is nothing to choose.
        let ident = input.parse()?;
        input.parse::<Token![=]>()?;
        let table = input.parse()?;
        let here = input.span();
        let word = input.call(Ident::parse_any);
        if !word.is_ok_and(|word| word == "by") {
            return Err(syn::Error::new(
                here,
                "`by (column, …)` comes after the table",
            ));
        }
        let (keys, calls);
        let by_span = parenthesized!(keys in input).span.join();
        let by = Punctuated::<Name, Token![,]>::parse_terminated(&keys)?;
        let functions_span = braced!(calls in input).span.join();
        let functions = Punctuated::<Call, Token![,]>::parse_terminated(&calls)?;
        input.parse::<Option<Token![;]>>()?;
        if !input.is_empty() {
            return Err(input.error(
                "one aggregate is declared at a time; write another `aggregate!` for the next",
            ));
        }
        Ok(Written {
            attributes,
            visibility,
            ident,
            table,
            by: by.into_iter().collect(),
            by_span,
            functions: functions.into_iter().collect(),
            functions_span,
        })
    }
}

impl Parse for Name {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(LitStr) {
            let text: LitStr = input.parse()?;
            return Ok(Name {
                text: text.value(),
                span: text.span(),
            });
        }
        let ident = input.call(Ident::parse_any)?;
        Ok(Name {
            text: ident.unraw().to_string(),
            span: ident.span(),
        })
    }
}

impl Parse for Call {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.call(Ident::parse_any)?;
        if !input.peek(syn::token::Paren) {
            return Ok(Call {
                name,
                has_parentheses: false,
                columns: Vec::new(),
            });
        }
        let columns;
        parenthesized!(columns in input);
        let columns = Punctuated::<Name, Token![,]>::parse_terminated(&columns)?;
        Ok(Call {
            name,
            has_parentheses: true,
            columns: columns.into_iter().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(tokens: TokenStream) -> String {
        parse(tokens).unwrap().digest()
    }

    #[test]
    fn a_declaration_is_taken_apart() {
        let declared = parse(quote! {
            /// How much there is to do.
            pub TODOS_BY_PROJECT = "shop.todos" by (project_id, "odd name") { count, sum(effort), max(r#type), }
        })
        .unwrap();
        assert_eq!(declared.name(), "todos_by_project");
        assert_eq!(declared.table.to_string(), "shop.todos");
        assert_eq!(declared.by, ["project_id", "odd name"]);
        let functions: Vec<String> = declared.functions.iter().map(Function::show).collect();
        assert_eq!(functions, ["count", "sum(effort)", "max(type)"]);
    }

    #[test]
    fn the_digest_is_that_of_what_is_kept_and_not_of_how_it_is_written() {
        let plain = digest(quote!(A = "todos" by (project) { count, sum(effort) }));
        assert_eq!(
            plain, "v1:e935c9507e8adf6e0f19328549fe2f6986d21ef2272808e0dcd452bc6e5d4708",
            "stored digests stay what they are"
        );
        assert_eq!(
            plain,
            digest(quote!(pub B = "todos" by ("project") { sum(effort), count, };))
        );
        for other in [
            quote!(A = "todo" by (project) { count, sum(effort) }),
            quote!(A = "todos" by (projects) { count, sum(effort) }),
            quote!(A = "todos" by (project, done) { count, sum(effort) }),
            quote!(A = "todos" by (project) { count, avg(effort) }),
            quote!(A = "todos" by (project) { count }),
        ] {
            assert_ne!(plain, digest(other));
        }
    }

    #[test]
    fn every_mistake_is_told_and_not_only_the_first() {
        let faults = parse(quote! {
            A = "migration_run" by (a, A) { count(a), summ(b), sum, max(a, b), sum(a), sum(a) }
        })
        .unwrap_err();
        assert_eq!(faults.len(), 7, "{faults:?}");
    }
}
