#![allow(dead_code)]

mod migration {
    use driftless::prelude::*;

    #[derive(serde::Deserialize)]
    struct Todo {
        priority: Option<String>,
    }

    #[migration(table = "todos")]
    async fn up(_ctx: &mut Ctx, _todo: Todo) -> Option<Patch> {
        Some(Patch::none())
    }
}

fn main() {}
