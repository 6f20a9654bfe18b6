//! Rebuilds when a migration is added or removed.

fn main() {
    driftless_manifest::watch("v1/migrations");
    driftless_manifest::watch("v2/migrations");
}
