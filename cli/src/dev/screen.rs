//! One screen on a terminal, drawn in place.

use std::io::Write;
use unicode_width::UnicodeWidthStr;

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

/// As many lines as the terminal has room for; the last line stays.
fn fitting(lines: &[String], columns: usize, rows: usize) -> Vec<String> {
    // The cursor rests on a row of its own below the last.
    let room = rows - 1;
    let height = |line: &String| {
        let bare = anstream::adapter::strip_str(line).to_string();
        bare.width().div_ceil(columns).max(1)
    };
    if lines.iter().map(height).sum::<usize>() <= room {
        return lines.to_vec();
    }
    let Some((last, rest)) = lines.split_last() else {
        return Vec::new();
    };
    let mut left = room.saturating_sub(height(last) + 1);
    let mut kept = Vec::new();
    for line in rest {
        let height = height(line);
        if height > left {
            break;
        }
        left -= height;
        kept.push(line.clone());
    }
    kept.push(format!(
        "  … {} lines more, in a taller window",
        rest.len() - kept.len()
    ));
    kept.push(last.clone());
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted_and_the_last_line_stays() {
        let lines: Vec<String> = (1..=10).map(|n| format!("line {n}")).collect();
        assert_eq!(fitting(&lines, 80, 11), lines);
        let cut = fitting(&lines, 80, 6);
        assert_eq!(
            cut,
            [
                "line 1",
                "line 2",
                "line 3",
                "  … 6 lines more, in a taller window",
                "line 10"
            ]
        );
        // Colour takes no room, and a long line takes several rows.
        let lines = [
            "\x1b[31mred\x1b[0m".to_owned(),
            "x".repeat(25),
            "end".to_owned(),
        ];
        assert_eq!(fitting(&lines, 10, 6), lines);
        assert_eq!(fitting(&lines, 10, 5).len(), 3);
    }
}
