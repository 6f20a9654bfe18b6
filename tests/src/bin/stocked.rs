//! The shop's `migrate` binary with an aggregate over its items.

static MIGRATIONS: driftless::Manifest = driftless::migrations!("migrations/shop");

driftless::aggregate! {
    /// What the items with the same note cost together.
    pub ITEMS_BY_NOTE = "items" by (note) { count, sum(price) }
}

fn main() -> std::process::ExitCode {
    driftless::cli::Cli::new(&MIGRATIONS)
        .aggregates(&[&ITEMS_BY_NOTE])
        .main()
}
