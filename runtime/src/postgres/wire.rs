//! Blocking calls over an asynchronous driver.
//!
//! The driver's connection lives on a runtime of our own with one thread, the same for every session of the process. The
//! engine's thread hands requests over and waits for replies with pollster: it may itself be inside of the caller's runtime
//! (an `async fn` step is), where tokio's own waiting is forbidden.
//!
//! A request is *posted* when it is handed over without waiting for its reply. The server answers in order, so a posted
//! BEGIN and the statement after it cost one round trip.

use super::types::Parameter;
use crate::error::{Error, ErrorKind, Result};
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Column, Row};

/// The driver's runtime.
pub(super) fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("driftless-postgres")
            .enable_all()
            .build()
    });
    runtime.as_ref().map_err(|error| {
        Error::new(
            ErrorKind::Database,
            format!("the thread that talks to Postgres cannot be started: {error}"),
        )
    })
}

/// What the driver says when it fails, and which statement it was about: a server that denies a right names the object, and
/// the right only follows from the statement.
#[derive(Debug)]
pub(super) struct Failure {
    error: tokio_postgres::Error,
    statement: Option<String>,
}

impl Failure {
    fn of(error: tokio_postgres::Error, statement: String) -> Self {
        Failure {
            error,
            statement: Some(statement),
        }
    }

    /// The statement, where there was one.
    pub(super) fn statement(&self) -> Option<&str> {
        self.statement.as_deref()
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Failure {
            error,
            statement: None,
        }
    }
}

impl std::ops::Deref for Failure {
    type Target = tokio_postgres::Error;

    fn deref(&self) -> &tokio_postgres::Error {
        &self.error
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// Why a connection ended, once it has: a server that shuts down says so to nobody in particular.
pub(super) type Ended = Arc<Mutex<Option<Failure>>>;

/// A connection that is open, as far as is known.
#[derive(Clone)]
pub(super) struct Wire {
    client: Arc<Client>,
    ended: Ended,
    met_types: Cell<bool>,
}

/// Rows and what was done.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub rows: Vec<Row>,
    /// How many rows the statement changed or returned.
    pub affected: u64,
}

impl Answer {
    /// The columns; empty when there are no rows.
    pub(super) fn columns(&self) -> &[Column] {
        self.rows.first().map_or(&[], |row| row.columns())
    }
}

/// A request that was handed over, and whose reply is still to come.
pub(super) struct Posted<T>(State<T>);

enum State<T> {
    Waiting(Pin<Box<dyn Future<Output = Result<T, Failure>> + Send>>),
    /// Being read by the runtime.
    Driven(JoinHandle<Result<T, Failure>>),
    Here(Result<T, Failure>),
}

impl<T: Send + 'static> Posted<T> {
    /// Hands a request over: the driver does so when its future is first polled.
    fn new(future: impl Future<Output = Result<T, Failure>> + Send + 'static) -> Self {
        let mut future: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(future);
        match future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(reply) => Posted(State::Here(reply)),
            Poll::Pending => Posted(State::Waiting(future)),
        }
    }

    /// Lets the runtime read the reply, so that those after it can be waited for first. The driver keeps little of a reply
    /// that nobody reads, and reads nothing that comes after it.
    pub(super) fn driven(self) -> Result<Self> {
        Ok(match self.0 {
            State::Waiting(future) => Posted(State::Driven(runtime()?.spawn(future))),
            other => Posted(other),
        })
    }

    /// Begins work of several requests, which the runtime goes on with.
    pub(super) fn spawned(
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<Self> {
        Ok(Posted(State::Driven(runtime()?.spawn(work))))
    }

    /// The reply, inside of the runtime. As with [`Posted::wait`], in order.
    pub(super) async fn reply(self) -> Result<T, Failure> {
        match self.0 {
            State::Waiting(future) => future.await,
            // A task of the runtime only ends early when it panics, and then so does this one.
            State::Driven(task) => match task.await {
                Ok(reply) => reply,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            },
            State::Here(reply) => reply,
        }
    }

    /// Waits for the reply. Replies must be waited for in the order of their requests, but for those that are driven.
    pub(super) fn wait(self) -> Result<Result<T, Failure>> {
        Ok(match self.0 {
            State::Waiting(future) => pollster::block_on(future),
            State::Driven(task) => pollster::block_on(task).map_err(|error| {
                Error::database("the thread that talks to Postgres has failed").with_source(error)
            })?,
            State::Here(reply) => reply,
        })
    }
}

impl Wire {
    pub(super) fn new(client: Client, ended: Ended) -> Self {
        Wire {
            client: Arc::new(client),
            ended,
            met_types: Cell::new(false),
        }
    }

    /// Whether the driver knows the types that somebody made in this database.
    pub(super) fn has_met_types(&self) -> bool {
        self.met_types.get()
    }

    pub(super) fn note_that_types_are_met(&self) {
        self.met_types.set(true);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Why the connection ended, if the server said so.
    pub(super) fn take_end(&self) -> Option<Failure> {
        self.ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Posts a script without parameters: the one kind of request that may hold several statements.
    pub(super) fn post_script(&self, sql: impl Into<String>) -> Posted<()> {
        let (client, sql) = (self.client.clone(), sql.into());
        Posted::new(async move {
            let done = client.batch_execute(&sql).await;
            done.map_err(|error| Failure::of(error, sql))
        })
    }

    /// Posts a statement. It is never given a name, so that the next one may go to another server behind a pooler.
    pub(super) fn post(
        &self,
        sql: impl Into<String>,
        parameters: Vec<Parameter>,
    ) -> Posted<Answer> {
        let (client, sql) = (self.client.clone(), sql.into());
        Posted::new(async move {
            let answer = answer(&client, &sql, parameters).await;
            answer.map_err(|error| Failure::of(error, sql))
        })
    }

    /// As [`Wire::post`], for a statement whose rows nobody wants, so that the driver need not know their types.
    pub(super) fn post_execute(
        &self,
        sql: impl Into<String>,
        parameters: Vec<Parameter>,
    ) -> Posted<u64> {
        let (client, sql) = (self.client.clone(), sql.into());
        Posted::new(async move {
            let typed: Vec<_> = parameters
                .iter()
                .map(|parameter| {
                    let of = parameter.sql_type();
                    (parameter as &(dyn tokio_postgres::types::ToSql + Sync), of)
                })
                .collect();
            let done = client.execute_typed(&sql, &typed).await;
            done.map_err(|error| Failure::of(error, sql))
        })
    }
}

async fn answer(
    client: &Client,
    sql: &str,
    parameters: Vec<Parameter>,
) -> Result<Answer, tokio_postgres::Error> {
    let typed = parameters.into_iter().map(|parameter| {
        let of = parameter.sql_type();
        (parameter, of)
    });
    let stream = client.query_typed_raw(sql, typed).await?;
    let mut stream = std::pin::pin!(stream);
    let mut rows = Vec::new();
    while let Some(row) = next(stream.as_mut()).await {
        rows.push(row?);
    }
    let affected = stream.rows_affected().unwrap_or(0);
    Ok(Answer { rows, affected })
}

/// The next item of a stream.
async fn next<S: futures_core::Stream>(mut stream: Pin<&mut S>) -> Option<S::Item> {
    std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await
}
