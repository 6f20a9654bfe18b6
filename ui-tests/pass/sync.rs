static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/pass_sync");

fn main() {
    assert_eq!(MIGRATIONS.ids().collect::<Vec<_>>(), ["20260227_080239_backfill"]);
    let migration = MIGRATIONS.get("20260227_080239_backfill").unwrap();
    assert_eq!(migration.description, "A good migration.");
    assert_eq!(migration.up.table.name, "todos");
    assert!(migration.down.is_none());
    assert!(migration.checksum.starts_with("v1:") && migration.parts.down.is_empty());
}
