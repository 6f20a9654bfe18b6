//! The guide, as a program that narrates itself: `cargo run -p todo`.
//!
//! It makes a database of its own in a temporary folder and works on it with the command line every app gets. Each
//! command is a process of its own: this program again, called as `todo migrate …`, or as `todo edited …` after somebody
//! has edited a migration.

mod database;

use database::Todos;
use std::error::Error;
use std::process::{Command, ExitCode};

static MIGRATIONS: driftless::Manifest = driftless::migrations!("migrations");

/// The same migrations, after somebody has edited one that is already applied.
static EDITED: driftless::Manifest = driftless::migrations!("edited/migrations");

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let cli = match words.first().map(String::as_str) {
        Some("migrate") => driftless::cli::Cli::new(&MIGRATIONS),
        Some("edited") => driftless::cli::Cli::new(&EDITED),
        _ => return story().map(|()| ExitCode::SUCCESS),
    };
    Ok(cli.run_from(words))
}

fn story() -> Result<(), Box<dyn Error>> {
    let todos = Todos::create()?;
    tell(
        "An app keeps 100,000 todos. Its newest version writes a priority; half of the rows are older and have none.",
    );
    show(&todos.counts()?);
    tell(
        "migrations/20260227_080239_backfill_todo_priority.rs gives them one. It is compiled in and waits:",
    );
    migrate(&todos, "migrate status", 0)?;
    tell("What would it do? A dry run calls it for every todo and rolls everything back.");
    migrate(&todos, "migrate up --dry-run", 0)?;
    tell("Apply it. Each batch is a short transaction, so the app keeps writing meanwhile.");
    migrate(&todos, "migrate up", 0)?;
    show(&todos.counts()?);
    migrate(&todos, "migrate status", 0)?;
    tell("Applying it again does nothing.");
    migrate(&todos, "migrate up", 0)?;
    tell("No todo is without a priority, so the column can say so from now on.");
    todos.require_priority(true)?;
    show(&todos.try_without_priority());
    tell(
        "Later somebody edits the applied migration. Its history is not theirs to rewrite: nothing runs.",
    );
    migrate(&todos, "edited up", 3)?;
    migrate(&todos, "edited drift", 3)?;
    tell("With the file as it was, the way back is open: first the column, then the rows.");
    todos.require_priority(false)?;
    migrate(&todos, "migrate down --steps 1", 0)?;
    show(&todos.counts()?);
    Ok(())
}

/// A paragraph of the story.
fn tell(text: &str) {
    println!("\n{text}");
}

/// What the app sees in its database.
fn show(seen: &str) {
    println!("\n  app: {seen}");
}

/// Runs a command as its user would, in the folder of the database, and expects its exit code.
fn migrate(todos: &Todos, line: &str, code: i32) -> Result<(), Box<dyn Error>> {
    println!("\n$ {}", line.replace("edited", "migrate"));
    let status = Command::new(std::env::current_exe()?)
        .args(line.split(' '))
        .current_dir(todos.folder())
        .env_remove("DATABASE_URL")
        .status()?;
    if status.code() == Some(code) {
        return Ok(());
    }
    Err(format!("`{line}` ended with {status}, and {code} was expected").into())
}
