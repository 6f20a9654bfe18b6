static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/pass_sub_folders");

fn main() {
    let files: Vec<_> = MIGRATIONS.iter().map(|migration| migration.file).collect();
    assert_eq!(files, ["20260227_080239_backfill.rs", "2026/march/20260301_000000_later.rs"]);
}
