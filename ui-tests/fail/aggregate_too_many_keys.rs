driftless::aggregate! {
    pub A = "todos" by (a, b, c, d, e, f, g, h, i) { count }
}

fn main() {}
