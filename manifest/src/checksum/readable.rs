//! Two versions of a source, laid out so that their diff shows what the checksum sees and nothing else.
//!
//! Comments, docs, lints, tests and tuning keys are left out, and layout is the same on both sides. What is left can still be
//! written in several ways (parentheses, braces), so an item that means the same in both versions is written in both as the
//! older one writes it; imports count as one item.

use super::{attributes, normalise};
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit_mut::VisitMut;
use syn::{Attribute, File, Item};

/// The older and the newer source as text to compare; `None` when one of them is not valid Rust.
pub fn readable(older: &str, newer: &str) -> Option<[String; 2]> {
    let [mut older, mut newer] = [parts(older)?, parts(newer)?];
    for part in &mut newer {
        if let Some(at) = older.iter().position(|other| other.meaning == part.meaning) {
            part.text.clone_from(&older[at].text);
        }
    }
    for parts in [&mut older, &mut newer] {
        parts.retain(|part| !part.meaning.is_empty());
    }
    let text = |parts: Vec<Part>| {
        let texts: Vec<String> = parts.into_iter().map(|part| part.text).collect();
        texts.join("\n")
    };
    Some([text(older), text(newer)])
}

/// An item, or all imports.
struct Part {
    text: String,
    /// Its normal form; empty when it does not count.
    meaning: String,
}

fn parts(source: &str) -> Option<Vec<Part>> {
    let file = super::parse(source).ok()?;
    let (imports, items): (Vec<Item>, Vec<Item>) = file
        .items
        .into_iter()
        .partition(|item| matches!(item, Item::Use(_)));
    let attributes = part(file.attrs, Vec::new());
    let items = items.into_iter().map(|item| part(Vec::new(), vec![item]));
    let imports = part(Vec::new(), imports);
    Some([attributes, imports].into_iter().chain(items).collect())
}

fn part(attrs: Vec<Attribute>, items: Vec<Item>) -> Part {
    let mut file = File {
        shebang: None,
        frontmatter: None,
        attrs,
        items,
    };
    let mut normal = file.clone();
    normalise::file(&mut normal);
    Attributes.visit_file_mut(&mut file);
    let meaning: TokenStream = normal.into_token_stream();
    Part {
        text: prettyplease::unparse(&file),
        meaning: meaning.to_string(),
    }
}

/// Leaves out the attributes that do not count.
struct Attributes;

impl VisitMut for Attributes {
    fn visit_attributes_mut(&mut self, list: &mut Vec<Attribute>) {
        attributes::normalise(list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLDER: &str = "//! Sets it.\nuse b::{c, a};\n// Why.\n#[derive(A)]\n#[derive(B)]\nstruct Row { id: i64 }\n\
        #[migration(table = \"t\", batch_size = 5)]\nfn up(row: Row) -> i64 {\n    // A comment.\n    row.id * 10\n}\n\
        fn helper() -> i64 { (1 + 2) * 3 }\n#[cfg(test)]\nmod tests {}\n";

    #[test]
    fn what_the_checksum_ignores_makes_no_difference() {
        let newer = "use b::a;\nuse b::c;\n#[derive(B, A)]\n/// A row.\nstruct Row {\n    id: i64,\n}\n\
            #[migration(batch_size = 9, table = \"t\")]\nfn up(row: Row) -> i64 { (row.id) * 10 }\n\
            fn helper() -> i64 {\n    ((1 + 2)) * (3)\n}\n";
        let [older, newer] = readable(OLDER, newer).unwrap();
        assert_eq!(older, newer);
        assert!(
            !older.contains("Why") && !older.contains("tests"),
            "{older}"
        );
    }

    #[test]
    fn what_it_sees_is_the_only_difference() {
        let newer = OLDER
            .replace("// A comment.\n", "// Another\n\n")
            .replace("* 10", "* 1_000");
        let [older, newer] = readable(OLDER, &newer).unwrap();
        assert_ne!(older, newer);
        assert_eq!(older, newer.replace("* 1_000", "* 10"));
    }

    #[test]
    fn what_is_not_rust_is_not_read() {
        assert_eq!(readable(OLDER, "fn up( {"), None);
    }
}
