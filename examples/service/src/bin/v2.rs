//! Version 2: a todo's priority is a number, and still a word for those who only know that.

use service::{Shape, Version};
use std::process::ExitCode;

static MIGRATIONS: driftless::Manifest = driftless::migrations!("v2/migrations");

fn main() -> ExitCode {
    service::main(Version {
        name: "v2",
        shape: Shape::WordAndRank,
        migrations: &MIGRATIONS,
    })
}
