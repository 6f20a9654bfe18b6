static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/lock_file_not_understood");

fn main() {
    println!("{}", MIGRATIONS.len());
}
