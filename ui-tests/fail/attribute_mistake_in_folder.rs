static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/attribute_mistake_in_folder");

fn main() {
    println!("{}", MIGRATIONS.len());
}
