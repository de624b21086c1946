//! How far a build is, on stderr: a line that is written over on a terminal, else a line now and then.

use super::{safe, talk};
use refit_build::{Progress, Stage};
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A build that is done before this is not spoken of.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two lines where they are not written over.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Columns of a line that is written over; a longer one would stay in part.
const COLUMNS_MAX: usize = 79;

/// Shows what is built.
#[derive(Debug)]
pub(crate) struct Building {
    is_terminal: bool,
    last: Mutex<Option<Instant>>,
}

impl Default for Building {
    fn default() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            last: Mutex::default(),
        }
    }
}

impl Building {
    pub(crate) fn show(&self, progress: &Progress) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = match *last {
            Some(last) => self.is_terminal || last.elapsed() >= LINE_INTERVAL,
            None if self.is_terminal => progress.elapsed >= PATIENCE,
            None => progress.elapsed >= LINE_INTERVAL,
        };
        if !is_due {
            return;
        }
        *last = Some(Instant::now());
        let line = safe::line(&line(progress));
        if self.is_terminal {
            let line: String = line.chars().take(COLUMNS_MAX).collect();
            let _nobody_reads = write!(io::stderr().lock(), "\r\x1b[K{line}");
        } else {
            talk(line);
        }
    }

    /// Takes the line away; the next build has its own.
    pub(crate) fn end(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.clear(&mut last);
    }

    /// Says something in place of the line: no build that runs beside writes one between the two.
    pub(crate) fn talk(&self, text: impl Display) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.clear(&mut last);
        talk(text);
    }

    fn clear(&self, last: &mut Option<Instant>) {
        if last.take().is_some() && self.is_terminal {
            let _nobody_reads = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

fn line(progress: &Progress) -> String {
    let Progress {
        package,
        stage,
        compiled,
        last,
        elapsed,
    } = progress;
    let what = match stage {
        Stage::Dependencies => "what every engine like it needs",
        Stage::Engine => "the engine",
    };
    let counted = match compiled {
        0 => String::new(),
        compiled => format!(", {compiled} compiled"),
    };
    let last = last
        .as_ref()
        .map_or_else(String::new, |last| format!(", last {last}"));
    let seconds = elapsed.as_secs();
    format!("  {package}: {what}{counted}{last} ({seconds} s)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_compiled_how_much_and_for_how_long() {
        let progress = Progress {
            package: "book".to_owned(),
            stage: Stage::Dependencies,
            compiled: 23,
            last: Some("syn".to_owned()),
            elapsed: Duration::from_millis(12_700),
        };
        let line = line(&progress);
        assert_eq!(
            line,
            "  book: what every engine like it needs, 23 compiled, last syn (12 s)"
        );
    }
}
