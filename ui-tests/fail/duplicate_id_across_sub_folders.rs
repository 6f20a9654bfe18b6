static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/duplicate_id_across_sub_folders");

fn main() {
    println!("{}", MIGRATIONS.len());
}
