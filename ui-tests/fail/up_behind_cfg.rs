static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/up_behind_cfg");

fn main() {
    println!("{}", MIGRATIONS.len());
}
