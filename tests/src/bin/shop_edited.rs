//! The shop after someone edited its first migration and removed its second.

static MIGRATIONS: driftless::Manifest = driftless::migrations!("migrations/shop_edited");

fn main() -> std::process::ExitCode {
    driftless::cli::main(&MIGRATIONS)
}
