static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/pass_uses");

fn main() {
    assert_eq!(MIGRATIONS.len(), 1);
}
