//! Rebuilds the program when a migration is added or removed.

fn main() {
    driftless_manifest::watch("migrations");
    driftless_manifest::watch("edited/migrations");
}
