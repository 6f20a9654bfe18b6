static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/after_a_missing_migration");

fn main() {
    println!("{}", MIGRATIONS.len());
}
