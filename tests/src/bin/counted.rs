//! A shop's `migrate` binary that keeps aggregates of its items.

static MIGRATIONS: driftless::Manifest = driftless::migrations!("migrations/shop");

driftless::aggregate! {
    pub ITEMS_BY_NOTE = "items" by (note) { count, sum(price), max(price) }
}

driftless::aggregate! {
    pub BROKEN = "items" by (nota) { count }
}

fn main() -> std::process::ExitCode {
    let cli = driftless::cli::Cli::new(&MIGRATIONS);
    // Another version of the program, to see what becomes of what it does not declare, or cannot.
    match std::env::var("COUNTED").as_deref() {
        Ok("none") => cli,
        Ok("broken") => cli.aggregates(&[&BROKEN, &ITEMS_BY_NOTE]),
        _ => cli.aggregates(&[&ITEMS_BY_NOTE]),
    }
    .main()
}
