#![allow(dead_code)]

mod migration {
    use driftless::prelude::*;

    #[derive(serde::Deserialize)]
    struct Todo {
        priority: Option<String>,
    }

    #[migration(table = "todos")]
    struct Up;
}

fn main() {}
