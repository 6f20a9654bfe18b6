//! Where the programs are, and whom they run as.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Users that servers are run as when the tests are run by root, which servers refuse; the first there is.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// A command for this program of Postgres or PgBouncer, to be run without privileges.
///
/// # Panics
/// It is not installed; the message says what to do.
pub fn unprivileged(program: &str) -> Command {
    let mut command = Command::new(find(program));
    // Of the environment only what a program cannot do without: PGPORT and its like would be obeyed.
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/");
    if let Some((user, group)) = other_user() {
        command.uid(user).gid(group);
    }
    command
}

/// Hands a file or folder to the user that servers are run as.
///
/// # Panics
/// It cannot be handed over.
pub fn hand_over(path: &Path) {
    if let Some((user, group)) = other_user() {
        std::os::unix::fs::chown(path, Some(user), Some(group)).expect("root may give files away");
    }
}

fn other_user() -> Option<(u32, u32)> {
    if !nix::unistd::Uid::effective().is_root() {
        return None;
    }
    let user = UNPRIVILEGED
        .iter()
        .find_map(|name| nix::unistd::User::from_name(name).ok().flatten())
        .unwrap_or_else(|| panic!("none of the users {UNPRIVILEGED:?} exists to run a server as"));
    Some((user.uid.as_raw(), user.gid.as_raw()))
}

/// The newest version under `/usr/lib/postgresql`, or what the PATH has.
fn find(program: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let newest = versions
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .max();
    let debian = newest.map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    debian
        .into_iter()
        .chain(std::env::split_paths(&path))
        // Not in the PATH of every user.
        .chain(["/usr/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{}", missing(program)))
}

fn missing(program: &str) -> String {
    let package = match program {
        "pgbouncer" => "pgbouncer",
        _ => "postgresql",
    };
    format!(
        "this test needs the program `{program}`, and there is none: install it with `apt-get install {package}`, \
         or run `cargo xtask test`, which installs it when it may. A server of your own serves most tests: \
         DRIFTLESS_TEST_POSTGRES_URL=postgres://superuser@host/postgres"
    )
}

/// A port nobody listens on: the kernel's choice. Somebody else might take it before it is used; then the server says so and
/// its start is repeated.
///
/// # Panics
/// The machine has no loopback interface.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("loopback");
    listener.local_addr().expect("an address").port()
}
