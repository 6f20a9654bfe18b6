//! Finds what a migration names outside its own file, which its checksum would not cover.
//!
//! This works on tokens, so that the arguments of macros are seen too, and string literals are not.

use crate::diagnostic::{FaultKind, Located};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::path::{Component, Path, PathBuf};

/// Macros that paste another file.
const INCLUDES: [&str; 3] = ["include", "include_str", "include_bytes"];

/// Where the migration is and what it declares: enough to tell which outside files are covered.
pub(crate) struct Surroundings<'a> {
    /// The folder of the migration file.
    pub folder: &'a Path,
    /// The package.
    pub package_root: &'a Path,
    /// The files of `uses`, as written.
    pub uses: &'a [String],
}

/// Every place in a file that names something outside it.
pub(crate) fn find(file: TokenStream, surroundings: &Surroundings<'_>) -> Vec<Located> {
    let mut walk = Walk {
        surroundings,
        depth: 0,
        faults: Vec::new(),
    };
    walk.stream(file);
    walk.faults
}

struct Walk<'a> {
    surroundings: &'a Surroundings<'a>,
    /// How many inline modules we are in.
    depth: usize,
    faults: Vec<Located>,
}

impl Walk<'_> {
    fn stream(&mut self, tokens: TokenStream) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        for (index, tree) in trees.iter().enumerate() {
            let (before, after) = (&trees[..index], &trees[index + 1..]);
            match tree {
                TokenTree::Ident(ident) if ident == "crate" => {
                    self.crate_path(ident.span(), before, after)
                }
                TokenTree::Ident(ident) if ident == "super" => {
                    self.super_path(ident.span(), before, after)
                }
                TokenTree::Ident(ident) if INCLUDES.iter().any(|name| ident == name) => {
                    self.include(ident, after)
                }
                TokenTree::Group(group) => self.group(group, before),
                _ => {}
            }
        }
    }

    fn group(&mut self, group: &Group, before: &[TokenTree]) {
        let visibility =
            group.delimiter() == Delimiter::Parenthesis && is_ident(before.last(), "pub");
        if visibility {
            return;
        }
        if is_ident(before.last(), "serde") {
            self.serde_paths(group.stream());
        }
        let module = group.delimiter() == Delimiter::Brace
            && matches!(before, [.., TokenTree::Ident(keyword), TokenTree::Ident(_)] if keyword == "mod");
        self.depth += usize::from(module);
        self.stream(group.stream());
        self.depth -= usize::from(module);
    }

    fn crate_path(&mut self, span: proc_macro2::Span, before: &[TokenTree], after: &[TokenTree]) {
        let extern_crate = is_ident(before.last(), "extern");
        let serde_crate = is_punct(after.first(), '=');
        if !extern_crate && !serde_crate && !self.is_used_module(after) {
            self.faults.push(Located::new(
                FaultKind::OutsidePath { keyword: "crate" },
                span,
            ));
        }
    }

    /// `super::super` climbs twice, so each `super` before this one in the same path counts.
    fn super_path(&mut self, span: proc_macro2::Span, before: &[TokenTree], after: &[TokenTree]) {
        let mut climbed = 1;
        let mut earlier = before;
        while let [
            rest @ ..,
            TokenTree::Ident(ident),
            TokenTree::Punct(_),
            TokenTree::Punct(colon),
        ] = earlier
            && colon.as_char() == ':'
            && ident == "super"
        {
            climbed += 1;
            earlier = rest;
        }
        let last_of_path = !matches!(after, [TokenTree::Punct(_), TokenTree::Punct(_), TokenTree::Ident(next), ..] if next == "super");
        if climbed > self.depth && last_of_path {
            self.faults.push(Located::new(
                FaultKind::OutsidePath { keyword: "super" },
                span,
            ));
        }
    }

    /// Whether `crate::a::b` leads into a file of `uses`: `src/a.rs`, `src/a/mod.rs`, `src/a/b.rs`.
    fn is_used_module(&self, after: &[TokenTree]) -> bool {
        let mut path = Vec::new();
        let mut rest = after;
        while let [
            TokenTree::Punct(first),
            TokenTree::Punct(_),
            TokenTree::Ident(name),
            more @ ..,
        ] = rest
            && first.as_char() == ':'
        {
            path.push(name.to_string());
            rest = more;
        }
        self.surroundings.uses.iter().any(|used| {
            let module = used
                .strip_prefix("src/")
                .and_then(|file| file.strip_suffix(".rs"));
            let module = module.map(|file| file.strip_suffix("/mod").unwrap_or(file));
            module.is_some_and(|file| {
                let parts: Vec<&str> = file.split('/').collect();
                path.len() > parts.len() && parts.iter().zip(&path).all(|(part, name)| part == name)
            })
        })
    }

    /// Serde takes paths as strings: `#[serde(with = "crate::money")]`.
    fn serde_paths(&mut self, tokens: TokenStream) {
        for tree in tokens {
            let TokenTree::Literal(literal) = tree else {
                continue;
            };
            let text = literal.to_string();
            for keyword in ["crate", "super"] {
                if text
                    .trim_start_matches('"')
                    .starts_with(&format!("{keyword}::"))
                {
                    self.faults.push(Located::new(
                        FaultKind::OutsidePath { keyword },
                        literal.span(),
                    ));
                }
            }
        }
    }

    fn include(&mut self, name: &proc_macro2::Ident, after: &[TokenTree]) {
        let [TokenTree::Punct(bang), TokenTree::Group(arguments), ..] = after else {
            return;
        };
        if bang.as_char() != '!' {
            return;
        }
        let Ok(literal) = syn::parse2::<syn::LitStr>(without_comma(arguments.stream())) else {
            let kind = FaultKind::OutsideIncludeUnknown {
                name: name.to_string(),
            };
            self.faults.push(Located::new(kind, arguments.span_open()));
            return;
        };
        let included = tidy(&self.surroundings.folder.join(literal.value()));
        let root = self.surroundings.package_root;
        if !self
            .surroundings
            .uses
            .iter()
            .any(|used| tidy(&root.join(used)) == included)
        {
            let path = included
                .strip_prefix(tidy(root))
                .unwrap_or(&included)
                .to_string_lossy()
                .replace('\\', "/");
            self.faults.push(Located::new(
                FaultKind::OutsideInclude { path },
                literal.span(),
            ));
        }
    }
}

