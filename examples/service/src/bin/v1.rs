//! Version 1: a todo's priority is a word.

use service::{Shape, Version};
use std::process::ExitCode;

static MIGRATIONS: driftless::Manifest = driftless::migrations!("v1/migrations");

fn main() -> ExitCode {
    service::main(Version {
        name: "v1",
        shape: Shape::Word,
        migrations: &MIGRATIONS,
    })
}
