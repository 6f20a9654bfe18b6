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
    let (name, digest, keys) = (declared.name(), declared.digest(), by.len());
    let schema = match &table.schema {
        Some(schema) => quote!(::core::option::Option::Some(#schema)),
        None => quote!(::core::option::Option::None),
    };
    let table = &table.name;
    let functions = functions.iter().map(function);
    quote! {
        #attributes
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
