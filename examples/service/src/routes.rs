//! The API. Version 2 adds `rank` to what version 1 answers, and takes nothing away.

use crate::todos::{Change, Priority, Shape, Todo};
use crate::{App, health};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

/// Every route.
pub fn all(app: App) -> Router {
    Router::new()
        .route("/todos", get(list).post(create))
        .route("/todos/{id}", patch(change))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .with_state(app)
}

/// A todo, as it is answered.
#[derive(Serialize)]
struct Shown {
    id: i64,
    title: String,
    done: bool,
    priority: Priority,
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<i32>,
}

impl Shown {
    fn of(todo: Todo, shape: Shape) -> Shown {
        let rank = (shape == Shape::WordAndRank).then(|| todo.priority.rank());
        let Todo {
            id,
            title,
            done,
            priority,
        } = todo;
        Shown {
            id,
            title,
            done,
            priority,
            rank,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    title: String,
    priority: Option<Priority>,
}

async fn list(State(app): State<App>) -> Result<Json<Vec<Shown>>, Failed> {
    let todos = app.todos.list().await?.into_iter();
    Ok(Json(
        todos
            .map(|todo| Shown::of(todo, app.version.shape))
            .collect(),
    ))
}

async fn create(
    State(app): State<App>,
    Json(new): Json<New>,
) -> Result<(StatusCode, Json<Shown>), Failed> {
    let priority = new.priority.unwrap_or(Priority::Medium);
    let todo = app.todos.create(new.title, priority).await?;
    Ok((
        StatusCode::CREATED,
        Json(Shown::of(todo, app.version.shape)),
    ))
}

async fn change(
    State(app): State<App>,
    Path(id): Path<i64>,
    Json(change): Json<Change>,
) -> Result<Response, Failed> {
    Ok(match app.todos.change(id, change).await? {
        Some(todo) => Json(Shown::of(todo, app.version.shape)).into_response(),
        None => (StatusCode::NOT_FOUND, format!("there is no todo {id}")).into_response(),
    })
}

/// What went wrong is for the log; the client learns that something did.
struct Failed(crate::todos::Error);

impl From<crate::todos::Error> for Failed {
    fn from(error: crate::todos::Error) -> Failed {
        Failed(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        eprintln!("a request failed: {}", self.0);
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            "the database did not do as it was asked",
        )
            .into_response()
    }
}
