//! A session on a real server: what the engine never sees of it, or sees too seldom.

use super::PostgresStore;
use crate::patch::Patch;
use crate::store::{Page, Session, Store, TableInfo};
use crate::value::{Key, Value};
use std::sync::Arc;

/// A session on a schema of the test's own.
struct Database {
    session: Box<dyn Session>,
    schema: &'static str,
}

impl Database {
    fn new(schema: &'static str, script: &str) -> Self {
        let url = std::env::var("DRIFTLESS_TEST_POSTGRES_URL")
            .expect("DRIFTLESS_TEST_POSTGRES_URL names a server for tests");
        let store = PostgresStore::from_url(&url).unwrap();
        let mut session = store.connect().unwrap();
        let script = format!(
            "DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}; SET search_path = {schema}; {script}; RESET search_path"
        );
        session.script(&script).unwrap();
        Database { session, schema }
    }

    fn table(&mut self, name: &str) -> TableInfo {
        self.session.table(Some(self.schema), name).unwrap()
    }

    /// A number by which a middle is judged: how many rows there are up to it, of how many.
    fn share(&mut self, table: &TableInfo, key: &Key) -> f64 {
        let upto = self.session.count(table, None, Some(key)).unwrap();
        let all = self.session.count(table, None, None).unwrap();
        upto as f64 / all as f64
    }
}

fn page(table: TableInfo, columns: &[usize], limit: usize) -> Page {
    Page {
        table: Arc::new(table),
        columns: columns.into(),
        filter: None,
        after: None,
        until: None,
        limit,
        lock: false,
    }
}

fn keys_of(session: &mut dyn Session, page: &Page) -> Vec<Key> {
    let mut keys = Vec::new();
    let at = page.columns.len();
    session
        .read_page(page, &mut |row| {
            keys.push([row.cell(at)?.to_owned()].into_iter().collect());
            Ok(())
        })
        .unwrap();
    keys
}

fn set(column: &'static str, value: i64) -> Patch {
    Patch::none().set(column, value)
}

#[test]
#[ignore = "needs DRIFTLESS_TEST_POSTGRES_URL"]
fn a_long_answer_with_types_of_ones_own_comes_to_its_end() {
    let mut database = Database::new(
        "session_types",
        "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TABLE t (id bigint PRIMARY KEY, mood mood, moods mood[], text text);
         INSERT INTO t SELECT g, 'good', '{bad}', repeat('x', 1000) FROM generate_series(1, 2000) g",
    );
    let session = &mut database.session;
    session.begin().unwrap();
    session.step_reaches_out().unwrap();
    let mut rows = 0;
    let sql = "SELECT mood, moods, text FROM session_types.t ORDER BY id";
    session
        .query(sql, &[], &mut |row| {
            rows += 1;
            assert_eq!(row.cell(0)?.to_owned(), Value::Text("good".into()));
            assert_eq!(row.cell(1)?.to_owned(), Value::Json("[\"bad\"]".into()));
            Ok(())
        })
        .unwrap();
    assert_eq!(rows, 2000);
    session.rollback();
}

#[test]
#[ignore = "needs DRIFTLESS_TEST_POSTGRES_URL"]
fn p2_ranges_split_in_the_middle_whatever_the_keys_look_like() {
    let mut database = Database::new(
        "session_middle",
        "CREATE TABLE tail (id bigint PRIMARY KEY, x text);
         INSERT INTO tail SELECT g, repeat('x', 100) FROM generate_series(1, 1000) g;
         INSERT INTO tail SELECT 1000000000000 + g, repeat('x', 100) FROM generate_series(1, 300000) g;
         CREATE TABLE texts (id text PRIMARY KEY, x int);
         INSERT INTO texts SELECT md5(g::text), g FROM generate_series(1, 200000) g;
         CREATE TABLE pairs (a int, b text, x int, PRIMARY KEY (a, b));
         INSERT INTO pairs SELECT g % 3, md5(g::text), g FROM generate_series(1, 200000) g;
         CREATE TABLE few (id bigint PRIMARY KEY); INSERT INTO few VALUES (1), (2), (3), (9000);
         CREATE TABLE one (id bigint PRIMARY KEY); INSERT INTO one VALUES (7);
         CREATE TABLE none (id bigint PRIMARY KEY);
         CREATE TABLE parts (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000);
         CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (1000) TO (1000000);
         INSERT INTO parts SELECT g FROM generate_series(1, 250000) g;
         ANALYZE tail, texts, pairs, few, one, none, parts",
    );
    for name in ["tail", "texts", "pairs", "few", "parts"] {
        let table = database.table(name);
        let last = database.session.last_key(&table).unwrap();
        let middle = database
            .session
            .middle(&table, None, last.as_ref())
            .unwrap();
        let middle = middle.unwrap_or_else(|| panic!("{name} has no middle"));
        let share = database.share(&table, &middle);
        assert!(
            (0.3..0.7).contains(&share),
            "{name}: {middle:?} has {share}"
        );
        // And the second half again.
        if name != "few" {
            let later = database
                .session
                .middle(&table, Some(&middle), last.as_ref())
                .unwrap()
                .unwrap();
            let later_share = database.share(&table, &later);
            let wanted = (1.0 + share) / 2.0;
            assert!(
                (later_share - wanted).abs() < 0.15,
                "{name}: {later_share}, not {wanted}"
            );
        }
    }
    for name in ["one", "none"] {
        let table = database.table(name);
        let last = database.session.last_key(&table).unwrap();
        assert_eq!(
            database
                .session
                .middle(&table, None, last.as_ref())
                .unwrap(),
            None,
            "{name}"
        );
    }
}

