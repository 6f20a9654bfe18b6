driftless::aggregate! {
    pub A = "todos" by (project_id) { count(effort) }
}

fn main() {}
