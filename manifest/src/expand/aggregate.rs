//! `aggregate! { … }`: a static that holds the declaration.

use super::located_error;
use crate::aggregate::{self, AggregateDeclaration, Function, FunctionKind};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

/// Expands `aggregate! { pub NAME = "table" by (column, …) { function, … } }`.
pub fn aggregate(declaration: TokenStream) -> TokenStream {
    match aggregate::parse(declaration) {
        Ok(declared) => quote_aggregate(&declared),
        Err(faults) => {
            let errors = faults.iter().map(located_error);
            quote!(#(#errors)*)
        }
    }
}

fn quote_aggregate(declared: &AggregateDeclaration) -> TokenStream {
    let AggregateDeclaration {
        attributes,
        visibility,
        ident,
        table,
        by,
        functions,
    } = declared;
    // Where nobody has documented it, what it is says most.
    let summary = match attributes.to_string().contains("doc") {
        true => TokenStream::new(),
        false => summary(declared),
    };
    let (name, digest, keys) = (declared.name(), declared.digest(), by.len());
    let schema = match &table.schema {
        Some(schema) => quote!(::core::option::Option::Some(#schema)),
        None => quote!(::core::option::Option::None),
    };
    let table = &table.name;
    let functions = functions.iter().map(function);
    quote! {
        #attributes
        #summary
        #visibility static #ident: ::driftless::Aggregate<#keys> = ::driftless::Aggregate::new(
            ::driftless::__private::AggregateDefinition {
                name: #name,
                table: ::driftless::__private::Table { schema: #schema, name: #table },
                by: &[#(#by),*],
                functions: &[#(#functions),*],
                digest: #digest,
            }
        );
    }
}

/// `Of todos by project_id, completed: count, sum(effort).`
fn summary(declared: &AggregateDeclaration) -> TokenStream {
    let functions: Vec<String> = declared.functions.iter().map(Function::show).collect();
    let text = format!(
        " Of {} by {}: {}.",
        declared.table,
        declared.by.join(", "),
        functions.join(", ")
    );
    quote!(#[doc = #text])
}

fn function(function: &Function) -> TokenStream {
    let kind = match function.kind {
        FunctionKind::Count => "Count",
        FunctionKind::Sum => "Sum",
        FunctionKind::Avg => "Avg",
        FunctionKind::Min => "Min",
        FunctionKind::Max => "Max",
    };
    let kind = Ident::new(kind, Span::call_site());
    let column = &function.column;
    quote!(::driftless::__private::AggregateFunction {
        kind: ::driftless::__private::FunctionKind::#kind,
        column: #column,
    })
}
