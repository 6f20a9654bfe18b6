//! Who does something to history: user, host, program and the commit it was built from, as far as they are known.

use super::lease::host;
use crate::manifest::Manifest;

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
            commit: build.commit.map(str::to_owned),
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
