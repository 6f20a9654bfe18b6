//! PgBouncer in transaction mode in between.

use driftless_tests::{App, Bouncer, Server};

#[test]
fn what_is_left_in_a_session_is_gone_in_the_next_transaction() {
    let server = Server::start_private(&[]);
    let bouncer = Bouncer::start(&server);
    let app = App::connect(&bouncer.url_of("postgres"));
    let sessions: std::collections::BTreeSet<String> = (0..9)
        .flat_map(|_| {
            app.with(|client| {
                let messages = client
                    .simple_query("SELECT pg_backend_pid()")
                    .expect("a session");
                messages
                    .iter()
                    .filter_map(|message| match message {
                        postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                        _ => None,
                    })
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    assert!(sessions.len() > 1, "{sessions:?}");
}
