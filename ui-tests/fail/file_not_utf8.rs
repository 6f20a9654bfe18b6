static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/file_not_utf8");

fn main() {
    println!("{}", MIGRATIONS.len());
}
