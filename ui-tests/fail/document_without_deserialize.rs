#![allow(dead_code)]

mod migration {
    use driftless::prelude::*;

    struct Todo {
        priority: Option<String>,
    }

    #[migration(table = "todos")]
    fn up(_ctx: &mut Ctx, _todo: Todo) -> Result<Patch> {
        Ok(Patch::none())
    }
}

fn main() {}
