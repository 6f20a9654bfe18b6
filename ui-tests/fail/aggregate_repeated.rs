driftless::aggregate! {
    pub A = "todos" by (project_id, PROJECT_ID) { sum(effort), count, sum(effort) }
}

fn main() {}
