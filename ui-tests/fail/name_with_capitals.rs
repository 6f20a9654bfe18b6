static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/name_with_capitals");

fn main() {
    println!("{}", MIGRATIONS.len());
}
