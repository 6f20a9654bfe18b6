static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/no_up");

fn main() {
    println!("{}", MIGRATIONS.len());
}
