//! One screen on a terminal, drawn in place.

use std::io::Write;

/// What a terminal has when it does not say.
const USUAL_SIZE: (usize, usize) = (80, 24);

/// The screen.
#[derive(Default)]
pub struct Screen {
    drawn: bool,
    last: String,
}

impl Screen {
    /// Shows these lines and nothing else, from the top; what does not fit is cut off before the last line.
    pub fn draw(&mut self, lines: &[String]) {
        let (columns, rows) = size();
        // To the top; each line clears what was right of it, and the end what was below. No flicker that way.
        let mut text = String::from("\x1b[H");
        for line in fitting(lines, columns, rows) {
            text.push_str(&line);
            text.push_str("\x1b[K\r\n");
        }
        text.push_str("\x1b[J");
        if text == self.last {
            return;
        }
        let mut stdout = anstream::stdout().lock();
        if !std::mem::replace(&mut self.drawn, true) {
            let _ = stdout.write_all(b"\x1b[2J");
        }
        let _ = stdout.write_all(text.as_bytes());
        let _ = stdout.flush();
        self.last = text;
    }
}

fn size() -> (usize, usize) {
    terminal_size::terminal_size().map_or(USUAL_SIZE, |(columns, rows)| {
        (usize::from(columns.0.max(20)), usize::from(rows.0.max(8)))
    })
}

/// The rows that the terminal has room for: long lines are continued below their beginning, and the last line stays.
fn fitting(lines: &[String], columns: usize, rows: usize) -> Vec<String> {
    // The cursor rests on a row of its own below the last.
    let room = rows - 1;
    let wrapped: Vec<String> = lines.iter().flat_map(|line| wrap(line, columns)).collect();
    if wrapped.len() <= room {
        return wrapped;
    }
    let Some((last, rest)) = wrapped.split_last() else {
        return Vec::new();
    };
    let mut kept: Vec<String> = rest.iter().take(room.saturating_sub(2)).cloned().collect();
    kept.push(format!(
        "  … {} lines more, in a taller window",
        rest.len() - kept.len()
    ));
    kept.push(last.clone());
    kept
}

fn wrap(line: &str, columns: usize) -> Vec<String> {
    let indent = line.len() - line.trim_start().len();
    let indent = " ".repeat(indent.min(columns / 2));
    let options = textwrap::Options::new(columns).subsequent_indent(&indent);
    let rows = textwrap::wrap(line, options);
    rows.into_iter().map(std::borrow::Cow::into_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted_and_the_last_line_stays() {
        let lines: Vec<String> = (1..=10).map(|n| format!("line {n}")).collect();
        assert_eq!(fitting(&lines, 80, 11), lines);
        assert_eq!(
            fitting(&lines, 80, 6),
            [
                "line 1",
                "line 2",
                "line 3",
                "  … 6 lines more, in a taller window",
                "line 10"
            ]
        );
    }

    #[test]
    fn a_long_line_goes_on_below_its_beginning_and_colour_takes_no_room() {
        let lines = [
            "  one two three".to_owned(),
            String::new(),
            "\x1b[31mred red\x1b[0m".to_owned(),
        ];
        assert_eq!(
            fitting(&lines, 9, 10),
            ["  one two", "  three", "", "\x1b[31mred red\x1b[0m"]
        );
    }
}
