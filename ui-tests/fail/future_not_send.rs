#![allow(dead_code)]

mod migration {
    use driftless::prelude::*;

    #[derive(serde::Deserialize)]
    struct Todo {
        priority: Option<String>,
    }

    #[migration(table = "todos")]
    async fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
        let shared = std::rc::Rc::new(todo);
        std::future::ready(()).await;
        drop(shared);
        Ok(Patch::none())
    }
}

fn main() {}
