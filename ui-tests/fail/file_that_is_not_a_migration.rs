static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/file_that_is_not_a_migration");

fn main() {
    println!("{}", MIGRATIONS.len());
}
