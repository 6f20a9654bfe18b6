static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/locked_and_renamed");

fn main() {
    println!("{}", MIGRATIONS.len());
}
