//! `deploy` to production on a server: by a URL in a variable, beside a worker, with its password kept to itself.

use driftless_tests::{PostgresDatabase, TestStore, assert_says};
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

const ITEMS: &str = "CREATE TABLE items (id bigint PRIMARY KEY, price bigint NOT NULL, note text);
     INSERT INTO items (id, price) SELECT n, n FROM generate_series(1, 10000) n;";

const CONFIG: &str =
    "[env.prod]\nurl_env = \"SHOP_PROD_URL\"\n[deploy]\ncommand = \"echo pushing\"\n";

/// A folder with a configuration, and the shop's command line in it.
struct Site {
    folder: tempfile::TempDir,
    url: String,
}

impl Site {
    fn new(url: &str) -> Site {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("driftless.toml"), CONFIG).expect("a file");
        Site {
            folder,
            url: url.to_owned(),
        }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
        command
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env_remove("CARGO_MANIFEST_DIR")
            .env_remove("DATABASE_URL")
            .env("SHOP_PROD_URL", &self.url)
            .env("SHOP_HOLD", self.folder.path().join("hold"))
            .stdin(Stdio::null());
        command
    }

    /// Runs a line to its end; the code, and all that was said.
    fn run(&self, line: &str) -> (Option<i32>, String) {
        said(&self.command(line).output().expect("it starts"))
    }
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(text).expect("text"))
}

#[test]
fn production_is_deployed_to_once_and_no_secret_is_shown() {
    let db = PostgresDatabase::new(ITEMS);
    let role = db.role("shop", "SUPERUSER");
    let site = Site::new(&role.url);
    let (code, text) = site.run("deploy --prod");
    assert_eq!(code, Some(2), "{text}");
    assert_says(&text, &["prod (postgres://", ":***@", "give --yes"]);
    let (code, text) = site.run("deploy --prod --yes");
    assert_eq!(code, Some(0), "{text}");
    assert_says(&text, &["pushing", "applied 2 migrations on prod"]);
    let (code, again) = site.run("deploy --prod --yes --json");
    assert_eq!(code, Some(0), "{again}");
    assert_says(&again, &["\"status\":\"noop\"", "nothing is pending"]);
    for text in [text, again, site.run("config show --prod").1] {
        assert!(!text.contains("secret"), "{text}");
    }
    assert_eq!(
        db.number("SELECT count(*) FROM items WHERE price = id * 100 AND note = 'none'"),
        10_000
    );
}

#[test]
fn a_deploy_that_runs_out_of_time_leaves_the_run_to_the_worker_that_executes_it() {
    let db = PostgresDatabase::new(ITEMS);
    let site = Site::new(&db.url());
    let (code, text) =
        site.run("deploy --prod --yes --no-migrations-wait --migrations-batch-size 100");
    assert_eq!(code, Some(0), "{text}");
    assert_says(
        &text,
        &["is enqueued on prod", "migrations left to a worker"],
    );

    let hold = site.folder.path().join("hold");
    std::fs::write(&hold, "").expect("a file");
    let mut worker = site
        .command("work --until-idle --prod")
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(worker.stderr.take().expect("a pipe")).lines();
    assert!(lines.any(|line| line.expect("text").contains("holding")));

    let (code, text) = site.run("deploy --prod --yes --migrations-timeout-ms 300 --json");
    assert_eq!(code, Some(5), "{text}");
    assert_says(
        &text,
        &[
            "goes on where it is executed",
            "\"status\":\"running\"",
            "\"left_running\"",
        ],
    );
    std::fs::remove_file(&hold).expect("it is there");
    lines.for_each(drop);
    assert!(worker.wait().expect("it ends").success());
    assert_eq!(
        db.rows("SELECT status, count(*) FROM migration_run GROUP BY 1"),
        ["completed|1"]
    );
    assert_eq!(
        db.number("SELECT count(*) FROM items WHERE price = id * 100"),
        10_000
    );
}
