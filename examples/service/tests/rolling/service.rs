//! A version of the service as a process of its own.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const V1: &str = env!("CARGO_BIN_EXE_service-v1");
pub const V2: &str = env!("CARGO_BIN_EXE_service-v2");

/// A test that waits longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `/health/ready` answers.
#[derive(Debug, Clone, Deserialize)]
pub struct Health {
    pub ready: bool,
    pub draining: bool,
    pub database: Option<String>,
    pub pending: Vec<String>,
    pub run: Option<String>,
    pub stale: bool,
    pub drifted: Vec<String>,
}

/// A running service; killed when it is dropped.
pub struct Service {
    process: Child,
    address: String,
}

/// A client that takes every answer for an answer, whatever its status.
pub fn client() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.timeout_global(Some(PATIENCE)).build().into()
}

impl Service {
    /// Starts it on a free port and waits until it listens.
    pub fn start(program: &str, url: &str) -> Service {
        let mut process = Command::new(program)
            .env("DATABASE_URL", url)
            .env("PORT", "0")
            .env("DRAIN_MS", "1000")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("it says where it listens").unwrap();
            if let Some((_, address)) = line.split_once(" listens on ") {
                break address.to_owned();
            }
        };
        // What it says later is passed on, so that it never waits for us.
        std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .for_each(|line| println!("{line}"))
        });
        Service { process, address }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        let mut answer = client()
            .get(format!("{}{path}", self.address))
            .call()
            .unwrap();
        (
            answer.status().as_u16(),
            answer.body_mut().read_to_string().unwrap(),
        )
    }

    pub fn health(&self) -> Health {
        serde_json::from_str(&self.get("/health/ready").1).unwrap()
    }

    /// Asks for its health until it is so.
    #[track_caller]
    pub fn await_health(&mut self, what: &str, is_so: impl Fn(&Health) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let health = self.health();
            if is_so(&health) {
                return;
            }
            assert!(Instant::now() < deadline, "never {what}: {health:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn terminate(&self) {
        let id = Pid::from_raw(i32::try_from(self.process.id()).unwrap());
        kill(id, Signal::SIGTERM).unwrap();
    }

    /// Waits for its end and gives back its exit code.
    pub fn end(&mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Ended already is as good as killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `service migrate …` to its good end.
#[track_caller]
pub fn migrate(program: &str, url: &str, line: &str) {
    let output = Command::new(program)
        .arg("migrate")
        .args(line.split(' '))
        .env("DATABASE_URL", url)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
