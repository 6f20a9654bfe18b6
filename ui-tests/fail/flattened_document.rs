static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/flattened_document");

fn main() {
    println!("{}", MIGRATIONS.len());
}
