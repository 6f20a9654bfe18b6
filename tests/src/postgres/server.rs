//! A server of our own, or the one that `DRIFTLESS_TEST_POSTGRES_URL` names.

use super::app::App;
use super::programs::{free_port, hand_over, unprivileged};
use super::watchdog;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Settings of every server: loopback only, and as quick as one may be whose data nobody wants back.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("autovacuum", "off"),
    ("max_connections", "200"),
    ("shared_buffers", "64MB"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("max_wal_size", "256MB"),
    ("timezone", "Asia/Kathmandu"),
];

/// How long a server may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
pub struct Server {
    url: String,
    own: Option<Own>,
}

/// What belongs to a server that this process started.
struct Own {
    folder: PathBuf,
    port: u16,
    settings: Vec<(String, String)>,
    process: Option<Child>,
    lock: Option<File>,
    watchdog: Child,
}

impl Server {
    /// The server that all tests share, of this process and of those that run beside it: the first starts it, and it ends a
    /// second after the last.
    ///
    /// # Panics
    /// There is no server and none can be started; the message says what to install.
    pub fn shared() -> &'static Server {
        static SHARED: OnceLock<(Server, Option<Joined>)> = OnceLock::new();
        let (server, _joined) =
            SHARED.get_or_init(|| match std::env::var("DRIFTLESS_TEST_POSTGRES_URL") {
                Ok(url) => (Server { url, own: None }, None),
                Err(_) => share(),
            });
        server
    }

    /// A server for one test, with settings of its own, that may be killed and started again.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start_private(settings: &[(&str, &str)]) -> Server {
        let folder = new_folder();
        let lock = folder.join("lock");
        let held = watchdog::hold(&lock);
        let watchdog = watchdog::start(&lock, Path::new("/dev/null"), &folder, 0);
        initialise(&folder);
        let settings = settings
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        let mut own = Own {
            folder,
            port: 0,
            settings: settings.collect(),
            process: None,
            lock: Some(held),
            watchdog,
        };
        let url = own.launch();
        Server {
            url,
            own: Some(own),
        }
    }

    /// The URL of the database `postgres`, as the superuser.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL of another database of this server.
    ///
    /// # Panics
    /// The server's URL names no database.
    pub fn url_of(&self, database: &str) -> String {
        let (start, rest) = self.url.split_once("://").expect("a URL");
        let (authority, rest) = rest.split_once('/').expect("a URL with a database");
        let options = rest
            .split_once('?')
            .map(|(_, options)| format!("?{options}"));
        format!(
            "{start}://{authority}/{database}{}",
            options.unwrap_or_default()
        )
    }

    /// The port of a server of our own.
    ///
    /// # Panics
    /// It is not one.
    pub fn port(&self) -> u16 {
        let authority = self.url.split('/').nth(2).expect("a URL with a host");
        let port = authority.rsplit_once(':').map(|(_, port)| port);
        port.map_or(5432, |port| port.parse().expect("a port"))
    }

    /// A connection of the superuser to the database `postgres`.
    pub fn admin(&self) -> App {
        App::connect(&self.url)
    }

    /// `kill -9` of the server and all its processes: what is left is what a power failure leaves, but for the disk's cache.
    ///
    /// # Panics
    /// The server is not private.
    pub fn kill(&mut self) {
        let own = self.own.as_mut().expect("a private server");
        let mut process = own.process.take().expect("it runs");
        // Asleep, so that it cannot see its children die and replace them.
        signal(&process, Signal::SIGSTOP);
        let killed = Command::new("pkill")
            .args(["-9", "-P", &process.id().to_string()])
            .status();
        assert!(killed.is_ok_and(|status| status.success()), "pkill");
        process.kill().expect("the server is ours to kill");
        process.wait().expect("a killed process ends");
    }

    /// Stops the server as an administrator does who does not wait for anybody: every session is told to go.
    ///
    /// # Panics
    /// The server is not private.
    pub fn stop(&mut self) {
        let own = self.own.as_mut().expect("a private server");
        let mut process = own.process.take().expect("it runs");
        signal(&process, Signal::SIGINT);
        process.wait().expect("it stops");
    }

    /// Starts a killed or stopped server again, on the same port.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_again(&mut self) {
        let own = self.own.as_mut().expect("a private server");
        assert!(own.process.is_none(), "it runs");
        own.launch();
    }
}

fn signal(process: &Child, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(process.id()).expect("a process id"));
    nix::sys::signal::kill(id, signal).expect("the server is ours");
}

