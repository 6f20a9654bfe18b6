static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/super_path");

const MEDIUM: &str = "medium";

fn main() {
    println!("{}", MIGRATIONS.len());
}
