//! The normal form of what stands inside a macro call: code where it reads as code, tokens where it does not.
//!
//! rustfmt formats the arguments of a macro when each of them is an expression, a type or a pattern, and the
//! bodies of `macro_rules!` when they are code; so those are read as code here too.

use super::normalise::Normaliser;
use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::visit_mut::VisitMut;
use syn::{Block, Expr, File, Pat, Stmt, Token, Type};

/// The normal form of the arguments of a macro call.
pub(super) fn arguments(tokens: TokenStream) -> TokenStream {
    parse_arguments.parse2(tokens.clone()).unwrap_or(tokens)
}

/// Arguments between commas or semicolons.
fn parse_arguments(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut output = TokenStream::new();
    while !input.is_empty() {
        output.extend(argument(input)?);
        if input.peek(Token![,]) {
            output.extend(input.parse::<Token![,]>()?.into_token_stream());
        } else if input.peek(Token![;]) {
            output.extend(input.parse::<Token![;]>()?.into_token_stream());
        }
    }
    Ok(output)
}

fn argument(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    if let Some(mut expression) = whole(input, <Expr as syn::parse::Parse>::parse) {
        Normaliser.visit_expr_mut(&mut expression);
        return Ok(expression.into_token_stream());
    }
    if let Some(mut found) = whole(input, <Type as syn::parse::Parse>::parse) {
        Normaliser.visit_type_mut(&mut found);
        return Ok(found.into_token_stream());
    }
    if let Some(mut pattern) = whole(input, Pat::parse_multi_with_leading_vert) {
        Normaliser.visit_pat_mut(&mut pattern);
        return Ok(pattern.into_token_stream());
    }
    Err(input.error("not code"))
}

/// Parses one argument if it reaches up to a separator or the end.
fn whole<T>(
    input: ParseStream<'_>,
    parse: impl Fn(ParseStream<'_>) -> syn::Result<T>,
) -> Option<T> {
    let fork = input.fork();
    let parsed = parse(&fork).ok()?;
    let ends = fork.is_empty() || fork.peek(Token![,]) || fork.peek(Token![;]);
    ends.then(|| {
        input.advance_to(&fork);
        parsed
    })
}

/// The normal form of the rules of a `macro_rules!`.
pub(super) fn rules(tokens: TokenStream) -> TokenStream {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut output = TokenStream::new();
    for rule in
        trees.split(|tree| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ';'))
    {
        match rule {
            [] => {}
            [
                TokenTree::Group(matcher),
                TokenTree::Punct(_),
                TokenTree::Punct(_),
                TokenTree::Group(body),
            ] => {
                let (matcher, body) = (matcher.stream(), rule_body(body.stream()));
                output.extend(quote!((#matcher) => (#body);));
            }
            _ => return tokens,
        }
    }
    output
}

fn rule_body(tokens: TokenStream) -> TokenStream {
    let Some(code) = with_variables_named(tokens.clone()) else {
        return tokens;
    };
    if let Ok(mut file) = syn::parse2::<File>(code.clone()) {
        Normaliser.visit_file_mut(&mut file);
        return file.into_token_stream();
    }
    match Block::parse_within.parse2(code) {
        Ok(stmts) => {
            let mut block = Block {
                brace_token: syn::token::Brace::default(),
                stmts,
            };
            Normaliser.visit_block_mut(&mut block);
            let stmts: Vec<Stmt> = block.stmts;
            quote!(#(#stmts)*)
        }
        Err(_) => tokens,
    }
}

/// `$name` as an identifier, so that the body reads as code; `None` where a repetition makes that impossible.
fn with_variables_named(tokens: TokenStream) -> Option<TokenStream> {
    let mut output = TokenStream::new();
    let mut trees = tokens.into_iter();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Punct(punct) if punct.as_char() == '$' => {
                let TokenTree::Ident(name) = trees.next()? else {
                    return None;
                };
                output.extend([TokenTree::Ident(Ident::new(
                    &format!("__macro_variable_{name}"),
                    name.span(),
                ))]);
            }
            TokenTree::Group(group) => {
                let inner = with_variables_named(group.stream())?;
                output.extend([TokenTree::Group(Group::new(group.delimiter(), inner))]);
            }
            tree => output.extend([tree]),
        }
    }
    Some(output)
}
