static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/duplicate_id");

fn main() {
    println!("{}", MIGRATIONS.len());
}
