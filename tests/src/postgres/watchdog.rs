//! What ends a server when the tests that use it have ended, also when they were killed.
//!
//! Whoever uses a server holds its lock file in shared mode; the kernel lets go of that with the process. A small shell
//! script waits for the lock in exclusive mode, then stops the server and removes its folder. (A signal on the parent's death
//! is no way: the kernel forgets it when the child changes its user, and it hangs on a thread, which ends with its test.)

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `$1` the lock, `$2` a file that names the folder, removed with it, `$3` the folder, `$4` seconds in which somebody else may
/// still come.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
exec 9>>"$1"
while flock 9; do
    flock -u 9
    sleep "$4"
    flock -n 9 && break
done
if grep -qsF "$3" "$2"; then rm -f "$2"; fi
for file in "$3"/data/postmaster.pid "$3"/pgbouncer.pid; do
    if read -r pid < "$file"; then
        kill -QUIT "$pid"
        # Not for ever: one that nobody waits for stays a zombie.
        for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do kill -0 "$pid" && sleep 0.05; done
        # A shell that starts the tests in the background has them ignore QUIT, and PgBouncer with them.
        kill -KILL "$pid"
    fi
done 2>/dev/null
rm -rf "$3"
"#;

/// Starts the script for the server in this folder.
///
/// # Panics
/// There is no shell, or no `flock`.
pub fn start(lock: &Path, address: &Path, folder: &Path, linger: u32) -> Child {
    let flock = Command::new("flock").arg("--version").output();
    assert!(
        flock.is_ok_and(|output| output.status.success()),
        "these tests need the program `flock` of util-linux, to end the servers they start"
    );
    Command::new("sh")
        .args(["-c", SCRIPT, "watchdog"])
        .args([lock, address, folder])
        .arg(linger.to_string())
        .current_dir("/")
        // A Ctrl-C in the terminal is meant for the tests.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("there is a shell")
}

/// Holds a lock file in shared mode until the process ends or the file is dropped.
///
/// # Panics
/// The file cannot be created.
pub fn hold(lock: &Path) -> File {
    let file = File::options()
        .create(true)
        .append(true)
        .open(lock)
        .unwrap_or_else(|error| panic!("{}: {error}", lock.display()));
    file.lock_shared().expect("a lock");
    file
}
