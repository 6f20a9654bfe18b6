#![allow(dead_code)]

mod migration {
    use driftless::prelude::*;

    #[derive(serde::Deserialize)]
    struct Todo<'a> {
        priority: &'a str,
    }

    #[migration(table = "todos")]
    fn up(_ctx: &mut Ctx, _todo: Todo<'_>) -> Result<Patch> {
        Ok(Patch::none())
    }
}

fn main() {}
