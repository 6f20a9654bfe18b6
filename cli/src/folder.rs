//! Which folder holds the migrations, read from the code without compiling it.

use crate::package::Package;
use std::path::{Path, PathBuf};

/// What `create` makes, and what is taken where the code does not say.
pub const DEFAULT: &str = "migrations";

/// The calls that name the folder.
const CALLS: [&str; 3] = [
    "migrations!(",
    "driftless_manifest::generate(",
    "driftless_manifest::watch(",
];

/// The folder that the `migrate` binary names, else the build script.
pub fn of(package: &Package) -> PathBuf {
    let sources = package
        .binary()
        .into_iter()
        .chain(package.build_script.as_deref());
    let texts: Vec<String> = sources
        .filter_map(|source| std::fs::read_to_string(source).ok())
        .collect();
    let named = CALLS
        .iter()
        .find_map(|call| texts.iter().find_map(|text| literal_after(text, call)));
    Path::new(&named.unwrap_or_else(|| DEFAULT.to_owned())).to_path_buf()
}

/// The string literal that a call begins with, in code and not in a comment.
fn literal_after(text: &str, call: &str) -> Option<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .find_map(|line| {
            let after = line.split_once(call)?.1.trim_start();
            let (literal, _) = after.strip_prefix('"')?.split_once('"')?;
            Some(literal.to_owned())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_literal_of_a_call_is_found_outside_comments() {
        let text = "// migrations!(\"old\")\nstatic M: driftless::Manifest = driftless::migrations!( \"data/steps\");\n";
        assert_eq!(literal_after(text, CALLS[0]).as_deref(), Some("data/steps"));
        assert_eq!(
            literal_after("driftless::include_migrations!()", CALLS[0]),
            None
        );
        assert_eq!(
            literal_after("driftless_manifest::watch(FOLDER)", CALLS[2]),
            None
        );
    }
}
