#![allow(dead_code)]

mod migration {
    use driftless::prelude::*;

    #[derive(serde::Deserialize)]
    struct Todo {
        due_date: i64,
    }

    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Other {
        due_date: i64,
    }

    #[migration(table = "todos")]
    fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
        let copy = todo;
        Ok(patch!(copy { due_date: 1 }))
    }
}

fn main() {}
