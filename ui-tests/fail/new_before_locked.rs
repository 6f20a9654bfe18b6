static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/new_before_locked");

fn main() {
    println!("{}", MIGRATIONS.len());
}
