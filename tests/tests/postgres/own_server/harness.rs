//! What the other tests stand on: servers that come and go, and a proxy that cuts where it is told to.

use driftless_tests::{App, Cut, PostgresDatabase, Proxy, Server, TestStore};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_server_that_is_killed_and_started_again_has_what_was_committed_and_nothing_else() {
    let mut server = Server::start_private(&[("max_connections", "20")]);
    let admin = server.admin();
    assert_eq!(admin.value::<u32>("SHOW max_connections"), 20);
    admin.run("CREATE TABLE t (n int); INSERT INTO t VALUES (1)");
    let other = server.admin();
    other.run("BEGIN; INSERT INTO t VALUES (2)");
    server.kill();
    assert!(admin.try_run("SELECT 1").is_err());
    server.start_again();
    assert_eq!(server.admin().rows("SELECT n FROM t"), ["1"]);
    server.stop();
    server.start_again();
    assert_eq!(server.admin().rows("SELECT n FROM t"), ["1"]);
}

#[test]
fn a_connection_is_cut_before_or_after_its_commit() {
    for (cut, left) in [(Cut::BeforeCommit, 0), (Cut::AfterCommit, 1)] {
        let server = Server::start_private(&[]);
        let db = PostgresDatabase::on(&server, "CREATE TABLE t (n int)");
        let proxy = Proxy::start(server.port());
        let app = App::connect(&proxy.url_of(db.name()));
        app.run("BEGIN; INSERT INTO t VALUES (7); ROLLBACK");
        let done = proxy.cut_at_next_commit(cut);
        app.run("BEGIN; INSERT INTO t VALUES (1)");
        assert!(app.try_run("COMMIT").is_err(), "{cut:?}");
        done.recv().expect("it was cut");
        // The server may still be busy with it.
        app_is_gone(&db);
        assert_eq!(db.number("SELECT count(*) FROM t"), left, "{cut:?}");
        let app = App::connect(&proxy.url_of(db.name()));
        proxy.cut_all();
        assert!(app.try_run("SELECT 1").is_err());
        proxy.refuse(true);
        assert!(App::try_connect(&proxy.url_of(db.name())).is_err());
    }
}

fn app_is_gone(db: &PostgresDatabase) {
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    while db.number(others) > 0 {
        std::thread::yield_now();
    }
}

/// Run by the test below in a process of its own, which is killed; by itself it only starts a server and drops it.
#[test]
fn a_process_that_is_killed_while_it_has_a_server() {
    let server = Server::start_private(&[]);
    let folder =
        "SELECT replace(setting, '/data', '') FROM pg_settings WHERE name = 'data_directory'";
    let folder: String = server.admin().value(folder);
    println!("folder {folder}");
    if std::env::var_os("DRIFTLESS_TEST_STAYS").is_some() {
        std::io::stdin()
            .read_line(&mut String::new())
            .expect("stdin");
    }
    drop(server);
    assert!(!Path::new(&folder).exists());
}

#[test]
fn a_server_ends_and_its_folder_goes_with_the_process_that_was_killed() {
    let program = std::env::current_exe().expect("this program");
    let name = format!(
        "{}::a_process_that_is_killed_while_it_has_a_server",
        module_path!()
    );
    let (_, name) = name.split_once("::").expect("a crate and a path");
    let mut process = Command::new(program)
        .args(["--exact", name, "--nocapture"])
        .env("DRIFTLESS_TEST_STAYS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
    let folder = lines
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("folder ")?.1.to_owned()))
        .expect("a server");
    process.kill().expect("ours to kill");
    process.wait().expect("it ends");
    let deadline = Instant::now() + Duration::from_secs(20);
    while Path::new(&folder).exists() {
        assert!(Instant::now() < deadline, "{folder} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}
