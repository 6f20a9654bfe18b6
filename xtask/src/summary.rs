//! Counting tests: the sum of every `test result:` line.

use std::fmt;

/// How many tests ran, over all stages.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    passed: u64,
    failed: u64,
    skipped: u64,
    /// Tests that were left out on purpose, and why.
    not_run: u64,
    reasons: Vec<&'static str>,
}

impl Summary {
    /// From here on, tests that are filtered out count as not run, for this reason.
    pub fn not_run_because(&mut self, reason: &'static str) {
        self.reasons.push(reason);
    }

    /// Takes note of a line, when it is one that sums up a test binary.
    pub fn read(&mut self, line: &str) {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else {
                continue;
            };
            let number: u64 = number.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                "filtered out" if !self.reasons.is_empty() => self.not_run += number,
                _ => (),
            }
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )?;
        if !self.reasons.is_empty() {
            let reasons = self.reasons.join("; ");
            write!(formatter, ", {} not run ({reasons})", self.not_run)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sums_the_closing_lines_and_nothing_else() {
        let mut summary = Summary::default();
        for line in [
            "running 3 tests",
            "test a_test ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.00s",
            "test result: FAILED. 40 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
            "9 passed; 9 failed",
        ] {
            summary.read(line);
        }
        assert_eq!(summary.to_string(), "43 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn tests_that_were_left_out_are_counted_with_the_reason() {
        let mut summary = Summary::default();
        summary.not_run_because("there is no server");
        summary.read("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 12 filtered out; finished in 0.00s");
        let said = "1 passed, 0 failed, 0 skipped, 12 not run (there is no server)";
        assert_eq!(summary.to_string(), said);
    }
}
