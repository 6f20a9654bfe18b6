//! What `deploy` makes of its settings and of how things ended. Pure.

use crate::cli::config::Enabled;
use crate::cli::exit;
use crate::cli::settings::JobSettings;
use crate::cli::summary::documents;
use crate::history::RunStatus;
use crate::migrator::Report;

/// Why a step is left out; `None` when it is to be done. `work`: whether there is something to do.
pub(super) fn left_out(job: &JobSettings, work: bool, nothing: &str) -> Option<String> {
    match job.enabled.value {
        Enabled::Off => Some(format!("off ({})", job.enabled.origin)),
        Enabled::Auto if !work => Some(nothing.to_owned()),
        Enabled::Auto | Enabled::On => None,
    }
}

/// What the end of a step means for the deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It went well.
    Good,
    /// It did not, and that is only said.
    Warn,
    /// It did not, and the deploy ends with this code.
    Fail(u8),
}

/// Judges an exit code. What cannot be meant, somebody else's run and a request to stop here are never let pass.
pub(super) fn judge(code: u8, strict: bool, asked_to_stop: bool) -> Verdict {
    match code {
        exit::DONE => Verdict::Good,
        exit::USAGE | exit::RUN_ACTIVE => Verdict::Fail(code),
        exit::CANCELED if asked_to_stop => Verdict::Fail(code),
        _ if strict => Verdict::Fail(code),
        _ => Verdict::Warn,
    }
}

/// The exit code of a run that has ended, and what to say of it when that is not said by the report itself.
pub(super) fn of_report(report: &Report, timed_out_after_ms: Option<u64>) -> (u8, Option<String>) {
    if let (RunStatus::Canceled, Some(ms)) = (report.status, timed_out_after_ms) {
        let run = report.run_id.as_deref().unwrap_or("of this deploy");
        let message = format!(
            "run {run} did not end within timeout_ms = {ms}: it was canceled after the batch in hand, what was committed stays, and \
             the next `up` or `deploy` resumes it"
        );
        return (exit::TIMED_OUT, Some(message));
    }
    let set_aside: u64 = report
        .migrations
        .iter()
        .map(|migration| migration.quarantined)
        .sum();
    match exit::code_of_report(report) {
        exit::DONE if set_aside > 0 => {
            let message = format!(
                "{} set aside; `quarantine list` shows why, `quarantine retry` tries again once the cause is mended",
                documents(set_aside)
            );
            (exit::FAILED, Some(message))
        }
        code => (code, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_fails_and_relaxed_warns_but_for_what_is_never_let_pass() {
        for code in [exit::FAILED, exit::DRIFT, exit::TIMED_OUT, exit::CANCELED] {
            assert_eq!(judge(code, true, false), Verdict::Fail(code));
            assert_eq!(judge(code, false, false), Verdict::Warn);
        }
        for code in [exit::USAGE, exit::RUN_ACTIVE] {
            assert_eq!(judge(code, false, false), Verdict::Fail(code));
        }
        assert_eq!(
            judge(exit::CANCELED, false, true),
            Verdict::Fail(exit::CANCELED),
            "Ctrl-C is a wish, not a failure"
        );
        assert_eq!(judge(exit::DONE, true, true), Verdict::Good);
    }
}
