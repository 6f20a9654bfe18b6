static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/locked_and_edited");

fn main() {
    println!("{}", MIGRATIONS.len());
}
