//! Which databases a project has, as far as can be told before it compiles: by the flag, by `DATABASE_URL`, by driftless.toml.

use crate::args::Flags;
use crate::package::Package;
use toml_edit::{DocumentMut, TableLike};

/// Every URL that is named. What cannot be read names none: the binary says what is wrong with it.
pub fn urls(
    package: &Package,
    flags: &Flags,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Vec<String> {
    let file = flags.config.clone().or_else(|| {
        let files = package
            .root
            .ancestors()
            .map(|folder| folder.join("driftless.toml"));
        files.into_iter().find(|file| file.is_file())
    });
    let text = file.and_then(|file| std::fs::read_to_string(file).ok());
    let given = flags.database_url.clone();
    let mut urls: Vec<String> = given.into_iter().chain(variable("DATABASE_URL")).collect();
    urls.extend(of_file(&text.unwrap_or_default(), variable));
    urls.retain(|url| !url.is_empty());
    urls
}

/// The URLs of `[database]` and of every `[env.NAME]`.
fn of_file(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let Ok(document) = text.parse::<DocumentMut>() else {
        return Vec::new();
    };
    let local = document.get("database");
    let named = document
        .get("env")
        .and_then(|environments| environments.as_table_like())
        .into_iter()
        .flat_map(|environments| environments.iter().map(|(_, environment)| environment));
    let sections = local.into_iter().chain(named);
    sections
        .filter_map(|section| section.as_table_like())
        .filter_map(|section| url_of(section, variable))
        .collect()
}

fn url_of(section: &dyn TableLike, variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let text = |key| section.get(key).and_then(|value| value.as_str());
    match text("url") {
        Some(url) => Some(url.to_owned()),
        None => variable(text("url_env")?),
    }
}

/// The features of driftless that these URLs need, but for those it has by default.
pub fn features(urls: &[String]) -> &'static [&'static str] {
    let is_postgres =
        |url: &String| url.starts_with("postgres://") || url.starts_with("postgresql://");
    if urls.iter().any(is_postgres) {
        &["postgres"]
    } else {
        &[]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_database_of_the_file_counts() {
        let variable = |name: &str| (name == "PROD").then(|| "postgresql://db/shop".to_owned());
        let local = "[database]\nurl = \"sqlite://shop.db\"\n";
        assert_eq!(of_file(local, &variable), ["sqlite://shop.db"]);
        assert!(features(&of_file(local, &variable)).is_empty());

        let both =
            format!("{local}[env.prod]\nurl_env = \"PROD\"\n[env.test]\nurl_env = \"TEST\"\n");
        let urls = of_file(&both, &variable);
        assert_eq!(urls, ["sqlite://shop.db", "postgresql://db/shop"]);
        assert_eq!(features(&urls), ["postgres"]);
    }

    #[test]
    fn a_file_that_cannot_be_read_names_none() {
        for text in ["", "[database", "database = 5", "env = [1]", "[env]\na = 1"] {
            assert!(of_file(text, &|_| None).is_empty(), "{text}");
        }
    }
}
