//! The picture of an upgrade beside its clients: one column a slice of time, as high as the slowest request in it.

use super::client::Row;
use super::load::Window;
use crate::show::upgrade::microseconds;
use std::fmt::Write;
use std::time::Duration;

/// Columns of a window: with its name it fits a terminal of 80.
const COLUMNS: usize = 64;

/// Columns of a window's name.
const NAME_COLUMNS: usize = 11;

/// Heights of a column, from a slice without a request on.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Two windows in one scale, and where in the second one new code took over.
#[derive(Debug)]
pub(super) struct Timeline<'a> {
    pub(super) rows: &'a [Row],
    pub(super) control: Window,
    pub(super) upgraded: Window,
    /// The generation that the upgrade made.
    pub(super) generation: u64,
    pub(super) pause_us: u64,
}

impl Timeline<'_> {
    /// The picture.
    pub(super) fn text(&self) -> String {
        let control = slowest(self.rows, self.control);
        let upgraded = slowest(self.rows, self.upgraded);
        let highest = control.iter().chain(&upgraded).copied().max().unwrap_or(0);
        let slice = slice(self.upgraded);
        let mut text = format!(
            "slowest request of each {} ms (█ is {})\n",
            slice.as_millis(),
            microseconds(highest)
        );
        for (name, slowest) in [("control", &control), ("upgrade 2", &upgraded)] {
            let bars: String = slowest.iter().map(|us| bar(*us, highest)).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:NAME_COLUMNS$}{bars}");
        }
        if let Some(column) = self.first_of_new_code() {
            text.push_str(&mark(column, self.pause_us));
        }
        text
    }

    /// The column of the first request that new code answered.
    fn first_of_new_code(&self) -> Option<usize> {
        let mut seen = self.rows.iter().filter(|row| self.upgraded.has(row));
        let first = seen.find(|row| row.answered.is_some() && row.generation >= self.generation)?;
        column(self.upgraded, first.intended)
    }
}

/// A line that points at a column from below, and says what is there.
fn mark(column: usize, pause_us: u64) -> String {
    let said = format!("new code, after a pause of {}", microseconds(pause_us));
    let indent = NAME_COLUMNS + column;
    match column + said.chars().count() + 2 <= COLUMNS {
        true => format!("{:indent$}▲ {said}\n", ""),
        false => format!("{said:>width$} ▲\n", width = indent.saturating_sub(1)),
    }
}

/// The slowest request that was meant for each slice of a window, in microseconds from when it was meant to be sent.
fn slowest(rows: &[Row], window: Window) -> [u64; COLUMNS] {
    let mut slowest = [0; COLUMNS];
    for row in rows {
        let place = column(window, row.intended);
        if let (Some(place), Some(answered)) = (place, row.answered) {
            let us = answered.saturating_sub(row.intended).as_micros();
            let us = u64::try_from(us).unwrap_or(u64::MAX);
            slowest[place] = us.max(slowest[place]);
        }
    }
    slowest
}

/// The length of a slice.
fn slice(window: Window) -> Duration {
    window.to.saturating_sub(window.from) / COLUMNS as u32
}

/// The slice that a time is in; `None` if it is not in the window.
fn column(window: Window, time: Duration) -> Option<usize> {
    let slice = slice(window).as_nanos();
    let since = time.checked_sub(window.from)?.as_nanos();
    let column = usize::try_from(since.checked_div(slice)?).ok()?;
    (column < COLUMNS).then_some(column)
}

/// A bar of at least the lowest height for any request at all.
fn bar(us: u64, highest: u64) -> char {
    let heights = BARS.len() as u64 - 1;
    let height = match (us, highest) {
        (0, _) | (_, 0) => 0,
        (us, highest) => (us * heights).div_ceil(highest),
    };
    let height = usize::try_from(height).unwrap_or(0);
    BARS[height.min(BARS.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::super::client::Outcome;
    use super::*;

    fn row(at_ms: u64, took_ms: u64, generation: u64) -> Row {
        let intended = Duration::from_millis(at_ms);
        Row {
            client: 0,
            sequence: at_ms,
            intended,
            sent: intended,
            answered: Some(intended + Duration::from_millis(took_ms)),
            tries: 1,
            status: 200,
            generation,
            height: 1,
            branch: 0,
            outcome: Outcome::InOrder,
        }
    }

    fn window(from_s: u64) -> Window {
        let from = Duration::from_secs(from_s);
        Window {
            from,
            to: from + Duration::from_millis(6_400),
        }
    }

    #[test]
    fn the_slowest_request_is_the_highest_bar_and_new_code_is_pointed_at() {
        let rows = [row(10_050, 1, 1), row(20_050, 8, 1), row(20_950, 4, 2)];
        let picture = Timeline {
            rows: &rows,
            control: window(10),
            upgraded: window(20),
            generation: 2,
            pause_us: 397,
        };
        let text = picture.text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "slowest request of each 100 ms (█ is 8000 µs)");
        assert_eq!(lines[1].trim_end(), "control    ▁");
        assert_eq!(lines[2].trim_end(), "upgrade 2  █        ▄");
        assert_eq!(
            lines[3],
            "                    ▲ new code, after a pause of 397 µs"
        );
    }

    #[test]
    fn every_line_fits_80_columns_wherever_the_new_code_begins() {
        for column in 0..COLUMNS {
            let line = mark(column, 9_999_999);
            assert!(line.trim_end().chars().count() < 80, "{line}");
            let at = line.chars().position(|c| c == '▲');
            assert_eq!(at, Some(NAME_COLUMNS + column), "{line}");
        }
    }
}
