//! The command line on a real terminal: the bar, colours, Ctrl-C, and the one question it asks.

use crate::shop::{Held, ITEMS, Shop};
use nix::sys::wait::WaitStatus;
use rexpect::session::{PtySession, spawn_command};

const FIRST: &str = "20260101_000000_prices_in_cents";

/// A test that waits longer than this for a word has failed.
const PATIENCE_MS: u64 = 30_000;

fn on_terminal(shop: &Shop, line: &str) -> PtySession {
    let mut command = shop.program(
        env!("CARGO_BIN_EXE_shop"),
        &format!("{line} --database-url sqlite://shop.db"),
    );
    command.env("TERM", "xterm-256color");
    spawn_command(command, Some(PATIENCE_MS)).unwrap()
}

fn hold(shop: &Shop) {
    std::fs::write(shop.file("hold"), "").unwrap();
}

fn release(shop: &Shop) {
    std::fs::remove_file(shop.file("hold")).unwrap();
}

#[track_caller]
fn exit_code(session: &PtySession) -> i32 {
    match session.process().wait().unwrap() {
        WaitStatus::Exited(_, code) => code,
        other => panic!("it did not exit by itself: {other:?}"),
    }
}

#[test]
fn a_bar_shows_rows_per_second_percent_and_time_left() {
    let shop = Shop::new();
    hold(&shop);
    let mut session = on_terminal(&shop, "up --batch-size 100");
    session
        .exp_regex(r"\d+ %  [0-9,]+ of 10,000  [0-9,]+ rows/s  [^\r\n]+ left")
        .unwrap();
    release(&shop);
    let rest = session.exp_eof().unwrap();
    assert!(
        rest.contains("\u{1b}[32mapplied 2 migrations\u{1b}[0m"),
        "colour on a terminal: {rest}"
    );
    assert_eq!(exit_code(&session), 0);
}

#[test]
fn a_status_that_is_watched_is_drawn_in_place() {
    let shop = Shop::new();
    let mut session = on_terminal(&shop, "status --watch");
    session.exp_string("pending").unwrap();
    let up = Held::start(&shop, "up --batch-size 100");
    session
        .exp_regex(r"running\S* since \S+, by process \d+ on ")
        .unwrap();
    release(&shop);
    up.wait().expect(0);
    let before = session
        .exp_string("10,000 documents, 10,000 changed")
        .unwrap();
    assert!(
        !before.contains("\u{1b}[2J"),
        "it is cleared once, or it would flicker"
    );
    session.send_control('c').unwrap();
    session.exp_eof().unwrap();
}

#[test]
fn no_color_is_honoured() {
    let shop = Shop::new();
    let mut command = shop.program(
        env!("CARGO_BIN_EXE_shop"),
        "status --database-url sqlite://shop.db",
    );
    command.env("NO_COLOR", "1").env("TERM", "xterm-256color");
    let mut session = spawn_command(command, Some(PATIENCE_MS)).unwrap();
    let text = session.exp_eof().unwrap();
    assert!(
        text.contains("pending") && !text.contains('\u{1b}'),
        "{text:?}"
    );
}

#[test]
fn the_first_ctrl_c_finishes_the_batch_and_the_next_up_resumes() {
    let shop = Shop::new();
    hold(&shop);
    let mut session = on_terminal(&shop, "up --batch-size 100");
    session.exp_string("holding").unwrap();
    session.send_control('c').unwrap();
    session
        .exp_string("stopping after this batch (Ctrl-C again stops at once)")
        .unwrap();
    release(&shop);
    session
        .exp_string(&format!(
            "the run was canceled; run `up` again to resume {FIRST} at 51 %"
        ))
        .unwrap();
    session.exp_eof().unwrap();
    assert_eq!(exit_code(&session), 4);
    assert_eq!(
        (shop.items_with_factor(100), shop.items_with_factor(1)),
        (5_100, 4_900),
        "the batch in hand was finished"
    );
    assert!(
        shop.run("status")
            .expect(0)
            .out
            .contains("up 51 % (canceled)")
    );

    shop.run("up").expect(0);
    assert_eq!(shop.items_with_factor(100), ITEMS, "exactly once");
}

