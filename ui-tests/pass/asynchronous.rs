static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/pass_asynchronous");

fn main() {
    assert_eq!(MIGRATIONS.len(), 1);
}
