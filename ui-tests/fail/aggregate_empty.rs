driftless::aggregate! {
    pub A = "todos" by () {}
}

fn main() {}
