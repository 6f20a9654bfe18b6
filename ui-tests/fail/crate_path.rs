static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/crate_path");

pub enum Priority {
    Medium,
}

impl Priority {
    pub fn name(&self) -> &'static str {
        "medium"
    }
}

fn main() {
    println!("{}", MIGRATIONS.len());
}
