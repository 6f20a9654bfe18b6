static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/locked_and_removed");

fn main() {
    println!("{}", MIGRATIONS.len());
}
