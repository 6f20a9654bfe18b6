//! Who does something to history: user, host, program and the commit it was built from, as far as they are known.

use super::lease::host;
use crate::manifest::Manifest;
use std::path::Path;
use std::sync::OnceLock;

/// Recorded with every run and every decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub user: String,
    pub host: String,
    /// `shop 0.3.1, driftless 0.1.0`.
    pub program: String,
    pub commit: Option<String>,
}

impl Origin {
    /// This process.
    pub(crate) fn of(manifest: &Manifest) -> Origin {
        let variable = |name| std::env::var(name).ok().filter(|user| !user.is_empty());
        let user = ["USER", "LOGNAME", "USERNAME"]
            .into_iter()
            .find_map(variable);
        let build = manifest.build();
        let own = concat!("driftless ", env!("CARGO_PKG_VERSION"));
        Origin {
            user: user.unwrap_or_else(|| "unknown".into()),
            host: host(),
            program: match build.package {
                "" => own.into(),
                package => format!("{package} {}, {own}", build.version),
            },
            commit: build
                .commit
                .map(str::to_owned)
                .or_else(|| checked_out(manifest.folder())),
        }
    }

    /// `user@host, process 123`.
    pub(crate) fn started_by(&self) -> String {
        format!(
            "{}@{}, process {}",
            self.user,
            self.host,
            std::process::id()
        )
    }
}

/// What is checked out where a debug build was built: it is run there, after every change. Asked once.
fn checked_out(folder: &str) -> Option<String> {
    static COMMIT: OnceLock<Option<String>> = OnceLock::new();
    if !cfg!(debug_assertions) || !Path::new(folder).is_dir() {
        return None;
    }
    COMMIT
        .get_or_init(|| {
            let words = ["-C", folder, "rev-parse", "--verify", "--quiet", "HEAD"];
            let output = std::process::Command::new("git")
                .args(words)
                .output()
                .ok()?;
            let text = String::from_utf8(output.stdout).ok()?;
            Some(text.trim().to_owned()).filter(|text| output.status.success() && !text.is_empty())
        })
        .clone()
}
