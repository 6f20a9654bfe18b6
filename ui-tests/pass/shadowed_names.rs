static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/pass_shadowed_names");

fn main() {
    assert_eq!(MIGRATIONS.len(), 1);
}
