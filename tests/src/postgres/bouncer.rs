//! PgBouncer in transaction mode: two transactions of one client may run in two sessions of the server.

use super::app::App;
use super::programs::{free_port, hand_over, unprivileged};
use super::server::Server;
use super::watchdog;
use std::fs::File;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How many sessions of the server one database's clients share.
const SESSIONS: u32 = 3;

/// A running PgBouncer in front of a server.
pub struct Bouncer {
    port: u16,
    process: Child,
    lock: Option<File>,
    watchdog: Child,
}

impl Bouncer {
    /// Starts one that hands each transaction to the next of a few sessions, so that what a client leaves in a session is
    /// gone, or somebody else's, a moment later.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(server: &Server) -> Bouncer {
        let folder = tempfile::Builder::new()
            .prefix("driftless-pgbouncer-")
            .disable_cleanup(true)
            .tempdir()
            .expect("a temporary folder")
            .keep();
        hand_over(&folder);
        let lock = folder.join("lock");
        let held = watchdog::hold(&lock);
        let watchdog = watchdog::start(&lock, "/dev/null".as_ref(), &folder, 0);
        let users = folder.join("users.txt");
        std::fs::write(&users, "\"postgres\" \"\"\n").expect("a file");
        let deadline = Instant::now() + Duration::from_secs(30);
        let (port, process) = loop {
            let port = free_port();
            let settings = folder.join("pgbouncer.ini");
            std::fs::write(
                &settings,
                format!(
                    "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
                     unix_socket_dir =\npidfile = {folder}/pgbouncer.pid\nlogfile = {folder}/log\nauth_type = trust\n\
                     auth_file = {}\npool_mode = transaction\ndefault_pool_size = {SESSIONS}\nserver_round_robin = 1\n",
                    server.port(),
                    users.display(),
                    folder = folder.display(),
                ),
            )
            .expect("a file");
            let mut process = unprivileged("pgbouncer")
                .arg(settings)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("pgbouncer starts");
            let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
            let ended = loop {
                if App::try_connect(&url).is_ok() {
                    break false;
                }
                if process.try_wait().expect("a child").is_some() {
                    break true;
                }
                assert!(
                    Instant::now() < deadline,
                    "pgbouncer does not answer; {}",
                    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
                );
                std::thread::sleep(Duration::from_millis(10));
            };
            if !ended {
                break (port, process);
            }
            assert!(
                Instant::now() < deadline,
                "pgbouncer does not start: {}",
                std::fs::read_to_string(folder.join("log")).unwrap_or_default()
            );
        };
        Bouncer {
            port,
            process,
            lock: Some(held),
            watchdog,
        }
    }

    /// The URL of a database behind it, with all its sessions open.
    ///
    /// # Panics
    /// The server refuses.
    pub fn url_of(&self, database: &str) -> String {
        let url = format!("postgres://postgres@127.0.0.1:{}/{database}", self.port);
        // Sessions are opened when they are needed: by as many transactions at once.
        let apps: Vec<App> = (0..SESSIONS).map(|_| App::connect(&url)).collect();
        for app in &apps {
            app.run("BEGIN");
        }
        for app in &apps {
            app.run("COMMIT");
        }
        url
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        drop(self.lock.take());
        let _ = self.process.wait();
        let _ = self.watchdog.wait();
    }
}
