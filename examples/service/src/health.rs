//! Two questions. *Live*: is this process to be started anew? *Ready*: is it to be sent requests?
//!
//! Pending, stale and drifted migrations are reported, for people and their alerts, and change neither answer. A pending
//! migration is normal between a deploy and its end; to an older version, history that a newer one has made *is* drift. If
//! those took an instance out of service, the deploy itself would be the outage. Not ready is who cannot reach the database,
//! and who is about to end.

use crate::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use driftless::StatusKind;
use serde::Serialize;

/// What is answered.
#[derive(Debug, Serialize)]
pub struct Health {
    version: &'static str,
    ready: bool,
    /// It is about to end.
    draining: bool,
    /// Why the database cannot be asked.
    database: Option<String>,
    /// Migrations of this version that are not applied yet.
    pending: Vec<String>,
    /// `idle`, `running`, `paused` or `stale`.
    run: Option<StatusKind>,
    /// A run has lost the process that executed it, and no worker has gone on with it yet.
    stale: bool,
    /// Migrations whose applied history differs from what this version is built with.
    drifted: Vec<String>,
}

/// `GET /health/live`: 200 while the process can answer at all.
pub async fn live() -> &'static str {
    "ok"
}

/// `GET /health/ready`: 200 when it is to be sent requests, else 503; the report in either case.
pub async fn ready(State(app): State<App>) -> (StatusCode, Json<Health>) {
    let draining = app.stop.is_asked();
    let mut health = Health {
        version: app.version.name,
        ready: !draining,
        draining,
        database: None,
        pending: Vec::new(),
        run: None,
        stale: false,
        drifted: Vec::new(),
    };
    match app.migrator.status().await {
        Ok(status) => {
            health.stale = status.status == StatusKind::Stale;
            health.run = Some(status.status);
            health.pending = status.pending;
            health.drifted = status
                .drift
                .into_iter()
                .map(|drift| drift.migration_id)
                .collect();
        }
        Err(error) => {
            health.ready = false;
            health.database = Some(error.to_string());
        }
    }
    let code = if health.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (code, Json(health))
}