fn without_comma(tokens: TokenStream) -> TokenStream {
    let mut trees: Vec<TokenTree> = tokens.into_iter().collect();
    if is_punct(trees.last(), ',') {
        trees.pop();
    }
    trees.into_iter().collect()
}

fn is_ident(tree: Option<&TokenTree>, name: &str) -> bool {
    matches!(tree, Some(TokenTree::Ident(ident)) if ident == name)
}

fn is_punct(tree: Option<&TokenTree>, character: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

/// A path without `.` and `..`, so that two spellings of one file are equal.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                tidy.pop();
            }
            component => tidy.push(component),
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(text: &str, uses: &[&str]) -> Vec<FaultKind> {
        let uses: Vec<String> = uses.iter().map(|used| (*used).to_owned()).collect();
        let surroundings = Surroundings {
            folder: Path::new("/app/migrations"),
            package_root: Path::new("/app"),
            uses: &uses,
        };
        find(text.parse().unwrap(), &surroundings)
            .into_iter()
            .map(|fault| fault.kind)
            .collect()
    }

    #[test]
    fn code_outside_the_file_is_found_also_in_macros_and_serde_paths() {
        for text in [
            "use crate::a;",
            "use crate::{a, b};",
            "fn f() { x!(crate::a) }",
            "type A = super::A;",
            "mod m { use super::super::a; }",
            "#[serde(with = \"crate::a\")] x: u8",
            "macro_rules! m { () => { $crate::a } }",
            "use super as s;",
        ] {
            let found = outside(text, &[]);
            assert!(
                matches!(found[..], [FaultKind::OutsidePath { .. }]),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn what_stays_inside_the_file_is_not() {
        for text in [
            "\"crate::a\"",
            "/// crate::a\nfn f() {}",
            "mod m { use super::a; mod n { use super::super::a; } }",
            "pub(crate) fn f() {}",
            "pub(in super::a) fn f() {}",
            "extern crate serde;",
            "#[serde(crate = \"x\")] struct A;",
            "use self::a;",
            "fn include() {}",
            "#[serde(rename = \"crate\")] a: u8",
        ] {
            assert_eq!(outside(text, &[]), [], "{text}");
        }
    }

    #[test]
    fn files_named_by_uses_may_be_used() {
        assert_eq!(
            outside("use crate::priority::Level;", &["src/priority.rs"]),
            []
        );
        assert_eq!(outside("use crate::a::b::C;", &["src/a/b.rs"]), []);
        assert_eq!(outside("use crate::a::C;", &["src/a/mod.rs"]), []);
        assert_eq!(
            outside("use crate::other::C;", &["src/priority.rs"]).len(),
            1
        );
        assert_eq!(
            outside("use crate::{priority};", &["src/priority.rs"]).len(),
            1
        );
        assert_eq!(
            outside(
                "const A: &str = include_str!(\"sql/../sql/a.sql\");",
                &["migrations/sql/a.sql"]
            ),
            []
        );
        assert_eq!(
            outside("const A: &str = include_str!(\"../a.sql\",);", &["a.sql"]),
            []
        );
    }

    #[test]
    fn included_files_are_listed() {
        assert_eq!(
            outside("include!(\"../src/a.rs\");", &[]),
            [FaultKind::OutsideInclude {
                path: "src/a.rs".to_owned()
            }]
        );
        assert!(matches!(
            outside("include_bytes!(concat!(\"a\", \"b\"))", &[])[..],
            [FaultKind::OutsideIncludeUnknown { .. }]
        ));
    }
}
