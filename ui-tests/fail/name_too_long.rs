static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/name_too_long");

fn main() {
    println!("{}", MIGRATIONS.len());
}
