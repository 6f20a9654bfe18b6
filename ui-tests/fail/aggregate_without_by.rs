driftless::aggregate! {
    pub A = "todos" (project_id) { count }
}

fn main() {}
