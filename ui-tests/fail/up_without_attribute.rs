static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/up_without_attribute");

fn main() {
    println!("{}", MIGRATIONS.len());
}
