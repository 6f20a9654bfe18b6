//! A role without a right is told which right, on what.

use crate::accounts;
use driftless::{Migrator, Run};
use driftless_tests::{PostgresDatabase, TestStore, assert_says, fixtures};

/// Everything `times100` needs, right by right.
const RIGHTS: [(&str, &str); 6] = [
    ("CREATE ON SCHEMA public", "public"),
    ("USAGE ON SCHEMA public", "public"),
    ("SELECT ON accounts", "accounts"),
    ("UPDATE ON accounts", "accounts"),
    ("INSERT ON audit", "audit"),
    ("CONNECT ON DATABASE", "database"),
];

#[tokio::test]
async fn a_missing_right_is_named_with_what_it_is_on_and_once_granted_the_run_completes() {
    for (missing, on) in RIGHTS {
        let db = PostgresDatabase::new(&accounts(100));
        let role = db.role("app", "");
        db.run(&format!(
            "REVOKE ALL ON SCHEMA public FROM public; REVOKE CONNECT ON DATABASE {0} FROM public;
             GRANT CREATE, USAGE ON SCHEMA public TO {1}; GRANT CONNECT ON DATABASE {0} TO {1};
             GRANT SELECT, UPDATE ON accounts TO {1}; GRANT INSERT ON audit TO {1}; GRANT USAGE ON SEQUENCE audit_id_seq TO {1}",
            db.name(),
            role.name
        ));
        let right = missing.replace("DATABASE", &format!("DATABASE {}", db.name()));
        db.run(&format!("REVOKE {right} FROM {}", role.name));
        let error = match Migrator::connect(&role.url, &fixtures::times100).await {
            Err(error) => error.chain(),
            Ok(migrator) => match migrator.run(Run::up()).await {
                Err(error) => error.chain(),
                Ok(report) => report
                    .error
                    .unwrap_or_else(|| panic!("{missing}: completed")),
            },
        };
        println!("{missing}: {error}");
        let word = missing.split(' ').next().expect("a right");
        assert_says(&error, &[word, on]);
        assert!(!error.contains("secret"), "{error}");
        db.run(&format!("GRANT {right} TO {}", role.name));
        let migrator = Migrator::connect(&role.url, &fixtures::times100)
            .await
            .expect("connected");
        let report = migrator.run(Run::up()).await.expect("not refused");
        report
            .into_result()
            .unwrap_or_else(|error| panic!("{missing}: {error:?}"));
        driftless_tests::assert_times_100_once(&db, 100);
    }
}
