static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/pass_down");

fn main() {
    let migration = MIGRATIONS.iter().next().unwrap();
    assert_eq!(migration.down.unwrap().table.name, "todos");
    assert!(migration.parts.down.starts_with("v1:"));
}
