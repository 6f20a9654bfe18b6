//! `Cargo.toml`: what the binary and the build script need, added with everything else left as it is.

use std::path::Path;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// Where the crates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The registry.
    Registry,
    /// A source checkout in this folder.
    Checkout(String),
}

impl Origin {
    /// The checkout that this command was built from, while it exists; else the registry.
    pub fn of_this_build() -> Origin {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        match checkout.filter(|folder| folder.join("runtime/Cargo.toml").is_file()) {
            Some(folder) => Origin::Checkout(folder.display().to_string()),
            None => Origin::Registry,
        }
    }

    /// The entry of a crate of ours: `"0.1.0"` or `{ path = "…" }`.
    fn entry(&self, folder: &str) -> InlineTable {
        let mut entry = InlineTable::new();
        match self {
            Origin::Registry => entry.insert("version", env!("CARGO_PKG_VERSION").into()),
            Origin::Checkout(checkout) => {
                entry.insert("path", format!("{checkout}/{folder}").into())
            }
        };
        entry
    }
}

/// What is to be added to, and from where.
pub struct Request<'r> {
    /// Where the crates come from.
    pub origin: &'r Origin,
    /// The text of the workspace's `Cargo.toml`, when the package is a member of one.
    pub workspace: Option<&'r str>,
    /// The package's only binary so far: `cargo run` goes on running it.
    pub only_binary: Option<&'r str>,
    /// The features of the stores that the project's databases need, but for those it has by default.
    pub stores: &'r [&'r str],
}

/// The new text, and what was done in a few words each.
///
/// # Errors
/// What about the text is not understood.
pub fn add(text: &str, request: &Request<'_>) -> Result<(String, Vec<String>), String> {
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let workspace: Option<DocumentMut> = request.workspace.and_then(|text| text.parse().ok());
    let inherited = |name: &str| {
        workspace
            .as_ref()
            .is_some_and(|workspace| has_workspace_dependency(workspace, name))
    };
    let ours = |name, folder| {
        if inherited(name) {
            of_workspace()
        } else {
            request.origin.entry(folder)
        }
    };
    let serde = if inherited("serde") {
        of_workspace()
    } else {
        version("1")
    };

    let mut done = Vec::new();
    done.extend(dependency(
        &mut document,
        "dependencies",
        "driftless",
        ours("driftless", "runtime"),
        &[&["cli"], request.stores].concat(),
    )?);
    done.extend(dependency(
        &mut document,
        "dependencies",
        "serde",
        serde,
        &["derive"],
    )?);
    done.extend(dependency(
        &mut document,
        "build-dependencies",
        "driftless-manifest",
        ours("driftless-manifest", "manifest"),
        &[],
    )?);
    done.extend(default_run(&mut document, request.only_binary)?);
    done.extend(binary_section(&mut document)?);
    Ok((document.to_string(), done))
}

/// Adds a dependency, or the features that an existing one lacks.
fn dependency(
    document: &mut DocumentMut,
    section: &str,
    name: &str,
    mut entry: InlineTable,
    features: &[&str],
) -> Result<Option<String>, String> {
    let table = table(document.as_table_mut(), section)?;
    let Some(existing) = table.get_mut(name) else {
        if !features.is_empty() {
            entry.insert(
                "features",
                Value::Array(features.iter().copied().collect::<Array>()),
            );
        }
        // The version alone reads better as a string.
        let value = if entry.len() == 1 {
            entry.get("version").cloned()
        } else {
            None
        };
        table.insert(
            name,
            Item::Value(value.unwrap_or(Value::InlineTable(entry))),
        );
        return Ok(Some(format!("{name} in [{section}]")));
    };
    let added = add_features(existing, features)
        .map_err(|problem| format!("[{section}] {name}: {problem}"))?;
    Ok(if added.is_empty() {
        None
    } else {
        Some(format!("feature {} of {name}", added.join(", ")))
    })
}

/// Adds the features that a dependency lacks; tells which.
fn add_features<'f>(existing: &mut Item, features: &[&'f str]) -> Result<Vec<&'f str>, String> {
    if let Some(version) = existing.as_str().map(str::to_owned) {
        if features.is_empty() {
            return Ok(Vec::new());
        }
        *existing = Item::Value(Value::InlineTable(self::version(&version)));
    }
    let Some(table) = existing.as_table_like_mut() else {
        return Err("this is no dependency".to_owned());
    };
    if !table.contains_key("features") && !features.is_empty() {
        table.insert("features", Item::Value(Value::Array(Array::new())));
    }
    let Some(list) = table.get_mut("features").and_then(Item::as_array_mut) else {
        return if features.is_empty() {
            Ok(Vec::new())
        } else {
            Err("`features` is no list".to_owned())
        };
    };
    let lacking = features
        .iter()
        .filter(|feature| !list.iter().any(|has| has.as_str() == Some(feature)));
    let lacking: Vec<&str> = lacking.copied().collect();
    list.extend(lacking.iter().copied());
    Ok(lacking)
}

/// A second binary makes `cargo run` ambiguous unless the package says which one is meant.
fn default_run(
    document: &mut DocumentMut,
    only_binary: Option<&str>,
) -> Result<Option<String>, String> {
    let package = table(document.as_table_mut(), "package")?;
    match only_binary {
        Some(name) if !package.contains_key("default-run") => {
            package.insert("default-run", toml_edit::value(name));
            Ok(Some(format!(
                "default-run = \"{name}\", so that `cargo run` still runs it"
            )))
        }
        _ => Ok(None),
    }
}

