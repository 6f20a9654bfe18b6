//! The normal form of a list of attributes: without docs, lints and formatting hints, derives as one sorted
//! list, `#[migration]` without its tuning keys.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Path, Token};

/// Attributes that say nothing about what the code does.
const SILENT: [&str; 6] = ["doc", "allow", "warn", "deny", "forbid", "expect"];

/// Tool attributes of the same kind.
const SILENT_TOOLS: [&str; 2] = ["rustfmt", "clippy"];

/// Keys of `#[migration]` that do not change what it does, or (`uses`) that count with the rest.
const TUNING: [&str; 4] = ["batch_size", "description", "locking", "uses"];

/// Whether what carries these attributes exists in test builds only.
pub(super) fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("cfg") => demands_test(list.tokens.clone()),
        _ => false,
    })
}

/// `test`, or `all(…)` with a `test` in it.
fn demands_test(tokens: TokenStream) -> bool {
    let Ok(predicate) = syn::parse2::<Meta>(tokens) else {
        return false;
    };
    match predicate {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => {
            split(list.tokens).into_iter().any(demands_test)
        }
        _ => false,
    }
}

/// Brings a list of attributes into its normal form.
pub(super) fn normalise(attributes: &mut Vec<Attribute>) {
    attributes.retain(|attribute| !is_silent(attribute));
    merge_derives(attributes);
    for attribute in attributes {
        if let Meta::List(list) = &mut attribute.meta
            && is_migration(&list.path)
        {
            list.path = Path::from(quote::format_ident!("migration"));
            list.tokens = without_tuning(list.tokens.clone());
        }
    }
}

fn is_silent(attribute: &Attribute) -> bool {
    let path = attribute.path();
    let first = path
        .segments
        .first()
        .map(|segment| segment.ident.to_string())
        .unwrap_or_default();
    let one = path.segments.len() == 1;
    (one && SILENT.contains(&first.as_str()))
        || (!one && SILENT_TOOLS.contains(&first.as_str()))
        || (path.is_ident("cfg_attr") && hints_at_formatting(attribute))
}

/// `#[cfg_attr(rustfmt, …)]`, or a condition around an attribute that is silent itself.
fn hints_at_formatting(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else {
        return false;
    };
    let entries = split(list.tokens.clone());
    let starts = |entry: &TokenStream, name: &str| matches!(entry.clone().into_iter().next(), Some(TokenTree::Ident(ident)) if ident == name);
    match entries.split_first() {
        Some((condition, conditional)) => {
            starts(condition, "rustfmt")
                || conditional.iter().all(|entry| {
                    starts(entry, "rustfmt") || SILENT.iter().any(|name| starts(entry, name))
                })
        }
        None => false,
    }
}

/// Puts every derived trait, sorted, where the first derive stood.
fn merge_derives(attributes: &mut Vec<Attribute>) {
    let mut derived = Vec::new();
    let mut first = None;
    attributes.retain(|attribute| {
        let Some(paths) = derives(attribute) else {
            return true;
        };
        derived.extend(paths);
        let is_first = first.is_none();
        first.get_or_insert_with(|| attribute.clone());
        is_first
    });
    derived.sort_by_cached_key(|path: &Path| path.to_token_stream().to_string());
    let place = attributes
        .iter_mut()
        .find(|attribute| attribute.path().is_ident("derive"));
    if let Some(Attribute {
        meta: Meta::List(list),
        ..
    }) = place
    {
        list.tokens = quote!(#(#derived),*);
    }
}

fn derives(attribute: &Attribute) -> Option<Punctuated<Path, Token![,]>> {
    let Meta::List(list) = &attribute.meta else {
        return None;
    };
    if !list.path.is_ident("derive") {
        return None;
    }
    Punctuated::<Path, Token![,]>::parse_terminated
        .parse2(list.tokens.clone())
        .ok()
}

/// Whether this is `#[migration]`, under whatever path.
pub(crate) fn is_migration(path: &Path) -> bool {
    path.segments
        .last()
        .is_some_and(|segment| segment.ident == "migration")
}

/// The keys that count, sorted: their order says nothing.
fn without_tuning(tokens: TokenStream) -> TokenStream {
    let mut entries: Vec<(String, TokenStream)> = split(tokens)
        .into_iter()
        .filter(|entry| {
            let key = entry.clone().into_iter().next();
            !matches!(key, Some(TokenTree::Ident(key)) if TUNING.iter().any(|tuning| key == tuning))
        })
        .map(|entry| (entry.to_string(), entry))
        .collect();
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    let entries = entries.into_iter().map(|(_, entry)| entry);
    quote!(#(#entries),*)
}

/// What stands between commas.
fn split(tokens: TokenStream) -> Vec<TokenStream> {
    let mut entries = vec![TokenStream::new()];
    for tree in tokens {
        match (&tree, entries.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => {
                entries.push(TokenStream::new())
            }
            (_, Some(entry)) => entry.extend([tree]),
            (_, None) => {}
        }
    }
    entries.retain(|entry| !entry.is_empty());
    entries
}