#[test]
fn the_second_ctrl_c_stops_at_once_and_loses_nothing() {
    let shop = Shop::new();
    hold(&shop);
    let mut session = on_terminal(&shop, "up --batch-size 100");
    session.exp_string("holding").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("stopping after this batch").unwrap();
    session.send_control('c').unwrap();
    session
        .exp_string("stopped at once; nothing is lost")
        .unwrap();
    session.exp_eof().unwrap();
    assert_eq!(exit_code(&session), 4, "while the batch is still held");
    assert_eq!(
        (shop.items_with_factor(100), shop.items_with_factor(1)),
        (5_000, 5_000),
        "the batch in hand was rolled back"
    );
    assert_eq!(
        shop.run("status --json").expect(0).json()["status"],
        "stale"
    );

    release(&shop);
    shop.run("up").expect(0);
    assert_eq!(shop.items_with_factor(100), ITEMS, "exactly once");
}

#[test]
fn a_rollback_of_production_is_asked_for_once() {
    let shop = Shop::new();
    shop.run("up").expect(0);
    for (line, answer, code, cents) in [
        (
            "down --to 20260101_000000_prices_in_cents --prod",
            Some("n"),
            4,
            ITEMS,
        ),
        ("down --steps 1 --prod", Some("y"), 0, ITEMS),
        ("down --steps 1 --prod --yes", None, 0, 0),
    ] {
        let mut session = on_terminal(&shop, line);
        if let Some(answer) = answer {
            session
                .exp_string("on prod (sqlite://shop.db)? [y/N]")
                .unwrap();
            session.send_line(answer).unwrap();
        }
        session.exp_eof().unwrap();
        assert_eq!(
            (exit_code(&session), shop.items_with_factor(100)),
            (code, cents),
            "{line}"
        );
    }
}

#[test]
fn a_deploy_to_production_is_asked_for_once_with_target_plan_and_estimate() {
    let shop = Shop::new();
    let text = "[deploy]\ncommand = \"echo pushing > pushed\"\n";
    std::fs::write(shop.file("driftless.toml"), text).unwrap();
    for (line, answer, code, cents) in [
        ("deploy --prod", Some("n"), 4, 0),
        ("deploy --prod", Some(""), 4, 0),
        ("deploy --prod", Some("y"), 0, ITEMS),
        ("deploy --prod --yes", None, 0, ITEMS),
        // Nothing is pending and there is no command: nothing to ask about.
        ("deploy --prod --no-command", None, 0, ITEMS),
    ] {
        let mut session = on_terminal(&shop, line);
        if let Some(answer) = answer {
            let asked = session.exp_string("go on? [y/N]").unwrap();
            let asked = asked.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
            for part in [
                "deploy to prod (sqlite://shop.db):",
                "run `echo pushing > pushed`",
                &format!("apply {FIRST}"),
                "items, about 10,000 documents",
                "Prices in cents: doing it twice would show.",
            ] {
                assert!(asked.contains(part), "{part}: {asked}");
            }
            assert!(!shop.file("pushed").exists(), "nothing is pushed before");
            session.send_line(answer).unwrap();
        }
        session.exp_eof().unwrap();
        assert_eq!(
            (exit_code(&session), shop.items_with_factor(100)),
            (code, cents),
            "{line}"
        );
    }
}

#[test]
fn a_command_may_ask_on_the_terminal_and_ctrl_c_is_its() {
    let shop = Shop::new();
    let text =
        "[deploy]\ncommand = \"echo which; read word; echo you said $word; sleep 1000; true\"\n";
    std::fs::write(shop.file("driftless.toml"), text).unwrap();
    let mut session = on_terminal(&shop, "deploy");
    session.exp_string("\nwhich").unwrap();
    session.send_line("blue").unwrap();
    session.exp_string("you said blue").unwrap();
    session.send_control('c').unwrap();
    session
        .exp_string("stopped while the command ran; nothing was migrated")
        .unwrap();
    session.exp_eof().unwrap();
    assert_eq!(exit_code(&session), 4);
    assert_eq!(shop.items_with_factor(1), ITEMS);
}
