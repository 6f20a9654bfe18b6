#![allow(dead_code)]

mod migration {
    use driftless::prelude::*;

    #[derive(serde::Deserialize)]
    struct Todo {
        priority: Option<String>,
    }

    #[migration(table = "todos", locking = "row")]
    fn up(_ctx: &mut Ctx, _todo: Todo) -> Result<Patch> {
        Ok(Patch::none())
    }
}

fn main() {}
