//! The runtime's own tests that need a server: every type there and back, sessions from the inside.

use driftless_tests::Server;
use std::process::Command;

#[test]
fn the_runtimes_own_tests_on_a_server_hold() {
    let server = Server::start_private(&[]);
    let run = Command::new(env!("CARGO"))
        .args(["test", "-p", "driftless", "--lib", "--all-features"])
        .args(["--", "--ignored", "postgres::"])
        .env("DRIFTLESS_TEST_POSTGRES_URL", server.url_of("postgres"))
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    assert!(!said.contains(" 0 passed"), "nothing was run:\n{said}");
}
