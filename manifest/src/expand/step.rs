//! `#[migration(…)]`: the user's function as it stands, and beside it a constant that describes the step.

use super::{handover, located_error};
use crate::attribute::{self, Locking, MigrationAttribute, OnError, WriteMode};
use crate::diagnostic::{FaultKind, Located};
use crate::signature::{self, StepName, StepSignature};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Signature, Type, Visibility};

/// Expands `#[migration(arguments)] item`. The item is emitted untouched even when it is wrong, and so is a
/// constant: whoever names either finds it, and only the mistake itself is reported.
pub fn step(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let (attribute, mut faults) = attribute::parse(arguments, Span::call_site());
    let Ok(function) = syn::parse2::<Function>(item.clone()) else {
        let error = located_error(&Located::new(FaultKind::NotAFunction, Span::call_site()));
        return quote!(#item #error);
    };
    let signature = signature::read(&function.signature).map_err(|located| faults.extend(located));
    let errors = faults.iter().map(located_error);
    let constant = match (&signature, &attribute.table) {
        (Ok(signature), Some(_)) if faults.is_empty() => {
            constant(&attribute, signature, &function.signature.ident)
        }
        _ => placeholder(&function.signature, &faults),
    };
    let told = handed_over(&function.signature);
    quote!(#item #(#errors)* #constant #told)
}

/// What `migrations!` found about this file, told where its `up` stands.
fn handed_over(signature: &Signature) -> TokenStream {
    let file = if signature.ident == "up" {
        Span::call_site().local_file()
    } else {
        None
    };
    let Some(faults) = file.and_then(|file| handover::take(&file)) else {
        return TokenStream::new();
    };
    let span = signature.ident.span();
    let errors = faults
        .into_iter()
        .map(|kind| located_error(&Located::new(kind, span)));
    let told = format_ident!("{}", handover::TOLD);
    quote! {
        #(#errors)*
        #[doc(hidden)]
        pub(super) const #told: () = ();
    }
}

/// A function whose body is not looked at: parsing it would cost time and teach nothing.
struct Function {
    signature: Signature,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Function> {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let signature = input.parse()?;
        input.parse::<TokenStream>()?;
        Ok(Function { signature })
    }
}

fn constant(
    attribute: &MigrationAttribute,
    signature: &StepSignature<'_>,
    function: &Ident,
) -> TokenStream {
    let name = constant_name(signature.name);
    let MigrationAttribute {
        batch_size,
        filter,
        remaining,
        ..
    } = attribute;
    let table = attribute.table.as_ref();
    let schema = option(table.and_then(|table| table.schema.as_deref()));
    let table = table.map_or("", |table| table.name.as_str());
    let (batch_size, filter, remaining) = (
        option(*batch_size),
        option(filter.as_deref()),
        option(remaining.as_deref()),
    );
    let write_mode = match attribute.write_mode {
        WriteMode::SafeBypass => quote!(SafeBypass),
        WriteMode::Normal => quote!(Normal),
    };
    let on_error = match attribute.on_error {
        OnError::Fail => quote!(Fail),
        OnError::Quarantine => quote!(Quarantine),
    };
    let locking = match attribute.locking {
        Locking::Optimistic => quote!(Optimistic),
        Locking::Rows => quote!(Rows),
    };
    let document = signature.document;
    // What the document's type must be able to do is demanded at the place where the user names it.
    let shape = quote_spanned!(document.span()=> ::driftless::__private::shape::<#document>);
    let function = if signature.is_async {
        asynchronous(signature, function)
    } else {
        synchronous(signature, function)
    };
    quote! {
        #[doc(hidden)]
        pub(super) const #name: ::driftless::__private::Step = ::driftless::__private::Step {
            table: ::driftless::__private::Table { schema: #schema, name: #table },
            batch_size: #batch_size,
            write_mode: ::driftless::__private::WriteMode::#write_mode,
            filter: #filter,
            remaining: #remaining,
            on_error: ::driftless::__private::OnError::#on_error,
            locking: ::driftless::__private::Locking::#locking,
            shape: #shape,
            function: #function,
        };
    }
}

fn synchronous(signature: &StepSignature<'_>, function: &Ident) -> TokenStream {
    let (document, returns) = (signature.document, signature.returns);
    let batch = batch_name();
    let run =
        quote_spanned!(returns.span()=> ::driftless::__private::run_batch::<#document, #returns>);
    quote!(::driftless::__private::StepFunction::Sync(|#batch| #run(#batch, #function)))
}

fn asynchronous(signature: &StepSignature<'_>, function: &Ident) -> TokenStream {
    let document_type = signature.document;
    let read = quote_spanned!(document_type.span()=> ::driftless::__private::read_documents::<#document_type>);
    let next = quote_spanned!(document_type.span()=> ::driftless::__private::next_document::<#document_type>);
    let accept = accept(signature.returns);
    let batch = batch_name();
    let documents = Ident::new("__driftless_documents", Span::mixed_site());
    let document = Ident::new("__driftless_document", Span::mixed_site());
    let result = Ident::new("__driftless_result", Span::mixed_site());
    // The future must be Send: the error about that is to point at the user's function.
    quote_spanned! {function.span()=>
        ::driftless::__private::StepFunction::Async(|#batch| ::std::boxed::Box::pin(async move {
            let mut #documents = #read(#batch)?;
            while let ::core::option::Option::Some(#document) = #next(&mut #documents, #batch)? {
                let #result = #function(#batch.ctx(), #document).await;
                #accept(#batch, #result)?;
            }
            #batch.finish()
        }))
    }
}

/// `Batch::accept`, demanded of the return type where the user names it.
fn accept(returns: &Type) -> TokenStream {
    quote_spanned!(returns.span()=> ::driftless::__private::Batch::accept::<#returns>)
}

/// Something of the right type in the place of a step that cannot be described: it never runs, since the build fails.
fn placeholder(signature: &Signature, faults: &[Located]) -> TokenStream {
    let is_method = faults
        .iter()
        .any(|fault| matches!(fault.kind, FaultKind::StepMethod { .. }));
    let Some(name) = StepName::of(&signature.ident.to_string()).filter(|_| !is_method) else {
        return TokenStream::new();
    };
    let name = constant_name(name);
    quote! {
        #[doc(hidden)]
        pub(super) const #name: ::driftless::__private::Step = ::driftless::__private::Step {
            table: ::driftless::__private::Table { schema: ::core::option::Option::None, name: "" },
            batch_size: ::core::option::Option::None,
            write_mode: ::driftless::__private::WriteMode::SafeBypass,
            filter: ::core::option::Option::None,
            remaining: ::core::option::Option::None,
            on_error: ::driftless::__private::OnError::Fail,
            locking: ::driftless::__private::Locking::Optimistic,
            shape: || ::core::unreachable!(),
            function: ::driftless::__private::StepFunction::Sync(|_| ::core::unreachable!()),
        };
    }
}

fn constant_name(step: StepName) -> Ident {
    format_ident!("__DRIFTLESS_{}", step.as_str().to_ascii_uppercase())
}

/// No name of the user's can be meant by it, whatever constants the module has.
fn batch_name() -> Ident {
    Ident::new("__driftless_batch", Span::mixed_site())
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
