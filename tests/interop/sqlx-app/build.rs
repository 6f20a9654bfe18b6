//! Rebuilds the app when a migration is added or removed.

fn main() {
    driftless_manifest::watch("migrations");
}
