//! Feeds tokens to the hash in a form that does not depend on who wrote or printed them.
//!
//! Every token is a tag, its length and its bytes. Punctuation is joined into operators as the compiler joins it,
//! trailing commas and documentation are passed over, literals count by value and identifiers in NFC.

use super::literals;
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use sha2::{Digest, Sha256};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// The operators of more than one character, longest first.
const OPERATORS: [&str; 24] = [
    "<<=", ">>=", "...", "..=", "&&", "||", "<<", ">>", "+=", "-=", "*=", "/=", "%=", "^=", "&=",
    "|=", "==", "!=", ">=", "<=", "->", "=>", "::", "..",
];

/// Feeds a stream of tokens.
pub(super) fn feed(hash: &mut Sha256, tokens: TokenStream) {
    let trees = flatten(tokens);
    let mut index = 0;
    while index < trees.len() {
        index += feed_next(hash, &trees[index..]);
    }
}

/// Feeds a tagged sequence of bytes, so that no two sequences of feeds yield the same bytes.
pub(super) fn feed_bytes(hash: &mut Sha256, tag: u8, bytes: &[u8]) {
    hash.update([tag]);
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

/// Feeds what the first tokens of a non-empty slice mean; says how many they were.
fn feed_next(hash: &mut Sha256, trees: &[TokenTree]) -> usize {
    match &trees[0] {
        TokenTree::Ident(ident) => {
            feed_identifier(hash, b'i', &ident.to_string());
            1
        }
        TokenTree::Literal(literal) => {
            feed_bytes(hash, b'l', &literals::by_value(literal));
            1
        }
        TokenTree::Group(group) => {
            let tag = match group.delimiter() {
                Delimiter::Parenthesis => b'(',
                Delimiter::Brace => b'{',
                Delimiter::Bracket => b'[',
                Delimiter::None => b' ',
            };
            feed_bytes(hash, tag, b"");
            feed(hash, group.stream());
            feed_bytes(hash, b')', b"");
            1
        }
        TokenTree::Punct(punct) => match (punct.as_char(), &trees[1..]) {
            ('\'', [TokenTree::Ident(name), ..]) => {
                feed_identifier(hash, b'\'', &name.to_string());
                2
            }
            (',', []) => 1,
            (',', [TokenTree::Punct(next), ..]) if next.as_char() == '>' => 1,
            ('#', rest) if documentation(rest).is_some() => 1 + documentation(rest).unwrap_or(0),
            _ => {
                let operator = operator(trees);
                feed_bytes(hash, b'p', operator.as_bytes());
                operator.len()
            }
        },
    }
}

fn feed_identifier(hash: &mut Sha256, tag: u8, name: &str) {
    if is_nfc(name) {
        feed_bytes(hash, tag, name.as_bytes());
    } else {
        feed_bytes(hash, tag, name.nfc().collect::<String>().as_bytes());
    }
}

/// The operator that the first tokens spell: characters that stand together, the longest that exists.
fn operator(trees: &[TokenTree]) -> String {
    let mut spelled = String::new();
    for tree in trees.iter().take(3) {
        let TokenTree::Punct(punct) = tree else { break };
        spelled.push(punct.as_char());
        if punct.spacing() == Spacing::Alone {
            break;
        }
    }
    match OPERATORS
        .iter()
        .find(|operator| spelled.starts_with(*operator))
    {
        Some(operator) => (*operator).to_owned(),
        None => spelled.chars().take(1).collect(),
    }
}

/// How many tokens after a `#` make it a doc comment: `[doc = "…"]`, perhaps after a `!`.
fn documentation(rest: &[TokenTree]) -> Option<usize> {
    let (skipped, rest) = match rest {
        [TokenTree::Punct(bang), rest @ ..] if bang.as_char() == '!' => (1, rest),
        rest => (0, rest),
    };
    let TokenTree::Group(group) = rest.first()? else {
        return None;
    };
    let starts_with_doc =
        matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(name)) if name == "doc");
    (group.delimiter() == Delimiter::Bracket && starts_with_doc).then_some(skipped + 1)
}

/// The tokens, invisible groups opened.
fn flatten(tokens: TokenStream) -> Vec<TokenTree> {
    let mut trees = Vec::new();
    for tree in tokens {
        match tree {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                trees.extend(flatten(group.stream()))
            }
            tree => trees.push(tree),
        }
    }
    trees
}
