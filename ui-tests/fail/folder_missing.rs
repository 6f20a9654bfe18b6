static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/folder_missing");

fn main() {
    println!("{}", MIGRATIONS.len());
}
