//! A shop with a database of its own, and its command line as a second process.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// How many items a shop has.
pub const ITEMS: i64 = 10_000;

/// A folder with a database in it.
pub struct Shop {
    folder: TempDir,
}

impl Shop {
    /// Items 1 to 10,000, each with its id for a price, and no notes.
    pub fn new() -> Shop {
        let shop = Shop {
            folder: tempfile::tempdir().unwrap(),
        };
        shop.database()
            .execute_batch(&format!(
                "PRAGMA journal_mode = WAL; CREATE TABLE items (id INTEGER PRIMARY KEY, price INTEGER NOT NULL, note TEXT);
                 WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {ITEMS})
                 INSERT INTO items (id, price) SELECT n, n FROM numbers;"
            ))
            .unwrap();
        shop
    }

    /// A file of the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Its own connection, beside the one of the program under test.
    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.file("shop.db")).unwrap()
    }

    /// How many items have which price for a factor of their id: 1 before, 100 after.
    pub fn items_with_factor(&self, factor: i64) -> i64 {
        self.database()
            .query_row(
                "SELECT count(*) FROM items WHERE price = id * ?1",
                [factor],
                |row| row.get(0),
            )
            .unwrap()
    }

    /// The program, in the folder, with nothing of this machine's settings.
    pub fn program(&self, program: &str, line: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .args(line.split_whitespace());
        for name in [
            "DATABASE_URL",
            "CARGO_MANIFEST_DIR",
            "NO_COLOR",
            "CLICOLOR_FORCE",
            "RUST_BACKTRACE",
        ] {
            command.env_remove(name);
        }
        command.env("SHOP_HOLD", self.file("hold"));
        command
    }

    /// Runs a line without naming a database.
    pub fn bare(&self, line: &str) -> Ended {
        Ended::of(
            self.program(env!("CARGO_BIN_EXE_shop"), line)
                .stdin(Stdio::null())
                .output()
                .unwrap(),
        )
    }

    /// Runs a line on the shop's database.
    pub fn run(&self, line: &str) -> Ended {
        self.bare(&format!("{line} --database-url sqlite://shop.db"))
    }

    /// Starts a line on the shop's database.
    pub fn start(&self, line: &str) -> Child {
        let line = format!("{line} --database-url sqlite://shop.db");
        let mut command = self.program(env!("CARGO_BIN_EXE_shop"), &line);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The same with the edited code.
    pub fn run_edited(&self, line: &str) -> Ended {
        self.bare_edited(&format!("{line} --database-url sqlite://shop.db"))
    }

    /// Runs a line of the edited code without naming a database.
    pub fn bare_edited(&self, line: &str) -> Ended {
        Ended::of(
            self.program(env!("CARGO_BIN_EXE_shop_edited"), line)
                .stdin(Stdio::null())
                .output()
                .unwrap(),
        )
    }
}

/// How a process ended.
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn of(output: Output) -> Ended {
        Ended {
            code: output.status.code().expect("it was not killed"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The exit code, after a look at it in words.
    #[track_caller]
    pub fn expect(self, code: i32) -> Ended {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.out, self.err
        );
        self
    }

    /// The last line of standard output, every line of which is an object.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let lines: Vec<serde_json::Value> = self
            .out
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect();
        assert!(
            lines.iter().all(serde_json::Value::is_object),
            "{}",
            self.out
        );
        lines.last().expect("there is a line").clone()
    }

    /// The keys of that line.
    #[track_caller]
    pub fn json_keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.json().as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    }
}

/// A process that stands still in the middle of a batch: item 5,050 of 10,000.
pub struct Held {
    child: Child,
    errors: BufReader<std::process::ChildStderr>,
    said: String,
}

impl Held {
    /// Starts a line and waits until it stands still.
    pub fn start(shop: &Shop, line: &str) -> Held {
        std::fs::write(shop.file("hold"), "").unwrap();
        let mut held = Held::start_free(shop, line);
        held.wait_for("holding");
        held
    }

    /// Starts a line that goes where it may.
    pub fn start_free(shop: &Shop, line: &str) -> Held {
        let mut child = shop.start(line);
        let errors = BufReader::new(child.stderr.take().unwrap());
        Held {
            child,
            errors,
            said: String::new(),
        }
    }

    /// Waits until it says something on standard error.
    pub fn wait_for(&mut self, text: &str) {
        while !self.said.contains(text) {
            let read = self.errors.read_line(&mut self.said).unwrap();
            assert_ne!(read, 0, "it ended before it said {text:?}: {}", self.said);
        }
    }

    /// Lets it go on.
    pub fn release(&self, shop: &Shop) {
        std::fs::remove_file(shop.file("hold")).unwrap();
    }

    /// Asks it to stop, as the system does.
    #[cfg(unix)]
    pub fn terminate(&self) {
        use nix::sys::signal::{Signal, kill};
        let id = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        kill(id, Signal::SIGTERM).unwrap();
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ended {
        self.errors.read_to_string(&mut self.said).unwrap();
        let output = self.child.wait_with_output().unwrap();
        let err = self.said;
        Ended {
            err,
            ..Ended::of(output)
        }
    }
}
