//! Notices added and removed migrations.

fn main() {
    driftless_manifest::watch("migrations_a");
    driftless_manifest::watch("migrations_b");
}
