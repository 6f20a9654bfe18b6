//! `patch!(document { field: value })`: the columns of a patch, their fields checked by the compiler.

use super::{OwnLexer, located_error};
use crate::columns::{self, Column, Place};
use crate::diagnostic::{FaultKind, Located};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, ExprStruct, FieldValue, Member};

/// Expands `patch!(document { field: value, … })`.
pub fn patch(arguments: TokenStream) -> TokenStream {
    match read(arguments) {
        Ok((document, fields)) => quote_patch(&document, &fields),
        Err(faults) => {
            let errors = faults.iter().map(located_error);
            // A value of the right type, so that the mistake is all there is to report.
            quote!({ #(#errors;)* ::driftless::Patch::none() })
        }
    }
}

struct Field {
    name: Ident,
    column: String,
    value: Expr,
}

fn read(arguments: TokenStream) -> Result<(Ident, Vec<Field>), Vec<Located>> {
    let literal: ExprStruct = syn::parse2(arguments).map_err(|error| {
        vec![Located::new(
            FaultKind::PatchSyntax {
                problem: error.to_string(),
            },
            error.span(),
        )]
    })?;
    let Some(document) = literal
        .path
        .get_ident()
        .filter(|_| literal.qself.is_none())
        .cloned()
    else {
        let span = literal
            .path
            .segments
            .first()
            .map_or_else(Span::call_site, |segment| segment.ident.span());
        return Err(vec![Located::new(FaultKind::PatchDocument, span)]);
    };
    let mut faults = Vec::new();
    if let Some(rest) = &literal.dot2_token {
        let problem = "`..` has no meaning in a patch, which names the columns it sets".to_owned();
        faults.push(Located::new(
            FaultKind::PatchSyntax { problem },
            rest.spans[0],
        ));
    }
    let mut fields: Vec<Field> = Vec::new();
    for field in literal.fields {
        match read_field(field, &document) {
            Ok(field) if fields.iter().any(|earlier| earlier.name == field.name) => {
                let kind = FaultKind::PatchRepeated {
                    field: field.name.to_string(),
                };
                faults.push(Located::new(kind, field.name.span()));
            }
            Ok(field) => fields.push(field),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        Ok((document, fields))
    } else {
        Err(faults)
    }
}

fn read_field(field: FieldValue, document: &Ident) -> Result<Field, Located> {
    let name = match field.member {
        Member::Named(name) => name,
        Member::Unnamed(index) => {
            let problem = "a column has a name, not a number".to_owned();
            return Err(Located::new(FaultKind::PatchSyntax { problem }, index.span));
        }
    };
    let plain = name.unraw().to_string();
    let column = match column(document, &plain) {
        Column::Named(column) => column,
        Column::Unknown => plain,
        Column::Ambiguous(columns) => {
            return Err(Located::new(
                FaultKind::PatchAmbiguous {
                    field: plain,
                    columns,
                },
                name.span(),
            ));
        }
    };
    Ok(Field {
        name,
        column,
        value: field.expr,
    })
}

/// The column that serde reads the field from, looked up in the struct that this file defines.
fn column(document: &Ident, field: &str) -> Column {
    let Some(path) = document.span().local_file() else {
        return Column::Unknown;
    };
    let start = document.span().start();
    let _own_lexer = OwnLexer::enter();
    columns::of_file(&path, |structs| {
        structs.column(
            &document.to_string(),
            field,
            Place {
                line: start.line,
                column: start.column,
            },
        )
    })
}

/// `let _ = document.field` moves nothing and is allowed for a field that was moved out, but not for one that
/// does not exist.
fn quote_patch(document: &Ident, fields: &[Field]) -> TokenStream {
    let checks = fields.iter().map(|Field { name, .. }| {
        let document = Ident::new(&document.to_string(), document.span());
        quote_spanned!(name.span()=> let _ = #document.#name;)
    });
    let sets = fields
        .iter()
        .map(|Field { column, value, .. }| quote!(.set(#column, #value)));
    let patch = format_ident!("Patch", span = Span::mixed_site());
    quote!({ #(#checks)* ::driftless::#patch::none()#(#sets)* })
}
