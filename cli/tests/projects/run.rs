//! What `create` wired compiles and runs, and the binary's words, exit codes and signals pass through.

use crate::project::{Project, Turn, package};

const UP: &str = r#"//! Prices in cents.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Item {
    id: i64,
    price: i64,
}

#[migration(table = "items")]
fn up(_ctx: &mut Ctx, item: Item) -> Result<Patch> {
    while item.id == 550 && std::path::Path::new("hold").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Ok(patch!(item { price: item.price * 100 }))
}
"#;

fn with_items(project: &Project) -> rusqlite::Connection {
    let database = rusqlite::Connection::open(project.path("app.db")).unwrap();
    let script = "CREATE TABLE items (id INTEGER PRIMARY KEY, price INTEGER NOT NULL);
        WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000)
        INSERT INTO items SELECT n, n FROM numbers;";
    database.execute_batch(script).unwrap();
    database
}

fn in_cents(database: &rusqlite::Connection) -> i64 {
    database
        .query_row(
            "SELECT count(*) FROM items WHERE price = id * 100",
            [],
            |row| row.get(0),
        )
        .unwrap()
}

#[test]
fn a_newcomers_first_migration() {
    let project = Project::new();
    let database = with_items(&project);
    project.migrate("create prices in cents").expect(0);
    let file = project.migrations().remove(0);

    let up = project.migrate("up").expect(2);
    assert!(up.err.contains("no database is named"), "{}", up.err);
    project.write("driftless.toml", "[database]\nurl = \"sqlite://app.db\"\n");
    let up = project.migrate("up").expect(1);
    assert!(
        up.err.contains("table_name"),
        "an unedited migration fails and says why: {}",
        up.err
    );

    project.write(&file, UP);
    assert!(project.migrate("status").expect(0).out.contains("pending"));
    assert!(
        project
            .migrate("up --dry-run")
            .expect(0)
            .out
            .contains("would visit 1,000 documents and change 1,000")
    );
    let up = project.migrate("up --json").expect(0);
    assert_eq!(
        (up.json()["status"].as_str(), up.out.lines().count()),
        (Some("completed"), 1),
        "cargo adds no words of its own"
    );
    assert_eq!(in_cents(&database), 1000);

    let mut run = project.command("cargo");
    run.args(["run", "--quiet"]);
    assert_eq!(
        project.end(run).expect(0).out,
        "the shop is open\n",
        "`cargo run` still runs the app"
    );

    // An old binary beside a new file: it would not run what someone sees in the folder.
    let binary = project.binary();
    let own = |words: &[&str]| {
        let mut own = project.command(&binary);
        own.args(words);
        project.end(own)
    };
    let created = own(&["create", "second"]).expect(0).out;
    assert!(
        created.contains("_second.rs") && created.contains(&project.migrations()[1]),
        "{created}"
    );
    let old = own(&["up"]).expect(2);
    assert!(
        old.err.contains("1 file on disk is not compiled in")
            && old.err.contains("(added); rebuild"),
        "{}",
        old.err
    );

    // An edited migration is drift: at run time, and once it is locked while compiling.
    std::fs::remove_file(project.path(&project.migrations()[1])).unwrap();
    project.write(&file, &UP.replace("* 100", "* 1000"));
    assert!(
        project
            .migrate("up")
            .expect(3)
            .err
            .contains("changed after it was applied")
    );
    project.write(&file, UP);
    let deployed = project
        .migrate("deploy --prod --yes --database-url sqlite://app.db")
        .expect(0);
    assert!(
        deployed
            .err
            .contains("migrations.lock has 1 migration now; commit it"),
        "what production has applied is released: {}",
        deployed.err
    );
    project.write(&file, &UP.replace("* 100", "* 1000"));
    let up = project.migrate("up --json").expect(3);
    assert_eq!(up.json()["status"], "drift_blocked");
    project.write("src/bin/migrate.rs", "driftless! fn");
    assert_eq!(
        project.migrate("status --json").expect(3).json()["drift"]
            .as_array()
            .map(Vec::len),
        Some(0)
    );
}

#[test]
fn a_library_without_a_program_works_too() {
    let project = Project::with(&[("Cargo.toml", &package("shelf")), ("src/lib.rs", "")]);
    project.migrate("create first").expect(0);
    let status = project
        .migrate("status --database-url sqlite://app.db?mode=rwc --json")
        .expect(0)
        .json();
    assert_eq!(
        status["pending"].as_array().map(Vec::len),
        Some(1),
        "{status}"
    );
    let help = project.migrate("up --help").expect(0);
    assert!(help.out.contains("--dry-run"), "{}", help.out);
    project.write("src/bin/migrate.rs", "driftless! fn");
    let up = project.migrate("up --json").expect(1);
    assert!(
        up.json()["error"]
            .as_str()
            .unwrap()
            .contains("does not compile"),
        "{}",
        up.out
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_reaches_the_binary_and_its_exit_code_comes_back() {
    use nix::sys::wait::WaitStatus;

    let project = Project::new();
    let database = with_items(&project);
    project.migrate("create prices in cents").expect(0);
    project.write(&project.migrations()[0], UP);
    project.write("hold", "");
    let line = "up --batch-size 100 --database-url sqlite://app.db";

    let turn = Turn::take();
    // The first build may take minutes on a small machine.
    let mut session =
        rexpect::session::spawn_command(project.migrate_command(line), Some(600_000)).unwrap();
    session.exp_string("50 %").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("stopping after this batch").unwrap();
    std::fs::remove_file(project.path("hold")).unwrap();
    session.exp_string("again to resume").unwrap();
    session.exp_eof().unwrap();
    let ended = session.process().wait().unwrap();
    assert!(matches!(ended, WaitStatus::Exited(_, 4)), "{ended:?}");
    drop(turn);

    project
        .migrate("up --database-url sqlite://app.db")
        .expect(0);
    assert_eq!(in_cents(&database), 1000, "exactly once");
}
