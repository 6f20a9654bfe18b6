//! The build script: cargo notices a migration that was added or removed only when a build script watches the folder.

use syn::Item;

/// What to do with a build script.
#[derive(Debug, PartialEq, Eq)]
pub enum Edit {
    /// This is its new text.
    Done(String),
    /// It has what it needs.
    NotNeeded,
    /// It has no plain `main`; this line belongs into it.
    ByHand(String),
}

/// A build script of our own.
pub fn new(folder: &str) -> String {
    format!(
        "//! Has cargo rebuild when a migration is added or removed.\n\nfn main() {{\n    {}\n}}\n",
        call(folder)
    )
}

/// Adds the call to a build script, as the first line of its `main`.
pub fn add(text: &str, folder: &str) -> Edit {
    if text.contains("driftless_manifest::") {
        return Edit::NotNeeded;
    }
    let call = call(folder);
    match start_of_main(text) {
        Some(at) => Edit::Done(format!("{}\n    {call}{}", &text[..at], &text[at..])),
        None => Edit::ByHand(call),
    }
}

fn call(folder: &str) -> String {
    format!("driftless_manifest::watch(\"{folder}\");")
}

/// The place after the `{` of `fn main`.
fn start_of_main(text: &str) -> Option<usize> {
    let file = syn::parse_file(text).ok()?;
    let brace = file.items.iter().find_map(|item| match item {
        Item::Fn(function) if function.sig.ident == "main" => {
            Some(function.block.brace_token.span.open())
        }
        _ => None,
    })?;
    let brace = brace.start();
    let line: usize = text
        .split_inclusive('\n')
        .take(brace.line.checked_sub(1)?)
        .map(str::len)
        .sum();
    let column: usize = text
        .get(line..)?
        .chars()
        .take(brace.column)
        .map(char::len_utf8)
        .sum();
    // A byte order mark or a `#!` line may shift places: then it is the user's to do.
    let at = line + column;
    text.get(at..)?.starts_with('{').then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_becomes_the_first_line_of_main() {
        let text = "//! Ours: ünïcode.\nfn helper() {}\n\nfn main() -> Result<(), String> {\n    helper();\n    Ok(())\n}\n";
        let edited = text.replace(
            "String> {\n",
            "String> {\n    driftless_manifest::watch(\"migrations\");\n",
        );
        assert_eq!(add(text, "migrations"), Edit::Done(edited.clone()));
        assert_eq!(add(&edited, "migrations"), Edit::NotNeeded);
    }

    #[test]
    fn a_main_on_one_line_works_too() {
        assert_eq!(
            add("fn main() {}", "m"),
            Edit::Done("fn main() {\n    driftless_manifest::watch(\"m\");}".to_owned())
        );
    }

    #[test]
    fn what_is_not_understood_is_left_alone() {
        let line = "driftless_manifest::watch(\"m\");".to_owned();
        for text in ["make_main!();", "fn main( {", "\u{feff}fn main() {}"] {
            let edit = add(text, "m");
            assert!(
                edit == Edit::ByHand(line.clone())
                    || matches!(&edit, Edit::Done(text) if text.contains("main() {\n    driftless")),
                "{edit:?}"
            );
        }
        assert_eq!(add("make_main!();", "m"), Edit::ByHand(line));
    }
}
