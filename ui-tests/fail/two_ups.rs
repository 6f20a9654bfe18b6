static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/two_ups");

fn main() {
    println!("{}", MIGRATIONS.len());
}