impl Drop for Own {
    fn drop(&mut self) {
        // The watchdog does what is to be done, now that nobody holds the lock.
        drop(self.lock.take());
        let _ = self.process.take().map(|mut process| process.wait());
        let _ = self.watchdog.wait();
    }
}

impl Own {
    /// Starts the server and waits until it answers; a port that somebody else took meanwhile is replaced.
    fn launch(&mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        let keep_port = self.port != 0;
        loop {
            if !keep_port {
                self.port = free_port();
            }
            let mut process = postgres(&self.folder, self.port, &self.settings);
            let url = format!("postgres://postgres@127.0.0.1:{}/postgres", self.port);
            if answers(&mut process, &url, deadline) {
                self.process = Some(process);
                return url;
            }
            assert!(
                Instant::now() < deadline,
                "the server does not start: {}",
                log(&self.folder)
            );
            // After a `kill -9`, the old server's last process may still hold its shared memory.
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The lock that keeps the shared server up, and the watchdog when this process started it, which outlives it.
type Joined = (File, Option<Child>);

/// Joins the server of the processes beside this one, or starts it.
fn share() -> (Server, Option<Joined>) {
    let program = std::env::current_exe().expect("this program has a path");
    let beside = program.parent().expect("this program is in a folder");
    let (lock, address) = (
        beside.join("driftless-postgres.lock"),
        beside.join("driftless-postgres.url"),
    );
    // From here on no watchdog stops what answers.
    let held = watchdog::hold(&lock);
    let starting = File::create(beside.join("driftless-postgres.starting")).expect("a lock file");
    starting.lock().expect("a lock");
    let written = std::fs::read_to_string(&address).unwrap_or_default();
    if let Some(url) = written.lines().next().filter(|url| is_up(url)) {
        let url = url.to_owned();
        return (Server { url, own: None }, Some((held, None)));
    }
    let folder = new_folder();
    let watchdog = watchdog::start(&lock, &address, &folder, 1);
    initialise(&folder);
    let deadline = Instant::now() + PATIENCE;
    let url = loop {
        let port = free_port();
        let mut process = postgres(&folder, port, &[]);
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        if answers(&mut process, &url, deadline) {
            break url;
        }
        assert!(
            Instant::now() < deadline,
            "the server does not start: {}",
            log(&folder)
        );
    };
    std::fs::write(&address, format!("{url}\n{}\n", folder.display())).expect("written");
    (Server { url, own: None }, Some((held, Some(watchdog))))
}

fn is_up(url: &str) -> bool {
    App::try_connect(url).is_ok()
}

/// A folder under /tmp, where any user may reach it.
fn new_folder() -> PathBuf {
    let mut folder = tempfile::Builder::new();
    folder.prefix("driftless-postgres-").disable_cleanup(true);
    let folder = folder.tempdir().expect("a temporary folder").keep();
    hand_over(&folder);
    folder
}

/// Fills the folder's `data` with a copy of one that was made by `initdb`, once for all servers of this process.
fn initialise(folder: &Path) {
    static PRISTINE: OnceLock<(PathBuf, Joined)> = OnceLock::new();
    let (pristine, _joined) = PRISTINE.get_or_init(|| {
        let folder = new_folder();
        let lock = folder.join("lock");
        let held = watchdog::hold(&lock);
        let watchdog = watchdog::start(&lock, Path::new("/dev/null"), &folder, 0);
        let mut initdb = unprivileged("initdb");
        initdb.args(["--no-sync", "--auth=trust", "--username=postgres"]);
        initdb.args(["--encoding=UTF8", "--locale=C.UTF-8", "--wal-segsize=1"]);
        run(initdb.arg("-D").arg(folder.join("data")));
        (folder, (held, Some(watchdog)))
    });
    let mut copy = unprivileged("cp");
    run(copy.arg("-R").arg(pristine.join("data")).arg(folder));
}

fn run(command: &mut Command) {
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

fn postgres(folder: &Path, port: u16, settings: &[(String, String)]) -> Child {
    use std::os::unix::process::CommandExt;
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .expect("a log file");
    let mut command = unprivileged("postgres");
    command
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-p", &port.to_string()]);
    let own = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in SETTINGS.iter().copied().chain(own) {
        command.args(["-c", &format!("{name}={value}")]);
    }
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log file"))
        .stderr(log);
    command.spawn().expect("postgres starts")
}

/// Waits until the server answers; false when it ended instead.
fn answers(process: &mut Child, url: &str, deadline: Instant) -> bool {
    while Instant::now() < deadline {
        if process.try_wait().expect("a child").is_some() {
            return false;
        }
        if is_up(url) {
            return true;
        }
        // A server tells nobody that it is ready: it is asked.
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}