#[test]
#[ignore = "needs DRIFTLESS_TEST_POSTGRES_URL"]
fn estimates_are_exact_for_small_tables_and_close_for_large_ones() {
    let mut database = Database::new(
        "session_estimate",
        "CREATE TABLE small (id bigint PRIMARY KEY); INSERT INTO small SELECT generate_series(1, 777); ANALYZE small;
         CREATE TABLE fresh (id bigint PRIMARY KEY); INSERT INTO fresh SELECT generate_series(1, 150001);
         CREATE TABLE large (id bigint PRIMARY KEY, even boolean);
         INSERT INTO large SELECT g, g % 2 = 0 FROM generate_series(1, 400000) g; ANALYZE large",
    );
    let mut estimate = |name: &str, predicate: Option<&str>, until: Option<i64>| {
        let table = database.table(name);
        let until: Option<Key> = until.map(|id| [Value::Integer(id)].into_iter().collect());
        database
            .session
            .estimate(&table, predicate, until.as_ref())
            .unwrap() as f64
    };
    assert_eq!(estimate("small", None, None), 777.0);
    assert_eq!(estimate("small", Some("id > 700"), Some(710)), 10.0);
    assert_eq!(
        estimate("fresh", None, None),
        150_001.0,
        "it was never analyzed"
    );
    assert_eq!(estimate("large", Some("id = 5"), None), 1.0);
    for (predicate, until, wanted) in [
        (None, None, 400_000.0),
        (Some("even"), None, 200_000.0),
        (None, Some(300_000), 300_000.0),
    ] {
        let said = estimate("large", predicate, until);
        assert!(
            (said / wanted - 1.0_f64).abs() < 0.2,
            "{said}, not {wanted}"
        );
    }
}

#[test]
#[ignore = "needs DRIFTLESS_TEST_POSTGRES_URL"]
fn p11_what_triggers_and_foreign_keys_change_on_the_page_s_table_is_counted_and_nothing_else() {
    let mut database = Database::new(
        "session_counter",
        "CREATE TABLE t (id bigint PRIMARY KEY, x bigint, parent bigint REFERENCES t ON DELETE CASCADE);
         INSERT INTO t SELECT g, 0, CASE WHEN g = 5 THEN 4 END FROM generate_series(1, 10) g;
         CREATE TABLE audit (id bigint)",
    );
    let table = database.table("t");
    let page = page(table, &[1], 10);
    let session = &mut *database.session;
    session.begin().unwrap();
    let keys = keys_of(session, &page);
    let start = session.change_counter().unwrap();
    let changes = [(0, set("x", 1)), (1, set("x", 1))];
    let written = session.write(&page.table, &keys, &changes, true).unwrap();
    assert_eq!((written.rows, written.missed.len()), (2, 0));
    assert_eq!(session.change_counter().unwrap(), start + 2, "our own");
    session.step_reaches_out().unwrap();
    session
        .execute(
            "INSERT INTO session_counter.audit VALUES ($1)",
            &[Value::Integer(1)],
        )
        .unwrap();
    assert_eq!(
        session.change_counter().unwrap(),
        start + 2,
        "another table's"
    );
    session.step_reaches_out().unwrap();
    session
        .execute("UPDATE session_counter.t SET x = 9 WHERE id > 7", &[])
        .unwrap();
    assert_eq!(session.change_counter().unwrap(), start + 5, "the step's");
    let removed = session
        .write(&page.table, &keys, &[(3, Patch::delete())], true)
        .unwrap();
    assert_eq!(removed.rows, 1);
    assert_eq!(
        session.change_counter().unwrap(),
        start + 7,
        "with the row that pointed to it"
    );
    session.rollback();
}

