driftless::aggregate! {
    pub A = "migration_state" by (status) { count }
}

fn main() {}
