static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/several_faults_at_once");

const MEDIUM: &str = "medium";

fn main() {
    println!("{}", MIGRATIONS.len());
}
