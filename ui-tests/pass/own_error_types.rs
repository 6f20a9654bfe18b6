static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/pass_own_error_types");

fn main() {
    assert_eq!(MIGRATIONS.len(), 1);
}