/// Where binaries are not found by themselves, they have a section each.
fn binary_section(document: &mut DocumentMut) -> Result<Option<String>, String> {
    let package = table(document.as_table_mut(), "package")?;
    if package.get("autobins").and_then(Item::as_bool) != Some(false) {
        return Ok(None);
    }
    let mut section = Table::new();
    section.insert("name", toml_edit::value("migrate"));
    section.insert("path", toml_edit::value("src/bin/migrate.rs"));
    let sections = document
        .entry("bin")
        .or_insert(Item::ArrayOfTables(toml_edit::ArrayOfTables::new()));
    sections
        .as_array_of_tables_mut()
        .ok_or("`bin` is no list of sections")?
        .push(section);
    Ok(Some("[[bin]] migrate".to_owned()))
}

/// A section, created when it is not there.
fn table<'d>(document: &'d mut Table, name: &str) -> Result<&'d mut dyn TableLike, String> {
    let item = document.entry(name).or_insert(Item::Table(Table::new()));
    item.as_table_like_mut()
        .ok_or_else(|| format!("`{name}` is no section"))
}

fn has_workspace_dependency(workspace: &DocumentMut, name: &str) -> bool {
    let dependencies = workspace
        .get("workspace")
        .and_then(|section| section.get("dependencies"));
    dependencies.and_then(|section| section.get(name)).is_some()
}

fn of_workspace() -> InlineTable {
    let mut entry = InlineTable::new();
    entry.insert("workspace", true.into());
    entry
}

fn version(version: &str) -> InlineTable {
    let mut entry = InlineTable::new();
    entry.insert("version", version.into());
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: Request<'_> = Request {
        origin: &Origin::Registry,
        workspace: None,
        only_binary: None,
        stores: &[],
    };

    fn added(text: &str, request: &Request<'_>) -> String {
        add(text, request).unwrap().0
    }

    #[test]
    fn an_empty_package_gets_everything() {
        let checkout = Origin::Checkout("/src/driftless".to_owned());
        let request = Request {
            origin: &checkout,
            only_binary: Some("shop"),
            ..REQUEST
        };
        insta::assert_snapshot!(added("[package]\nname = \"shop\" # mine\n\n[dependencies]\n", &request), @r#"
        [package]
        name = "shop" # mine
        default-run = "shop"

        [dependencies]
        driftless = { path = "/src/driftless/runtime", features = ["cli"] }
        serde = { version = "1", features = ["derive"] }

        [build-dependencies]
        driftless-manifest = { path = "/src/driftless/manifest" }
        "#);
    }

    #[test]
    fn what_is_there_stays_and_gets_the_features_it_lacks() {
        let text = "[package]\nname = \"shop\"\n\n[dependencies]\n# pinned\nserde = \"1.0.100\"\n\
                    driftless = { version = \"0.1\", features = [\"sqlite\"] }\n\n[build-dependencies.driftless-manifest]\nversion = \"0.1\"\n";
        insta::assert_snapshot!(added(text, &REQUEST), @r#"
        [package]
        name = "shop"

        [dependencies]
        # pinned
        serde = { version = "1.0.100", features = ["derive"] }
        driftless = { version = "0.1", features = ["sqlite", "cli"] }

        [build-dependencies.driftless-manifest]
        version = "0.1"
        "#);
    }

    #[test]
    fn a_store_is_a_feature() {
        let request = Request {
            stores: &["postgres"],
            ..REQUEST
        };
        let text = "[package]\nname = \"shop\"\n\n[dependencies]\ndriftless = \"0.1\"\n";
        let text = added(text, &request);
        assert!(
            text.contains("driftless = { version = \"0.1\", features = [\"cli\", \"postgres\"] }"),
            "{text}"
        );
    }

    #[test]
    fn doing_it_twice_does_nothing() {
        let once = added("[package]\nname = \"shop\"\n", &REQUEST);
        let (twice, done) = add(&once, &REQUEST).unwrap();
        assert_eq!((twice, done), (once, Vec::<String>::new()));
    }

    #[test]
    fn a_workspace_that_has_the_dependency_is_asked() {
        let workspace = "[workspace.dependencies]\nserde = \"1\"\n";
        let text = added(
            "[package]\nname = \"shop\"\n",
            &Request {
                workspace: Some(workspace),
                ..REQUEST
            },
        );
        assert!(
            text.contains("serde = { workspace = true, features = [\"derive\"] }"),
            "{text}"
        );
    }

    #[test]
    fn binaries_that_are_not_found_by_themselves_get_a_section() {
        let text = added("[package]\nname = \"shop\"\nautobins = false\n", &REQUEST);
        assert!(
            text.contains("[[bin]]\nname = \"migrate\"\npath = \"src/bin/migrate.rs\""),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_cargo_toml_is_refused() {
        assert!(
            add("dependencies = 5\n", &REQUEST)
                .unwrap_err()
                .contains("`dependencies` is no section")
        );
        assert!(add("[package\n", &REQUEST).is_err());
    }
}
