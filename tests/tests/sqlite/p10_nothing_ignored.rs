//! P10: nothing in a URL is silently ignored.

use driftless::{ErrorKind, Migrator};
use driftless_tests::{assert_says, fixtures};

#[tokio::test]
async fn p10_urls_that_name_nothing_say_what_is_known() {
    for (url, says) in [
        ("sqlite://a.db?mod=rw", "mod"),
        ("sqlite::memory:", "in-memory"),
        ("oracle://x", "no store is known"),
        ("app.db", "no scheme"),
    ] {
        let error = Migrator::connect(url, &fixtures::three)
            .await
            .map(drop)
            .expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Usage, "{url}");
        assert_says(&error.chain(), &[says]);
    }
}
