//! Two versions of a source, so that their diff shows what the checksum sees and nothing else.
//!
//! Comments, docs, lints, tests and tuning keys are left out. An item that means the same in both versions is written in both
//! as the older one writes it; imports count as one item. What is left is shown as it was written, unless it was laid out
//! anew, too: then both sides get one layout.

use super::{attributes, normalise};
use quote::ToTokens;
use std::collections::BTreeMap;
use syn::spanned::Spanned;
use syn::visit_mut::VisitMut;
use syn::{Attribute, File, Item};

/// The older and the newer source as text to compare; `None` when one of them is not valid Rust.
pub fn readable(older: &str, newer: &str) -> Option<[String; 2]> {
    // The printer panics on syntax that is younger than itself.
    std::panic::catch_unwind(|| compare(older, newer)).ok()?
}

fn compare(older: &str, newer: &str) -> Option<[String; 2]> {
    let [older, mut newer] = [parts(older)?, parts(newer)?];
    for part in &mut newer {
        if let Some(same) = older.iter().find(|other| other.meaning == part.meaning) {
            part.clone_from(same);
        }
    }
    let text = |parts: &[Part], of: fn(&Part) -> &String| {
        let counts = parts.iter().filter(|part| !part.meaning.is_empty());
        counts.map(of).cloned().collect::<Vec<_>>().join("\n")
    };
    let pair = |of| [text(&older, of), text(&newer, of)];
    let (written, laid_out) = (pair(|part| &part.written), pair(|part| &part.laid_out));
    let (as_written, as_laid_out) = (differences(&written), differences(&laid_out));
    Some(match as_written > as_laid_out || as_written == 0 {
        true => laid_out,
        false => written,
    })
}

/// How many lines one side has and the other has not.
fn differences([older, newer]: &[String; 2]) -> usize {
    let mut balance: BTreeMap<&str, isize> = BTreeMap::new();
    for (text, weight) in [(older, 1), (newer, -1)] {
        for line in text.lines() {
            *balance.entry(line).or_default() += weight;
        }
    }
    balance.values().map(|count| count.unsigned_abs()).sum()
}

/// An item, or all imports.
#[derive(Clone)]
struct Part {
    /// As it stands in the file, without lines that are comments.
    written: String,
    /// In a layout of ours.
    laid_out: String,
    /// Its normal form; empty when it does not count.
    meaning: String,
}

fn parts(source: &str) -> Option<Vec<Part>> {
    let file = super::parse(source).ok()?;
    let lines: Vec<&str> = source.trim_start_matches('\u{feff}').lines().collect();
    let (imports, items): (Vec<Item>, Vec<Item>) = file
        .items
        .into_iter()
        .partition(|item| matches!(item, Item::Use(_)));
    let attributes = part(&lines, file.attrs, Vec::new());
    let items = items
        .into_iter()
        .map(|item| part(&lines, Vec::new(), vec![item]));
    let imports = part(&lines, Vec::new(), imports);
    Some([attributes, imports].into_iter().chain(items).collect())
}

fn part(lines: &[&str], attrs: Vec<Attribute>, items: Vec<Item>) -> Part {
    let mut file = File {
        shebang: None,
        frontmatter: None,
        attrs,
        items,
    };
    let mut normal = file.clone();
    normalise::file(&mut normal);
    let written = file.items.iter().map(|item| written(lines, item)).collect();
    Attributes.visit_file_mut(&mut file);
    Part {
        written,
        laid_out: prettyplease::unparse(&file),
        meaning: normal.into_token_stream().to_string(),
    }
}

/// The lines of an item, those left out that are nothing but a comment.
fn written(lines: &[&str], item: &Item) -> String {
    let span = item.span();
    let (from, to) = (span.start().line.max(1) - 1, span.end().line);
    let lines = lines.get(from..to.min(lines.len())).unwrap_or_default();
    let code = lines
        .iter()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.fold(String::new(), |text, line| text + line + "\n")
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
    fn a_change_is_shown_as_it_was_written_unless_the_layout_changed_too() {
        let written = "fn up() {\n    Ok(patch!(item { price: 1 }))\n}\n";
        let edited = written.replace("price: 1", "price: 2");
        let [older, newer] = readable(written, &edited).unwrap();
        assert_eq!([older.as_str(), newer.as_str()], [written, edited.as_str()]);
        let moved = edited.replace("    Ok(", "  Ok( ");
        let [older, newer] = readable(written, &format!("{moved}// More.\n")).unwrap();
        assert_eq!(differences(&[older, newer]), 2);
        let moved = "fn up()\n{\n  one( );\n  three();\n}\n";
        let [older, newer] = readable("fn up() {\n    one();\n    two();\n}\n", moved).unwrap();
        assert_eq!(differences(&[older, newer]), 2, "only what is called");
    }

    #[test]
    fn what_is_not_rust_is_not_read() {
        assert_eq!(readable(OLDER, "fn up( {"), None);
    }
}