#[test]
#[ignore = "needs DRIFTLESS_TEST_POSTGRES_URL"]
fn p3_rows_that_changed_since_they_were_read_are_missed_also_among_many() {
    let mut database = Database::new(
        "session_guard",
        "CREATE TABLE t (id bigint PRIMARY KEY, x bigint); INSERT INTO t SELECT g, 0 FROM generate_series(1, 500) g",
    );
    let table = database.table("t");
    let mut other = Database::new("session_guard_other", "SELECT 1");
    let page = page(table, &[1], 500);
    for many in [10, 500] {
        let session = &mut *database.session;
        session.begin().unwrap();
        let keys = keys_of(session, &page);
        let next = Page {
            after: keys.last().cloned(),
            ..page.clone()
        };
        session.prefetch(&next).unwrap();
        other
            .session
            .execute(
                "UPDATE session_guard.t SET x = x + 1 WHERE id IN (3, 7)",
                &[],
            )
            .unwrap();
        other
            .session
            .execute("DELETE FROM session_guard.t WHERE id = 9", &[])
            .unwrap();
        let changes: Vec<(usize, Patch)> = (0..many).map(|at| (at, set("x", 100))).collect();
        let written = session.write(&page.table, &keys, &changes, true).unwrap();
        assert_eq!(written.rows as usize, many - 3);
        assert_eq!(written.missed, [2, 6, 8]);
        let read = |session: &mut dyn Session, position: usize| {
            session
                .read_again(&page, position, &keys[position], &mut |_| Ok(()))
                .unwrap()
        };
        assert!(read(session, 2), "it changed");
        assert!(!read(session, 8), "it is gone");
        let again = session
            .write(&page.table, &keys, &[(2, set("x", 7))], true)
            .unwrap();
        assert_eq!((again.rows, again.missed.len()), (1, 0), "as it is now");
        session.rollback();
        other
            .session
            .execute("INSERT INTO session_guard.t VALUES (9, 0)", &[])
            .unwrap();
    }
}

#[test]
#[ignore = "needs DRIFTLESS_TEST_POSTGRES_URL"]
fn a_page_that_was_prefetched_is_the_page_that_is_asked_for() {
    let mut database = Database::new(
        "session_prefetch",
        "CREATE TABLE t (id bigint PRIMARY KEY, x text); INSERT INTO t SELECT g, repeat('y', 500) FROM generate_series(1, 1000) g",
    );
    let table = database.table("t");
    let first = page(table, &[1], 400);
    let session = &mut *database.session;
    let ids = |from: i64, to: i64| -> Vec<Key> {
        let key = |id| [Value::Integer(id)].into_iter().collect();
        (from..=to).map(key).collect()
    };
    session.begin().unwrap();
    assert_eq!(keys_of(session, &first), ids(1, 400));
    let next = Page {
        after: Some([Value::Integer(400)].into_iter().collect()),
        ..first.clone()
    };
    for (limit, last) in [(400, 800), (100, 500), (700, 1000)] {
        session.prefetch(&next).unwrap();
        // A long answer that nobody reads yet is in nobody's way.
        session.execute("SELECT 1", &[]).unwrap();
        session.commit().unwrap();
        session.begin().unwrap();
        let asked = Page {
            limit,
            ..next.clone()
        };
        assert_eq!(keys_of(session, &asked), ids(401, last), "{limit}");
    }
    session.prefetch(&next).unwrap();
    assert_eq!(
        keys_of(session, &first),
        ids(1, 400),
        "another page than was prefetched"
    );
    session.rollback();
}

#[test]
#[ignore = "needs DRIFTLESS_TEST_POSTGRES_URL"]
fn a_transaction_that_has_failed_never_says_that_it_was_committed() {
    let mut database = Database::new("session_failed", "CREATE TABLE t (id bigint PRIMARY KEY)");
    let session = &mut *database.session;
    session.begin().unwrap();
    session
        .execute("INSERT INTO session_failed.t VALUES (1)", &[])
        .unwrap();
    assert!(session.in_transaction());
    session.execute("SELECT 1 / 0", &[]).unwrap_err();
    assert!(!session.in_transaction());
    session.commit().unwrap_err();
    // Posted, so that nobody has seen it fail.
    session.begin().unwrap();
    session
        .execute("INSERT INTO session_failed.t VALUES (2)", &[])
        .unwrap();
    session.post("SELECT 1 / 0", &[]).unwrap();
    session.commit().unwrap_err();
    assert!(!session.in_transaction());
    let table = database.table("t");
    assert_eq!(database.session.count(&table, None, None).unwrap(), 0);
}

#[test]
#[ignore = "needs DRIFTLESS_TEST_POSTGRES_URL"]
fn a_predicate_is_checked_without_reading_and_has_no_parameters() {
    let mut database = Database::new(
        "session_predicate",
        "CREATE TABLE t (id bigint PRIMARY KEY, x text)",
    );
    let table = database.table("t");
    let session = &mut *database.session;
    session
        .check_predicate(&table, "x IS NULL -- or so")
        .unwrap();
    session.check_predicate(&table, "y IS NULL").unwrap_err();
    session.check_predicate(&table, "x").unwrap_err();
    let parameter = session.check_predicate(&table, "x = $1").unwrap_err();
    assert!(
        parameter.to_string().contains("no parameters"),
        "{parameter}"
    );
}
