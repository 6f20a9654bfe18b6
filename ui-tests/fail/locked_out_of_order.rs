static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/locked_out_of_order");

fn main() {
    println!("{}", MIGRATIONS.len());
}
