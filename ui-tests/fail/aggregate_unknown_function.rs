driftless::aggregate! {
    pub A = "todos" by (project_id) { count, summ(effort), average(effort), median(effort) }
}

fn main() {}
