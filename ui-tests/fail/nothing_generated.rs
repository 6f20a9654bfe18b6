static MIGRATIONS: driftless::Manifest = driftless::include_migrations!();

fn main() {
    println!("{}", MIGRATIONS.len());
}
