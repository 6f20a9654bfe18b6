//! A todo service in two versions, built to be deployed while it is used. README.md tells the story.
//!
//! `todos.rs` is the data, `routes.rs` the API, `health.rs` what a load balancer and its operators ask, `stop.rs` how it
//! ends. This file puts them together: the server and a [`driftless::Worker`] start and stop as one.

mod health;
mod routes;
mod stop;
mod todos;

use driftless::{Event, Manifest, Migrator, Worker};
use std::process::ExitCode;
use stop::Stop;
pub use todos::Shape;
use todos::{Error, Todos};

/// The database when `DATABASE_URL` names none.
const LOCAL: &str = "sqlite://todos.db?mode=rwc";

/// What differs between two versions of the service.
#[derive(Debug, Clone, Copy)]
pub struct Version {
    /// Its name.
    pub name: &'static str,
    /// How it writes a todo.
    pub shape: Shape,
    /// The migrations it is built with.
    pub migrations: &'static Manifest,
}

/// What every request can reach.
#[derive(Clone)]
struct App {
    version: Version,
    todos: Todos,
    migrator: Migrator,
    stop: Stop,
}

/// The whole program: `service-v1` serves, and `service-v1 migrate …` is the command line of its migrations.
pub fn main(version: Version) -> ExitCode {
    let url = std::env::var("DATABASE_URL").unwrap_or_else(|_| LOCAL.to_owned());
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "migrate") {
        words.extend(["--database-url".to_owned(), url]);
        return driftless::cli::Cli::new(version.migrations).run_from(words);
    }
    match serve(version, &url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", version.name);
            ExitCode::FAILURE
        }
    }
}

/// Serves until it is told to stop; then lets requests and the batch in hand come to their end.
#[tokio::main]
async fn serve(version: Version, url: &str) -> Result<(), Error> {
    let stop = Stop::on_signals()?;
    let todos = Todos::open(url, version.shape).await?;
    let name = version.name;
    let migrator = Migrator::connect(url, version.migrations)
        .await?
        .observer(move |event| log(name, event));
    let worker = tokio::spawn(Worker::new(migrator.clone()).run(stop.asked()));

    let port = port()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| {
            format!("port {port} cannot be listened on: {error}; choose another with PORT")
        })?;
    println!("{name} listens on http://{}", listener.local_addr()?);
    let app = App {
        version,
        todos,
        migrator,
        stop: stop.clone(),
    };
    axum::serve(listener, routes::all(app))
        .with_graceful_shutdown(stop.drained())
        .await?;
    worker.await??;
    println!("{name} has ended");
    Ok(())
}

/// `PORT`; one that is free when it is 0.
fn port() -> Result<u16, Error> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    port.parse()
        .map_err(|_| format!("PORT is `{port}`, and a port is a number up to 65535").into())
}

/// What the worker has to say that operators want to know.
fn log(name: &str, event: &Event) {
    match event {
        Event::RunStarted { run_id, .. } => println!("{name} drives run {run_id}"),
        Event::RunEnded { run_id, status, .. } => println!("{name} run {run_id}: {status}"),
        Event::WorkerRefused { reason, .. } => println!("{name} leaves a run alone: {reason}"),
        Event::Warning { message } => println!("{name} warning: {message}"),
        _ => {}
    }
}
