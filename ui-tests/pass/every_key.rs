static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/pass_every_key");

fn main() {
    let migration = MIGRATIONS.iter().next().unwrap();
    let up = &migration.up;
    assert_eq!(migration.description, "What it does");
    assert_eq!((up.table.schema, up.table.name, up.batch_size), (Some("shop"), "todos", Some(1000)));
    assert_eq!((up.write_mode, up.on_error), (driftless::WriteMode::Normal, driftless::OnError::Quarantine));
    assert_eq!(up.locking, driftless::Locking::Rows);
    assert_eq!((up.filter, up.remaining), (Some("priority IS NULL"), Some("priority IS NULL")));
}
