static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/included_file");

fn main() {
    println!("{}", MIGRATIONS.len());
}
