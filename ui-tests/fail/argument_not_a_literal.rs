const FOLDER: &str = "migrations";
static MIGRATIONS: driftless::Manifest = driftless::migrations!(FOLDER);

fn main() {
    println!("{}", MIGRATIONS.len());
}
