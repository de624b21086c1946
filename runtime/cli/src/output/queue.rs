//! [`Queue`]: texts on their way to a descriptor that may take nothing.

use super::log::now;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Most bytes that wait; texts that do not fit are left out.
pub(crate) const WAITING_BYTES_MAX: usize = 1 << 20;

/// Pause before the next try at a descriptor that is full and says so instead of waiting.
const FULL_PAUSE: Duration = Duration::from_millis(20);

/// Called with the number of texts that were left out.
type OnDropped = Box<dyn Fn(u64) + Send + Sync>;

/// Texts that wait for one descriptor. A thread writes them; adding one never waits for it.
pub(super) struct Queue {
    state: Mutex<State>,
    /// A text was added, or written.
    changed: Condvar,
    on_dropped: OnceLock<OnDropped>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    /// Of those that wait.
    bytes: usize,
    /// Whether one was taken out and is being written.
    writing: bool,
    /// Left out since the last report.
    dropped: u64,
}

impl Queue {
    /// A queue to `file`, written by a thread of this name, which ends with the process.
    pub(super) fn begin(name: &str, file: File) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            on_dropped: OnceLock::new(),
        });
        let writer = queue.clone();
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn(move || writer.work(file))?;
        Ok(queue)
    }

    pub(super) fn on_dropped(&self, count: OnDropped) {
        // Set once, when the node starts: a later call changes nothing.
        let _ = self.on_dropped.set(count);
    }

    /// Adds a text, if there is room.
    pub(super) fn push(&self, text: &[u8]) {
        self.push_within(text, WAITING_BYTES_MAX);
    }

    /// Adds a text, if not more than `most` bytes wait then.
    pub(super) fn push_within(&self, text: &[u8], most: usize) {
        let mut state = self.lock();
        if state.bytes + text.len() > most {
            self.drop_one(&mut state);
            return;
        }
        state.bytes += text.len();
        state.waiting.push_back(text.to_vec());
        self.changed.notify_all();
    }

    fn drop_one(&self, state: &mut State) {
        state.dropped += 1;
        if let Some(count) = self.on_dropped.get() {
            count(1);
        }
    }

    /// Waits until all is written, or the deadline.
    pub(super) fn flush(&self, deadline: Instant) {
        let mut state = self.lock();
        while state.writing || !state.waiting.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn work(&self, mut file: File) {
        let mut state = self.lock();
        loop {
            let Some(text) = state.waiting.pop_front() else {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.bytes -= text.len();
            state.writing = true;
            let dropped = state.dropped;
            // A write may take as long as the reader likes, and callers add texts under this lock.
            drop(state);
            let told = dropped == 0 || write(&mut file, left_out(dropped).as_bytes()).is_ok();
            let written = write(&mut file, &text);
            state = self.lock();
            state.writing = false;
            if told {
                state.dropped -= dropped;
            }
            if written.is_err() {
                self.drop_one(&mut state);
            }
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The line in the place of those that were left out.
fn left_out(lines: u64) -> String {
    format!(
        "{} WARN refit::output: {lines} lines were left out here: they could not be written, or were not read in time\n",
        now()
    )
}

/// Writes all of it. May wait as long as the reader does not read: on the queue's own thread alone.
fn write(file: &mut File, mut text: &[u8]) -> io::Result<()> {
    while !text.is_empty() {
        match file.write(text) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => text = &text[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Another holder of the descriptor may have made it non-blocking.
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(FULL_PAUSE),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::os::fd::OwnedFd;
    use std::sync::atomic::{AtomicU64, Ordering};

    const LONG: Duration = Duration::from_secs(20);

    fn pipe() -> (io::PipeReader, File) {
        let (reader, writer) = io::pipe().unwrap();
        (reader, File::from(OwnedFd::from(writer)))
    }

    #[test]
    fn a_reader_that_stands_still_keeps_nobody_and_learns_what_was_left_out() {
        let (reader, writer) = pipe();
        let queue = Queue::begin("test", writer).unwrap();
        static DROPPED: AtomicU64 = AtomicU64::new(0);
        queue.on_dropped(Box::new(|more| {
            DROPPED.fetch_add(more, Ordering::Relaxed);
        }));
        let line = [&[b'x'; 999][..], b"\n"].concat();
        let count = 2 * WAITING_BYTES_MAX / line.len();
        let start = Instant::now();
        (0..count).for_each(|_| queue.push(&line));
        queue.flush(Instant::now() + Duration::from_millis(50));
        assert!(start.elapsed() < LONG);
        let left_out = DROPPED.load(Ordering::Relaxed);
        assert!(left_out > 0);
        let read = std::thread::spawn(move || {
            let lines = BufReader::new(reader).lines().map(Result::unwrap);
            lines
                .take_while(|line| line != "at last")
                .collect::<Vec<_>>()
        });
        queue.flush(Instant::now() + LONG);
        queue.push(b"at last\n");
        let lines = read.join().unwrap();
        let told = lines
            .iter()
            .filter(|line| line.contains("lines were left out"));
        let told = told.map(|line| line.split(' ').nth(3).unwrap());
        let told: Vec<u64> = told.map(|count| count.parse().unwrap()).collect();
        // The system's pipe may have taken some meanwhile: then what was left out is told in more than one line.
        assert_eq!(told.iter().sum::<u64>(), left_out);
        assert_eq!(lines.len() - told.len(), count - left_out as usize);
    }

    #[test]
    fn what_cannot_be_written_is_counted_and_told_once_it_can() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let queue = Queue::begin("test", full).unwrap();
        (0..3).for_each(|_| queue.push(b"line\n"));
        queue.flush(Instant::now() + LONG);
        assert_eq!(queue.lock().dropped, 3);
        let told = left_out(3);
        assert!(
            told.contains("3 lines were left out") && told.ends_with('\n'),
            "{told}"
        );
    }
}
