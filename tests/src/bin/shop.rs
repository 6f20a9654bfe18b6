//! A shop's `migrate` binary, for the tests of the command line.

static MIGRATIONS: driftless::Manifest = driftless::migrations!("migrations/shop");

fn main() -> std::process::ExitCode {
    driftless::cli::main(&MIGRATIONS)
}
