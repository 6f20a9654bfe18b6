static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/down_without_up");

fn main() {
    println!("{}", MIGRATIONS.len());
}
