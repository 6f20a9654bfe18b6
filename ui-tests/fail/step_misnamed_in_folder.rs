static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/step_misnamed_in_folder");

fn main() {
    println!("{}", MIGRATIONS.len());
}
