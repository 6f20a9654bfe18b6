static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/name_with_spaces");

fn main() {
    println!("{}", MIGRATIONS.len());
}
