static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/pass_odd_table_names");

fn main() {
    let tables: Vec<_> = MIGRATIONS.iter().map(|migration| (migration.up.table.schema, migration.up.table.name)).collect();
    let expected = [
        (None, "order items"),
        (None, "select"),
        (None, "größen"),
        (None, "odd.name"),
        (Some("main"), "say \"hi\""),
    ];
    assert_eq!(tables, expected);
}
