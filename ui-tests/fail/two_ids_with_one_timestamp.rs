static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/two_ids_with_one_timestamp");

fn main() {
    println!("{}", MIGRATIONS.len());
}
