//! The app next door: a plain blocking client on a thread of its own, so that it may be used anywhere, in async tests too, and
//! may wait for a lock while the test goes on.

use postgres::types::Type;
use postgres::{Client, NoTls, SimpleQueryMessage};
use std::sync::mpsc;

type Job = Box<dyn FnOnce(&mut Client) + Send>;

/// A connection of the app. Closed when it is dropped.
pub struct App {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What a statement that was [started](App::start) came to.
pub struct Started<T>(mpsc::Receiver<T>);

impl<T> Started<T> {
    /// Waits for its end.
    ///
    /// # Panics
    /// The app's thread panicked.
    pub fn finish(self) -> T {
        self.0.recv().expect("the app's thread answers")
    }
}

impl App {
    /// Connects.
    ///
    /// # Errors
    /// The server refuses.
    pub fn try_connect(url: &str) -> Result<App, postgres::Error> {
        let (jobs, to_do) = mpsc::channel::<Job>();
        let (connected, outcome) = mpsc::channel();
        let url = url.to_owned();
        let thread = std::thread::spawn(move || match Client::connect(&url, NoTls) {
            Err(error) => drop(connected.send(Err(error))),
            Ok(mut client) => {
                let _ = connected.send(Ok(()));
                to_do.iter().for_each(|job| job(&mut client));
            }
        });
        outcome.recv().expect("the app's thread answers")?;
        Ok(App {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Connects.
    ///
    /// # Panics
    /// The server refuses.
    pub fn connect(url: &str) -> App {
        App::try_connect(url).unwrap_or_else(|error| panic!("{url}: {error:?}"))
    }

    /// Does something with the client, and does not wait for its end.
    ///
    /// # Panics
    /// The app's thread panicked before.
    pub fn start<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Client) -> T + Send + 'static,
    ) -> Started<T> {
        let (sender, receiver) = mpsc::channel();
        let jobs = self.jobs.as_ref().expect("open until it is dropped");
        // Nobody may be waiting for the outcome.
        jobs.send(Box::new(move |client| drop(sender.send(job(client)))))
            .expect("the app's thread takes jobs");
        Started(receiver)
    }

    /// Does something with the client.
    pub fn with<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Client) -> T + Send + 'static,
    ) -> T {
        self.start(job).finish()
    }

    /// Runs a script.
    ///
    /// # Errors
    /// The server refuses it.
    pub fn try_run(&self, script: &str) -> Result<(), postgres::Error> {
        let script = script.to_owned();
        self.with(move |client| client.batch_execute(&script))
    }

    /// Runs a script.
    ///
    /// # Panics
    /// The server refuses it.
    pub fn run(&self, script: &str) {
        self.try_run(script)
            .unwrap_or_else(|error| panic!("{script}: {error:?}"));
    }

    /// The rows of a query as text, cells joined by `|`, NULL as `NULL`; truth as 1 and 0, floats and bytes as SQLite's tests
    /// show them, so that one expectation serves both.
    ///
    /// # Panics
    /// The server refuses it.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let owned = sql.to_owned();
        self.with(move |client| rows(client, &owned))
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    /// The only value of a query, read from its text.
    ///
    /// # Panics
    /// The server refuses it, or there is no such value.
    pub fn value<T: std::str::FromStr>(&self, sql: &str) -> T {
        let rows = self.rows(sql);
        let [row] = rows.as_slice() else {
            panic!("{sql}: {} rows and not one", rows.len());
        };
        row.parse()
            .unwrap_or_else(|_| panic!("{sql}: {row} is not of that type"))
    }
}

impl Drop for App {
    fn drop(&mut self) {
        drop(self.jobs.take());
        // A panic of the app's has been seen by whoever waited for it.
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

fn rows(client: &mut Client, sql: &str) -> Result<Vec<String>, postgres::Error> {
    let types: Vec<Type> = client
        .prepare(sql)?
        .columns()
        .iter()
        .map(|column| column.type_().clone())
        .collect();
    let messages = client.simple_query(sql)?;
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            let cells = types.iter().enumerate();
            let cells = cells.map(|(at, kind)| show(row.get(at), kind));
            Some(cells.collect::<Vec<_>>().join("|"))
        }
        _ => None,
    });
    Ok(rows.collect())
}

fn show(text: Option<&str>, kind: &Type) -> String {
    let Some(text) = text else {
        return "NULL".into();
    };
    match *kind {
        Type::BOOL => if text == "t" { "1" } else { "0" }.into(),
        Type::BYTEA => text.strip_prefix("\\x").unwrap_or(text).into(),
        Type::FLOAT8 | Type::FLOAT4 => text
            .parse::<f64>()
            .map_or_else(|_| text.into(), |number| format!("{number:?}")),
        _ => text.into(),
    }
}
