//! A `migrate` binary whose app has hooks on one of its tables.

use driftless::{BoxError, Change, Ctx, WriteHooks};

static MIGRATIONS: driftless::Manifest = driftless::migrations!("migrations/quarantine_normal");

/// Signs every change, as an app might.
struct Sign;

impl WriteHooks for Sign {
    fn before(&self, ctx: &mut Ctx, change: &mut Change) -> Result<(), BoxError> {
        change.set("signed_by", ctx.migration_id());
        Ok(())
    }
}

fn main() -> std::process::ExitCode {
    driftless::cli::Cli::new(&MIGRATIONS)
        .hooks("docs", Sign)
        .main()
}
