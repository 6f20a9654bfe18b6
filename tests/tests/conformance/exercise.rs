//! How a promise is exercised on every store.

use driftless_tests::{Child, TestStore};

/// Makes each of these functions, generic over the store, a test on every store.
#[macro_export]
macro_rules! exercise {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[test]
                fn $name() {
                    $crate::exercise::run(super::$name::<driftless_tests::Database>());
                }
            )*
        }
        #[cfg(unix)]
        mod on_postgres {
            $(
                #[test]
                fn $name() {
                    $crate::exercise::run(super::$name::<driftless_tests::PostgresDatabase>());
                }
            )*
        }
    };
}

/// Runs a test as `#[tokio::test]` would.
pub fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
        .block_on(test);
}

/// Starts a second process: `driver("times100", &db, "--batch-size 100")`.
pub fn driver(fixture: &str, db: &impl TestStore, options: &str) -> Child {
    let url = db.url();
    let arguments = [fixture, &url]
        .into_iter()
        .chain(options.split_whitespace());
    Child::start(env!("CARGO_BIN_EXE_driver"), arguments)
}
