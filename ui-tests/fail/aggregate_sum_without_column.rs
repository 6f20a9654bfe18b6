driftless::aggregate! {
    pub A = "todos" by (project_id) { sum, min(a, b), max() }
}

fn main() {}
