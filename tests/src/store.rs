//! What a test may ask of any store.

use driftless::{Limit, Manifest, MigrationReport, Migrator, Report, Run, RunStatus};

/// A database of one test, on one of the stores. Scripts and queries are standard SQL that every store understands; where
/// there is no standard, the store has the words.
#[allow(async_fn_in_trait)] // Only our own tests call these, on one thread.
pub trait TestStore: Sized + 'static {
    /// A connection of the app's beside the run.
    type App: TestApp;

    /// The store's name in messages.
    const NAME: &'static str;
    /// The type of an integer key that numbers itself.
    const KEY: &'static str;
    /// The type of bytes.
    const BYTES: &'static str;
    /// A query for the names of all tables, in a column `name`, in order.
    const TABLES: &'static str;
    /// A script that reads the amount of account `{id}`, adds one, and writes it, in a transaction, as a careful app does.
    const INCREMENT: &'static str;
    /// What the store cannot do, and therefore has to report.
    const LIMITS: &'static [Limit];
    /// How much less a test does so that it takes no longer: a statement is a call on one store and a round trip on another.
    const PACE: u32;

    /// A new database made by this script.
    fn new(script: &str) -> Self;

    /// As [`TestStore::new`], as cheap as the store can make it: for tests that make hundreds.
    fn small(script: &str) -> Self {
        Self::new(script)
    }

    /// The URL the migrator is given.
    fn url(&self) -> String;

    /// Runs a script as the app.
    ///
    /// # Panics
    /// The database refuses it.
    fn run(&self, script: &str);

    /// The rows of a query as text, cells joined by `|`, NULL as `NULL`.
    ///
    /// # Panics
    /// The database refuses it.
    fn rows(&self, sql: &str) -> Vec<String>;

    /// Another connection of the app, for another thread.
    fn another_app(&self) -> Self::App;

    /// Bytes as SQL writes them, from hexadecimal digits.
    fn bytes(hex: &str) -> String;

    /// `CREATE TRIGGER` for each row: `trigger("loud", "docs", "AFTER UPDATE", "INSERT INTO …")`.
    fn trigger(name: &str, table: &str, when: &str, body: &str) -> String;

    /// The only value of a query, a number.
    ///
    /// # Panics
    /// The database refuses it, or there is no such number.
    fn number(&self, sql: &str) -> i64 {
        let rows = self.rows(sql);
        let number = rows.first().and_then(|row| row.parse().ok());
        number.unwrap_or_else(|| panic!("{sql}: no number in {rows:?}"))
    }

    /// A migrator on this database.
    ///
    /// # Panics
    /// The database cannot be opened.
    async fn migrator(&self, manifest: &'static Manifest) -> Migrator {
        Migrator::connect(&self.url(), manifest)
            .await
            .unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// Runs to an end, whatever it is.
    ///
    /// # Panics
    /// The run is refused.
    async fn migrate(&self, manifest: &'static Manifest, run: Run) -> Report {
        self.migrator(manifest)
            .await
            .run(run.full_speed())
            .await
            .unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// Runs `up` and expects it to be completed.
    ///
    /// # Panics
    /// It is not.
    async fn up(&self, manifest: &'static Manifest) {
        self.completed(manifest, Run::up()).await;
    }

    /// Runs and expects it to be completed.
    ///
    /// # Panics
    /// It is not.
    async fn completed(&self, manifest: &'static Manifest, run: Run) -> MigrationReport {
        let report = self.migrate(manifest, run).await;
        assert_eq!(report.status, RunStatus::Completed, "{report:?}");
        report.migrations[0].clone()
    }

    /// Runs and expects a failure; returns its text.
    ///
    /// # Panics
    /// It does not fail.
    async fn failure(&self, manifest: &'static Manifest, run: Run) -> String {
        let report = self.migrate(manifest, run).await;
        assert_eq!(report.status, RunStatus::Failed, "{report:?}");
        report.error.expect("a failed run says why")
    }

    /// Runs and expects to be refused; returns the refusal's text.
    ///
    /// # Panics
    /// It is not.
    async fn refusal(&self, manifest: &'static Manifest, run: Run) -> String {
        let result = self.migrator(manifest).await.run(run).await;
        result.expect_err("the run is refused").chain()
    }
}

/// A connection of the app's.
pub trait TestApp: Send + 'static {
    /// Runs a script that others may get in the way of; says whether it went through. A transaction it began and did not end
    /// is ended.
    fn try_write(&mut self, script: &str) -> bool;

    /// Runs a script.
    ///
    /// # Panics
    /// The database refuses it.
    fn run(&mut self, script: &str);

    /// The rows of a query, as [`TestStore::rows`] shows them.
    ///
    /// # Panics
    /// The database refuses it.
    fn rows(&mut self, sql: &str) -> Vec<String>;
}
