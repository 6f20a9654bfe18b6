//! `cargo xtask test`: everything CI checks, stage after stage, with nothing but the Rust toolchain.
//!
//! No dependencies, so that it builds in a second. The stages are in `stages.rs`, house rules in `tidy.rs`.

mod interop;
mod servers;
mod stages;
mod summary;
mod tidy;
mod workshop;

use stages::{STAGES, Stage};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use summary::Summary;
use workshop::Workshop;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["test"] => test(STAGES.iter().collect()),
        ["test", "--only", names @ ..] if !names.is_empty() => match chosen(names) {
            Ok(stages) => test(stages),
            Err(message) => wrong(&message),
        },
        ["--help" | "-h" | "help"] | ["test", "--help" | "-h"] => {
            print!("{}", help());
            ExitCode::SUCCESS
        }
        [] => wrong("no task was named"),
        _ => wrong(&format!("`{}` is not a task", arguments.join(" "))),
    }
}

/// Runs stages in order and stops at the first that fails. The last line counts the tests.
fn test(stages: Vec<&Stage>) -> ExitCode {
    let workshop = Workshop::new();
    let mut summary = Summary::default();
    let mut took = Vec::new();
    let mut failure = None;
    for stage in stages {
        println!("\n== {}: {}", stage.name, stage.about);
        let start = Instant::now();
        let result = (stage.run)(&workshop, &mut summary);
        took.push((stage.name, start.elapsed()));
        if let Err(message) = result {
            failure = Some((stage.name, message));
            break;
        }
    }
    println!();
    for (name, duration) in &took {
        println!("{name:<16} {:>6.1} s", duration.as_secs_f64());
    }
    let total: Duration = took.iter().map(|(_, duration)| *duration).sum();
    println!("{:<16} {:>6.1} s", "in all", total.as_secs_f64());
    let code = match failure {
        None => ExitCode::SUCCESS,
        Some((name, message)) => {
            println!("\n{name} failed: {message}");
            println!("repeat it with: cargo xtask test --only {name}");
            ExitCode::FAILURE
        }
    };
    println!("{summary}");
    code
}

fn chosen(names: &[&str]) -> Result<Vec<&'static Stage>, String> {
    names
        .iter()
        .map(|name| {
            STAGES
                .iter()
                .find(|stage| stage.name == *name)
                .ok_or_else(|| format!("there is no stage `{name}`"))
        })
        .collect()
}

fn help() -> String {
    let stages: String = STAGES
        .iter()
        .map(|stage| format!("  {:<16} {}\n", stage.name, stage.about))
        .collect();
    format!(
        "cargo xtask test                     everything CI checks; stops at the first stage that fails\n\
         cargo xtask test --only STAGE...     some stages\n\n\
         Stages, in order:\n{stages}"
    )
}

fn wrong(message: &str) -> ExitCode {
    eprint!("{message}; this is what there is:\n\n{}", help());
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_chosen_by_name_and_a_wrong_name_is_refused() {
        let names = |stages: Vec<&Stage>| stages.iter().map(|stage| stage.name).collect::<Vec<_>>();
        assert_eq!(names(chosen(&["test", "tidy"]).unwrap()), ["test", "tidy"]);
        assert_eq!(
            chosen(&["tidy", "cilppy"]).err(),
            Some("there is no stage `cilppy`".into())
        );
    }
}
