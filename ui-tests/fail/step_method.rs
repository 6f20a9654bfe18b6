#![allow(dead_code)]

mod migration {
    use driftless::prelude::*;

    #[derive(serde::Deserialize)]
    struct Todo {
        priority: Option<String>,
    }

    impl Todo {
        #[migration(table = "todos")]
        fn up(&self, _ctx: &mut Ctx) -> Result<Patch> {
            Ok(Patch::none())
        }
    }
}

fn main() {}
