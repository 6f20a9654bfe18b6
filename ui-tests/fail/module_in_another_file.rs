static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/module_in_another_file");

fn main() {
    println!("{}", MIGRATIONS.len());
}
