static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/name_with_impossible_date");

fn main() {
    println!("{}", MIGRATIONS.len());
}
