//! The normal form of imports: one line per imported name, sorted, before everything else of their module.

use super::attributes;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{Item, ItemUse, UseTree};

/// Takes imports and `extern crate` lines out of a list of items and puts their normal form in front.
pub(super) fn normalise(items: &mut Vec<Item>) {
    let mut lines = Vec::new();
    items.retain(|item| match item {
        Item::Use(import) => {
            lines.extend(flatten(import));
            false
        }
        Item::ExternCrate(import) => {
            lines.push(import.to_token_stream());
            false
        }
        _ => true,
    });
    lines.sort_by_cached_key(ToString::to_string);
    items.splice(0..0, lines.into_iter().map(Item::Verbatim));
}

/// One line for every name that an import brings in.
fn flatten(import: &ItemUse) -> Vec<TokenStream> {
    let mut attributes = import.attrs.clone();
    attributes::normalise(&mut attributes);
    let (visibility, colon) = (&import.vis, &import.leading_colon);
    let mut names = Vec::new();
    leaves(&import.tree, &mut Vec::new(), &mut names);
    names
        .into_iter()
        .map(|name| quote!(#(#attributes)* #visibility use #colon #name;))
        .collect()
}

fn leaves(tree: &UseTree, path: &mut Vec<Ident>, names: &mut Vec<TokenStream>) {
    match tree {
        UseTree::Path(step) => {
            path.push(step.ident.clone());
            leaves(&step.tree, path, names);
            path.pop();
        }
        // `a::{self}` is `a`, but a bare `self` is itself.
        UseTree::Name(name) if name.ident == "self" && !path.is_empty() => {
            names.push(quote!(#(#path)::*))
        }
        UseTree::Name(name) => {
            let name = &name.ident;
            names.push(quote!(#(#path::)* #name));
        }
        UseTree::Rename(rename) => {
            let (name, new) = (&rename.ident, &rename.rename);
            names.push(match name {
                name if name == new => quote!(#(#path::)* #name),
                name if name == "self" && !path.is_empty() => quote!(#(#path)::* as #new),
                name => quote!(#(#path::)* #name as #new),
            });
        }
        UseTree::Glob(_) => names.push(quote!(#(#path::)* *)),
        UseTree::Group(group) => group
            .items
            .iter()
            .for_each(|tree| leaves(tree, path, names)),
    }
}
