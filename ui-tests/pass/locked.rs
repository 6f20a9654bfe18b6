static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/pass_locked");

fn main() {
    assert_eq!(MIGRATIONS.len(), 2);
}
