//! How it ends: asked to stop, it says so to the load balancer, goes on serving for a moment, and only then lets go.
//!
//! Between the first and the last lies the time that a load balancer takes to notice: who closes at once turns away the
//! requests that are already on their way.

use std::future::Future;
use std::time::Duration;
use tokio::sync::watch;

/// Shared by everything that has to end.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: watch::Receiver<bool>,
    grace: Duration,
}

impl Stop {
    /// Listens for SIGTERM and Ctrl-C. `DRAIN_MS` is how long it goes on serving after that, 2000 when it says nothing.
    pub fn on_signals() -> std::io::Result<Stop> {
        let grace = match std::env::var("DRAIN_MS").map(|value| value.parse()) {
            Ok(Ok(grace)) => grace,
            Ok(Err(_)) => {
                return Err(std::io::Error::other(
                    "DRAIN_MS is not a number of milliseconds",
                ));
            }
            Err(_) => 2000,
        };
        let (sender, asked) = watch::channel(false);
        let signal = signal()?;
        tokio::spawn(async move {
            signal.await;
            let _ = sender.send(true);
        });
        Ok(Stop {
            asked,
            grace: Duration::from_millis(grace),
        })
    }

    /// Whether it has been asked to.
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Ready when it is asked to: work that can be handed to others ends now.
    pub fn asked(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut asked = self.asked.clone();
        async move {
            // The sender is gone only after it has sent.
            let _ = asked.wait_for(|asked| *asked).await;
        }
    }

    /// Ready when whoever sends requests has had time to notice: no new connections from now on.
    pub fn drained(&self) -> impl Future<Output = ()> + Send + use<> {
        let (asked, grace) = (self.asked(), self.grace);
        async move {
            asked.await;
            tokio::time::sleep(grace).await;
        }
    }
}

#[cfg(unix)]
fn signal() -> std::io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn signal() -> std::io::Result<impl Future<Output = ()> + Send> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
