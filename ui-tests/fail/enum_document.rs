static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/enum_document");

fn main() {
    println!("{}", MIGRATIONS.len());
}
