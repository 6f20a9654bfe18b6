//! `cargo migrate dev`: real files, real builds, real runs, a real terminal.

use crate::project::{Ended, Project, Turn, target_folder};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rexpect::session::{PtySession, spawn_command};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A test that waits longer than this for a word has failed; the first build takes minutes on a small machine.
const PATIENCE: Duration = Duration::from_secs(240);

const UP: &str = r#"//! Prices in cents.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Item {
    id: i64,
    price: i64,
}

#[migration(table = "items", batch_size = 100)]
fn up(_ctx: &mut Ctx, item: Item) -> Result<Patch> {
    if item.id == 550 && std::path::Path::new("hold").exists() {
        std::fs::write("holding", "")?;
        while std::path::Path::new("hold").exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
    Ok(patch!(item { price: item.price * 100 }))
}
"#;

/// A build script that can be held up, and that tells its process.
const BUILD: &str = r#"fn main() {
    driftless_manifest::watch("migrations");
    std::fs::write("build-script", std::process::id().to_string()).unwrap();
    while std::path::Path::new("hold-build").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
"#;

/// A shop with 1,000 items and a migration that can be held up in the middle.
struct Shop {
    project: Project,
    database: rusqlite::Connection,
    /// The migration's file.
    file: String,
    _turn: Turn,
}

impl Shop {
    fn new() -> Shop {
        let project = Project::new();
        project.migrate("create prices in cents").expect(0);
        let file = project.migrations().remove(0);
        project.write(&file, UP);
        project.write("driftless.toml", "[database]\nurl = \"sqlite://app.db\"\n");
        project.write("build.rs", BUILD);
        let database = rusqlite::Connection::open(project.path("app.db")).unwrap();
        let script = "PRAGMA journal_mode = WAL; CREATE TABLE items (id INTEGER PRIMARY KEY, price INTEGER NOT NULL);
            WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000)
            INSERT INTO items SELECT n, n FROM numbers;";
        database.execute_batch(script).unwrap();
        Shop {
            project,
            database,
            file,
            _turn: Turn::take(),
        }
    }

    /// `cargo migrate …` to its end, in our turn.
    fn end(&self, line: &str) -> Ended {
        Ended::of(self.project.migrate_command(line).output().unwrap())
    }

    /// As editors do that write a new file and put it in the old one's place.
    fn replace(&self, file: &str, text: &str) {
        let beside = format!("{file}.tmp");
        self.project.write(&beside, text);
        std::fs::rename(self.project.path(&beside), self.project.path(file)).unwrap();
    }

    fn remove(&self, file: &str) {
        std::fs::remove_file(self.project.path(file)).unwrap();
    }

    fn in_cents(&self) -> i64 {
        let sql = "SELECT count(*) FROM items WHERE price = id * 100";
        self.database.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// The status of the newest run.
    fn last_run(&self) -> String {
        let sql = "SELECT status FROM migration_run ORDER BY started_at DESC LIMIT 1";
        self.database.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

/// Whether a process is there; one that nobody has waited for is not.
fn is_alive(process: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

/// Processes and databases of others tell nobody: they are asked.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(
            std::time::Instant::now() < deadline,
            "never came to be: {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// `cargo migrate dev` without a terminal.
struct Dev {
    process: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Dev {
    fn start(shop: &Shop, line: &str) -> Dev {
        Dev::of(shop.project.migrate_command(line))
    }

    fn of(mut command: Command) -> Dev {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Dev {
            process,
            lines,
            seen: Vec::new(),
        }
    }

    /// Waits for a line with this in it; lines before it are passed over.
    #[track_caller]
    fn expect(&mut self, part: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("no line with `{part}`; it said:\n{}", self.seen.join("\n"));
            };
            self.seen.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill(self.id(), signal).unwrap();
    }

    fn id(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.process.id()).unwrap())
    }

    /// Waits for the end; gives back the exit code and every line.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        let status = self.process.wait().unwrap();
        self.seen.extend(self.lines.iter());
        (status.code(), std::mem::take(&mut self.seen))
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Ended already is as good as killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn an_afternoon_of_editing() {
    let shop = Shop::new();
    let mut dev = Dev::start(&shop, "dev");
    dev.expect("built in");
    dev.expect("applied");
    dev.expect("1 migration applied, nothing pending");
    assert_eq!(shop.in_cents(), 1000);

    // A second one is refused while the first goes on.
    let second = shop.end("dev").expect(6);
    let holder = format!("running already (process {})", dev.id());
    assert!(second.err.contains(&holder), "{}", second.err);

    // Broken code: the compiler's own words, and the data stays as it is.
    let new = "migrations/20990101_000000_second.rs";
    let second = UP
        .replace("* 100", "+ 1")
        .replace("Prices in cents", "One more");
    shop.replace(new, &second.replace("patch!(item", "patch!(itm"));
    dev.expect("changed: migrations/20990101_000000_second.rs");
    dev.expect("does not compile");
    dev.expect("error[E0425]: cannot find value `itm` in this scope");
    assert_eq!(shop.in_cents(), 1000);

    // Mended, by an editor that replaces files.
    shop.replace(new, &second);
    dev.expect("built in");
    dev.expect("applied 20990101_000000_second 1,000 documents, 1,000 changed");
    dev.expect("2 migrations applied, nothing pending");
    assert_eq!(shop.in_cents(), 0);

    // Applied and then edited, then removed: shown, and nothing is applied twice.
    shop.replace(new, &second.replace("+ 1", "+ 2"));
    dev.expect("20990101_000000_second changed after it was applied");
    dev.expect("2 migrations applied, nothing pending");
    shop.remove(new);
    dev.expect("20990101_000000_second");
    dev.expect("2 migrations applied, nothing pending");
    shop.replace(new, &second);
    dev.expect("changed: ");
    dev.expect("2 migrations applied, nothing pending");

    // The database goes away and comes back.
    std::fs::rename(shop.project.path("app.db"), shop.project.path("away.db")).unwrap();
    shop.project.write("src/main.rs", "fn main() {}\n");
    dev.expect("does not exist");
    dev.expect("waiting; trying again in 1 s");
    dev.expect("waiting; trying again in 2 s");
    std::fs::rename(shop.project.path("away.db"), shop.project.path("app.db")).unwrap();
    dev.expect("2 migrations applied, nothing pending");

    // A configuration that cannot be meant is said with its line, and mended.
    shop.project.write(
        "driftless.toml",
        "[database]\nurl = \"sqlite://app.db\"\n[dev.migrations]\nstrickt = true\n",
    );
    dev.expect(
        "driftless.toml:4: unknown key `strickt` in [dev.migrations]; did you mean `strict`?",
    );
    shop.project
        .write("driftless.toml", "[database]\nurl = \"sqlite://app.db\"\n");
    dev.expect("nothing pending");

    // The whole folder goes away, and comes back.
    std::fs::rename(shop.project.path("migrations"), shop.project.path("away")).unwrap();
    dev.expect("there is no migrations folder `migrations`");
    std::fs::rename(shop.project.path("away"), shop.project.path("migrations")).unwrap();
    dev.expect("2 migrations applied, nothing pending");

    dev.signal(Signal::SIGTERM);
    let (code, lines) = dev.end();
    assert_eq!(code, Some(0), "{lines:#?}");

    // The lock went with its holder. The binary's own `dev` becomes this one.
    let beside = std::path::Path::new(env!("CARGO_BIN_EXE_cargo-migrate"))
        .parent()
        .unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths(
        [beside.to_path_buf()]
            .into_iter()
            .chain(std::env::split_paths(&path)),
    );
    let mut own = shop.project.command(target_folder().join("debug/migrate"));
    own.arg("dev").env("PATH", path.unwrap());
    Dev::of(own).expect("2 migrations applied, nothing pending");
}

#[test]
fn in_json_each_thing_is_an_object_and_the_last_has_a_status() {
    let shop = Shop::new();
    let mut dev = Dev::start(&shop, "dev --json");
    dev.expect("\"event\":\"building\"");
    dev.expect("\"event\":\"built\"");
    dev.expect("\"event\":\"step_completed\"");
    dev.expect("\"status\":\"completed\"");
    shop.project.write(&shop.file, "fn");
    dev.expect("\"event\":\"changed\"");
    dev.expect("\"event\":\"broken\"");
    dev.signal(Signal::SIGINT);
    let (code, lines) = dev.end();
    assert_eq!(code, Some(0));
    let objects: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert_eq!(objects.last().unwrap()["status"], "completed", "{lines:#?}");
}

#[test]
fn other_databases_are_refused_and_strict_ends_it() {
    let shop = Shop::new();
    for line in ["dev --prod", "dev --env staging"] {
        let refused = shop.end(line).expect(2);
        assert!(
            refused.err.contains("local database only"),
            "{}",
            refused.err
        );
    }
    let help = shop.end("dev --help").expect(0);
    assert!(help.out.contains("--once"), "{}", help.out);
    shop.database
        .execute(
            "UPDATE items SET price = 9223372036854775807 WHERE id = 700",
            [],
        )
        .unwrap();
    shop.project.write(
        "driftless.toml",
        "[database]\nurl = \"sqlite://app.db\"\n[dev.migrations]\nstrict = true\n",
    );
    let (code, lines) = Dev::start(&shop, "dev").end();
    assert_eq!(code, Some(1), "{lines:#?}");
    assert!(
        lines
            .iter()
            .any(|line| line.contains("failed at document 700 of items")),
        "{lines:#?}"
    );
}

#[test]
fn a_change_during_a_build_leads_to_one_more_build_and_the_end_leaves_nobody_behind() {
    let shop = Shop::new();
    shop.project.write("hold-build", "");
    let mut dev = Dev::start(&shop, "dev");
    eventually("the build script runs", || {
        shop.project.path("build-script").exists()
    });
    for number in 1..=3 {
        shop.replace(
            &shop.file,
            &UP.replace("Prices in cents", &format!("Attempt {number}")),
        );
        dev.expect("changed: migrations/");
    }
    shop.remove("hold-build");
    dev.expect("1 migration applied, nothing pending");
    let count =
        |lines: &[String], word: &str| lines.iter().filter(|line| line.as_str() == word).count();
    assert_eq!(count(&dev.seen, "building"), 2, "{:#?}", dev.seen);
    assert_eq!(shop.in_cents(), 1000, "and one run");

    // Ended in the middle of a build: cargo and what it has started end too.
    shop.project.write("hold-build", "");
    shop.remove("build-script");
    shop.replace(&shop.file, UP);
    dev.expect("building");
    eventually("the build script runs", || {
        std::fs::read_to_string(shop.project.path("build-script")).is_ok_and(|id| !id.is_empty())
    });
    let script: i32 = shop.project.read("build-script").parse().unwrap();
    assert!(is_alive(script));
    dev.signal(Signal::SIGTERM);
    assert_eq!(dev.end().0, Some(0));
    eventually("the build script ends", || !is_alive(script));
}

#[test]
fn a_newer_program_takes_over_after_the_batch_and_a_killed_dev_leaves_no_run_behind() {
    let shop = Shop::new();
    shop.project.write("hold", "");
    let mut dev = Dev::start(&shop, "dev");
    dev.expect("applying ");
    eventually("the run is held up", || {
        shop.project.path("holding").exists()
    });

    // Code that does not compile does not disturb the run.
    shop.project.write("src/bin/migrate.rs", "fn");
    dev.expect("does not compile");
    shop.project
        .write("src/bin/notes.txt", "what the code includes");
    shop.project.write(
        "src/bin/migrate.rs",
        "//! Newer.\nconst _: &str = include_str!(\"notes.txt\");\nstatic MIGRATIONS: driftless::Manifest = driftless::migrations!(\"migrations\");\n
fn main() -> std::process::ExitCode {\n    driftless::cli::main(&MIGRATIONS)\n}\n",
    );
    dev.expect("stopping the run of the older program after its batch");
    assert_eq!(shop.last_run(), "running");
    shop.remove("hold");
    dev.expect("stopped after a batch");
    dev.expect("applying ");
    dev.expect("1 migration applied, nothing pending");
    assert_eq!(shop.in_cents(), 1000, "exactly once");

    shop.project.write("src/bin/notes.txt", "counts too");
    dev.expect("changed: src/bin/notes.txt");
    dev.expect("1 migration applied, nothing pending");

    // Killed, `dev` can tell nobody; its run notices and stops after its batch.
    shop.remove("holding");
    shop.project.write("hold", "");
    shop.replace(
        "migrations/20990101_000000_second.rs",
        &UP.replace("* 100", "/ 100"),
    );
    dev.expect("applying 20990101_000000_second");
    eventually("the run is held up", || {
        shop.project.path("holding").exists()
    });
    dev.signal(Signal::SIGKILL);
    dev.end();
    assert_eq!(shop.last_run(), "running");
    shop.remove("hold");
    eventually("the run is canceled", || shop.last_run() == "canceled");
    let mut again = Dev::start(&shop, "dev");
    again.expect("2 migrations applied, nothing pending");
    assert_eq!(shop.in_cents(), 0, "exactly once, there and back");
}

fn on_terminal(shop: &Shop) -> PtySession {
    let mut command = shop.project.migrate_command("dev");
    command
        .stdin(Stdio::inherit())
        .env("TERM", "xterm-256color");
    let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
    spawn_command(command, Some(patience)).unwrap()
}

#[test]
fn on_a_terminal_one_screen_shows_the_state_and_ctrl_c_finishes_the_batch() {
    let shop = Shop::new();
    shop.project.write("hold", "");
    let mut session = on_terminal(&shop);
    session.exp_string("migrate dev").unwrap();
    session.exp_string("building, ").unwrap();
    session.exp_string("built in ").unwrap();
    session
        .exp_regex(r"applying [0-9a-z_]+, 50 % of 1,000 documents")
        .unwrap();
    session.send_control('c').unwrap();
    session
        .exp_string("ending: the batch in hand is finished first")
        .unwrap();
    shop.remove("hold");
    session.exp_eof().unwrap();
    let ended = session.process().wait().unwrap();
    assert!(
        matches!(ended, nix::sys::wait::WaitStatus::Exited(_, 0)),
        "{ended:?}"
    );
    assert_eq!(
        (shop.last_run().as_str(), shop.in_cents()),
        ("canceled", 600)
    );

    let mut session = on_terminal(&shop);
    session
        .exp_string("1 migration applied, nothing pending")
        .unwrap();
    // Enter tries again without a change.
    session.send_line("").unwrap();
    session.exp_string("building, ").unwrap();
    session
        .exp_string("1 migration applied, nothing pending")
        .unwrap();
    assert_eq!(shop.in_cents(), 1000, "exactly once");

    // The second Ctrl-C does not wait for the batch, which is rolled back.
    shop.project.write("hold", "");
    let back = UP.replace("* 100", "/ 100");
    shop.replace("migrations/20990101_000000_second.rs", &back);
    session.exp_string("50 % of 1,000 documents").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("ending: the batch in hand").unwrap();
    session.send_control('c').unwrap();
    session.exp_eof().unwrap();
    assert_eq!(shop.in_cents(), 500, "while the batch is still held");
    shop.remove("hold");
    Dev::start(&shop, "dev").expect("2 migrations applied, nothing pending");
    assert_eq!(shop.in_cents(), 0, "exactly once, there and back");
}
