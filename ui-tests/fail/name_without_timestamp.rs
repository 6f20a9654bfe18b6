static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/name_without_timestamp");

fn main() {
    println!("{}", MIGRATIONS.len());
}
