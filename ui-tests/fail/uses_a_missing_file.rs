static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/uses_a_missing_file");

fn main() {
    println!("{}", MIGRATIONS.len());
}
