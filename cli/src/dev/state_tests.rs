//! The decisions of `dev`, one situation after another.

use super::*;

fn program(name: &str) -> Built {
    Built::Program {
        path: name.into(),
        fresh: false,
    }
}

fn changed() -> Event {
    Event::Changed(vec!["src/main.rs".into()])
}

fn ended(status: &str) -> RunEnd {
    RunEnd {
        status: status.into(),
        ..RunEnd::default()
    }
}

fn away() -> RunEnd {
    RunEnd {
        error: Some("the database is away".into()),
        try_again: true,
        ..ended("failed")
    }
}

/// A state, and a clock that stands still unless it is moved.
struct Story {
    state: State,
    now: Instant,
}

impl Story {
    /// The first build goes on.
    fn begin() -> Story {
        let mut story = Story {
            state: State::new(),
            now: Instant::now(),
        };
        assert_eq!(story.next(Event::Changed(Vec::new())), [Action::Build]);
        story
    }

    /// A run of the first program goes on.
    fn running() -> Story {
        let mut story = Story::begin();
        assert_eq!(
            story.next(Event::BuildEnded(program("one"))),
            [Action::Run("one".into())]
        );
        story
    }

    /// Everything is applied.
    fn quiet() -> Story {
        let mut story = Story::running();
        assert_eq!(story.next(Event::RunEnded(ended("completed"))), []);
        story
    }

    fn next(&mut self, event: Event) -> Vec<Action> {
        self.state.next(event, self.now)
    }

    fn pass(&mut self, seconds: u64) -> Vec<Action> {
        self.now += Duration::from_secs(seconds);
        self.next(Event::Tick)
    }
}

fn broken() -> Event {
    Event::BuildEnded(Built::Broken {
        message: "error[E0425]".into(),
    })
}

#[test]
fn a_change_is_built_and_then_applied() {
    let mut story = Story::quiet();
    assert_eq!(story.next(changed()), [Action::Build]);
    assert_eq!(
        story.next(Event::BuildEnded(program("two"))),
        [Action::Run("two".into())]
    );
    assert_eq!(story.next(Event::RunEnded(ended("noop"))), []);
    assert_eq!(story.pass(3600), [], "nothing happens by itself");
}

#[test]
fn any_number_of_changes_during_a_build_lead_to_one_more() {
    let mut story = Story::begin();
    for _ in 0..3 {
        assert_eq!(story.next(changed()), [], "never two builds at once");
    }
    assert_eq!(
        story.next(Event::BuildEnded(program("one"))),
        [Action::Build],
        "what was built is out of date, so it is not run"
    );
    assert_eq!(
        story.next(Event::BuildEnded(program("two"))),
        [Action::Run("two".into())]
    );
}

#[test]
fn broken_code_keeps_what_is_there_and_recovers() {
    let mut story = Story::quiet();
    story.next(changed());
    assert_eq!(story.next(broken()), []);
    assert!(story.state.is_broken());
    assert_eq!(
        story.state.ended.as_ref().map(|end| end.status.as_str()),
        Some("completed")
    );
    assert_eq!(story.next(changed()), [Action::Build]);
    assert_eq!(
        story.next(Event::BuildEnded(program("two"))),
        [Action::Run("two".into())]
    );
    assert!(!story.state.is_broken());
}

#[test]
fn a_newer_program_waits_for_the_batch_of_the_older_one() {
    let mut story = Story::running();
    assert_eq!(
        story.next(changed()),
        [Action::Build],
        "a build disturbs no run"
    );
    assert_eq!(
        story.next(Event::BuildEnded(program("two"))),
        [Action::StopRun]
    );
    assert_eq!(
        story.next(Event::RunEnded(ended("canceled"))),
        [Action::Run("two".into())]
    );
}

#[test]
fn a_run_goes_on_when_the_newer_code_is_broken_or_the_same() {
    let mut story = Story::running();
    story.next(changed());
    assert_eq!(story.next(broken()), []);
    story.next(changed());
    let same = Built::Program {
        path: "one".into(),
        fresh: true,
    };
    assert_eq!(story.next(Event::BuildEnded(same)), []);
    assert_eq!(story.next(Event::RunEnded(ended("completed"))), []);
}

#[test]
fn a_run_that_was_stopped_waits_for_code_that_compiles() {
    let mut story = Story::running();
    story.next(changed());
    assert_eq!(
        story.next(Event::BuildEnded(program("two"))),
        [Action::StopRun]
    );
    assert_eq!(story.next(changed()), [Action::Build]);
    assert_eq!(
        story.next(Event::BuildEnded(program("three"))),
        [],
        "it was asked already"
    );
    assert_eq!(story.next(changed()), [Action::Build]);
    assert_eq!(story.next(broken()), []);
    assert_eq!(story.next(Event::RunEnded(ended("canceled"))), []);
    story.next(changed());
    assert_eq!(
        story.next(Event::BuildEnded(program("four"))),
        [Action::Run("four".into())]
    );
}

#[test]
fn a_database_that_is_away_is_tried_again_after_growing_pauses() {
    let mut story = Story::running();
    for seconds in [1, 2, 4, 8, 15, 15] {
        assert_eq!(story.next(Event::RunEnded(away())), []);
        assert_eq!(story.state.pause, Some(Duration::from_secs(seconds)));
        assert_eq!(story.pass(seconds - 1), [], "not before it is time");
        assert_eq!(story.pass(1), [Action::Run("one".into())]);
    }
    story.next(Event::RunEnded(ended("noop")));
    assert_eq!(story.state.due_at(), None);
    story.next(changed());
    story.next(Event::BuildEnded(program("two")));
    story.next(Event::RunEnded(away()));
    assert_eq!(
        story.state.pause,
        Some(Duration::from_secs(1)),
        "the next time is a first time"
    );
}

#[test]
fn a_change_does_not_wait_for_the_pause() {
    let mut story = Story::running();
    story.next(Event::RunEnded(away()));
    assert_eq!(story.next(changed()), [Action::Build]);
    assert_eq!(story.pass(60), [], "the build ends in a run anyway");
    assert_eq!(
        story.next(Event::BuildEnded(program("two"))),
        [Action::Run("two".into())]
    );
}

#[test]
fn a_failure_of_a_migration_waits_for_a_change() {
    let mut story = Story::running();
    assert_eq!(story.next(Event::RunEnded(ended("failed"))), []);
    assert_eq!(story.pass(3600), []);
    let strict = RunEnd {
        strict: true,
        code: 1,
        ..ended("failed")
    };
    let mut story = Story::running();
    assert_eq!(
        story.next(Event::RunEnded(strict)),
        [Action::Quit(1)],
        "strict = true ends it"
    );
}

#[test]
fn ctrl_c_ends_everything_in_order() {
    assert_eq!(Story::quiet().next(Event::Interrupted), [Action::Quit(0)]);

    let mut story = Story::begin();
    assert_eq!(story.next(Event::Interrupted), [Action::StopBuild]);
    assert_eq!(story.next(changed()), []);
    assert_eq!(
        story.next(Event::BuildEnded(Built::Stopped)),
        [Action::Quit(0)]
    );

    let mut story = Story::running();
    story.next(changed());
    assert_eq!(
        story.next(Event::Interrupted),
        [Action::StopBuild, Action::StopRun]
    );
    assert_eq!(story.next(Event::BuildEnded(Built::Stopped)), []);
    assert_eq!(
        story.next(Event::Interrupted),
        [Action::KillRun],
        "the second is at once"
    );
    assert_eq!(
        story.next(Event::RunEnded(ended("canceled"))),
        [Action::Quit(0)]
    );
}
