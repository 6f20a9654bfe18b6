static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/lock_file_too_new");

fn main() {
    println!("{}", MIGRATIONS.len());
}
