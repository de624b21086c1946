//! [`Line`]: text in a place of fixed length, and its way to a descriptor. Nothing here allocates, locks or
//! waits for long: it runs in handlers of fatal signals.

use super::TELL_WAIT_MS;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read, write};
use std::fmt::{self, Write};
use std::os::fd::BorrowedFd;

/// Longest line, in bytes.
const LINE_BYTES_MAX: usize = 768;

/// Bytes that are passed on at once. Small: a handler's stack is.
const PIECE_BYTES: usize = 256;

/// One line of the log.
pub(super) struct Line {
    bytes: [u8; LINE_BYTES_MAX],
    length: usize,
}

impl Line {
    /// One without text. It is not moved from then on: the stack that a handler runs on has little room for a
    /// second one, and a build without optimisation makes one for each move.
    pub(super) fn empty() -> Self {
        Self {
            bytes: [0; LINE_BYTES_MAX],
            length: 0,
        }
    }

    /// Begins with time and level, as the node's log does.
    pub(super) fn begin(&mut self) {
        let _ = write!(self, "{} ERROR refit_loader::crash: ", Now::read());
    }

    /// Ends the line.
    pub(super) fn end(&mut self) {
        let end = self.length.min(LINE_BYTES_MAX - 1);
        self.bytes[end] = b'\n';
        self.length = end + 1;
    }

    /// Writes it to a descriptor that is open as long as the process lives.
    pub(super) fn write_to(&self, descriptor: i32) {
        send(descriptor, &self.bytes[..self.length]);
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = LINE_BYTES_MAX - self.length;
        let fits = text.floor_char_boundary(room);
        self.bytes[self.length..self.length + fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.length += fits;
        if fits == text.len() {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

/// The descriptor, if it is one.
fn open<'a>(descriptor: i32) -> Option<BorrowedFd<'a>> {
    // SAFETY: not -1. The descriptors that come here are 2, which is open from the start of a Rust program on,
    // and those of `Outputs`, which its owner keeps for the life of the process. On one that was closed all the
    // same, the calls below fail and do nothing.
    (descriptor >= 0).then(|| unsafe { BorrowedFd::borrow_raw(descriptor) })
}

/// Writes what can be written within [`TELL_WAIT_MS`].
fn send(descriptor: i32, mut bytes: &[u8]) {
    let Some(descriptor) = open(descriptor) else {
        return;
    };
    while !bytes.is_empty() && takes(descriptor) {
        match write(descriptor, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

fn takes(descriptor: BorrowedFd<'_>) -> bool {
    let wait = Timespec {
        tv_sec: 0,
        tv_nsec: i64::from(TELL_WAIT_MS) * 1_000_000,
    };
    let mut ready = [PollFd::from_borrowed_fd(descriptor, PollFlags::OUT)];
    matches!(poll(&mut ready, Some(&wait)), Ok(1..)) && ready[0].revents().contains(PollFlags::OUT)
}

/// Passes what is in the pipe `from` on to `to`, at most so many bytes; what would steer a terminal is shown
/// as a point.
pub(super) fn pass_on(from: i32, to: i32, bytes_max: usize) {
    let Some(from) = open(from) else {
        return;
    };
    let mut left = bytes_max;
    while left > 0 {
        let mut piece = [0; PIECE_BYTES];
        let room = left.min(PIECE_BYTES);
        let Ok(length @ 1..) = read(from, &mut piece[..room]) else {
            return;
        };
        for byte in &mut piece[..length] {
            if byte.is_ascii_control() && *byte != b'\n' && *byte != b'\t' {
                *byte = b'.';
            }
        }
        send(to, &piece[..length]);
        left -= length;
    }
}

/// The name of this thread.
pub(super) struct Thread(Option<[u8; 16]>);

impl Thread {
    pub(super) fn this() -> Self {
        let mut name = [0; 16];
        // SAFETY: the system writes at most 16 bytes, and as many are there.
        let asked = unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
        Self((asked == 0).then_some(name))
    }
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.as_ref().map_or(&b""[..], |name| name);
        for byte in name.iter().take_while(|byte| **byte != 0) {
            let shown = if byte.is_ascii_graphic() {
                char::from(*byte)
            } else {
                '.'
            };
            f.write_char(shown)?;
        }
        Ok(())
    }
}

/// The time of day, as the node's log writes it.
struct Now {
    seconds: i64,
    micros: i64,
}

impl Now {
    fn read() -> Self {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        Self {
            seconds: now.tv_sec,
            micros: now.tv_nsec / 1_000,
        }
    }
}

impl fmt::Display for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (
            self.seconds.div_euclid(86_400),
            self.seconds.rem_euclid(86_400),
        );
        let Date { year, month, day } = date(days);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        write!(f, ".{:06}Z", self.micros)
    }
}

struct Date {
    year: i64,
    month: i64,
    day: i64,
}

/// The date of a day counted from 1970. Counts in years that begin in March, so that the leap day
/// is the last, and in eras of 400 years, which are all equally long.
fn date(days: i64) -> Date {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    Date {
        year: year + era * 400 + i64::from(month <= 2),
        month,
        day,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_that_of_the_calendar() {
        let shown = |seconds| Now { seconds, micros: 7 }.to_string();
        assert_eq!(shown(0), "1970-01-01T00:00:00.000007Z");
        assert_eq!(shown(951_782_399), "2000-02-28T23:59:59.000007Z");
        assert_eq!(shown(951_782_400), "2000-02-29T00:00:00.000007Z");
        assert_eq!(shown(1_795_826_096), "2026-11-28T00:34:56.000007Z");
        assert_eq!(shown(-1), "1969-12-31T23:59:59.000007Z");
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_still_ends() {
        let mut line = Line::empty();
        line.begin();
        assert!(line.write_str(&"é".repeat(LINE_BYTES_MAX)).is_err());
        line.end();
        assert_eq!(line.bytes[line.length - 1], b'\n');
        assert!(line.length <= LINE_BYTES_MAX);
    }
}
