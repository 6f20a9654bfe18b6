static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/syntax_error");

fn main() {
    println!("{}", MIGRATIONS.len());
}
