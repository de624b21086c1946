//! Asks a thread of this process which message it handles.
//!
//! Only the thread itself may read the batch that it handles. So it is sent a signal, whose handler reads that
//! on the thread and leaves it here. The handler is there for the time of the question alone, and a signal
//! that comes later is ignored, as is this one's custom.

use refit_abi::host::running::{self, Message};
use refit_abi::{ClientId, EngineId, Sender};
use std::fs;
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The signal. By custom it is ignored by who does not ask for it.
const SIGNAL: libc::c_int = libc::SIGURG;

/// How long an answer is waited for.
const ANSWER_WAIT: Duration = Duration::from_millis(200);

/// Between two looks whether it is there.
const LOOK: Duration = Duration::from_millis(1);

/// One question at a time.
static ASKING: Mutex<()> = Mutex::new(());

/// The record that is asked about; [`NOBODY`] else.
static WANTED: AtomicUsize = AtomicUsize::new(NOBODY);
const NOBODY: usize = usize::MAX;

/// Whether the words below are the answer.
static ANSWERED: AtomicBool = AtomicBool::new(false);
static KIND: AtomicU8 = AtomicU8::new(TIMER);
static ID: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
static SEQUENCE: AtomicU64 = AtomicU64::new(0);

/// Kinds of senders.
const CLIENT: u8 = 0;
const ENGINE: u8 = 1;
const TIMER: u8 = 2;

/// The message that the thread with this record of [`running`] handles, if it handles one and answers in time.
/// Only threads whose names begin with `threads` are asked.
pub fn message(record: usize, threads: &str) -> Option<Message> {
    let _asking = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
    ANSWERED.store(false, Ordering::Relaxed);
    let handler = Handler::install()?;
    WANTED.store(record, Ordering::Release);
    for thread in named(threads) {
        signal(thread);
    }
    let deadline = Instant::now() + ANSWER_WAIT;
    while !ANSWERED.load(Ordering::Acquire) && Instant::now() < deadline {
        std::thread::sleep(LOOK);
    }
    WANTED.store(NOBODY, Ordering::Release);
    drop(handler);
    ANSWERED.load(Ordering::Acquire).then(read)
}

/// The threads of this process whose names begin so.
fn named(prefix: &str) -> Vec<libc::pid_t> {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    let is_named = |task: &fs::DirEntry| {
        let name = fs::read_to_string(task.path().join("comm"));
        name.is_ok_and(|name| name.starts_with(prefix))
    };
    tasks
        .flatten()
        .filter(is_named)
        .filter_map(|task| task.file_name().to_str()?.parse().ok())
        .collect()
}

fn signal(thread: libc::pid_t) {
    // SAFETY: the call takes numbers alone; a thread that has ended meanwhile is an error that changes nothing.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, SIGNAL) };
}

/// Our handler, as long as this lives.
struct Handler {
    before: libc::sigaction,
}

impl Handler {
    /// `None` if somebody else handles the signal.
    fn install() -> Option<Self> {
        let mut before = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: the place is valid and ours; with no new action the call only reads.
        let read = unsafe { libc::sigaction(SIGNAL, null(), before.as_mut_ptr()) };
        // SAFETY: all zeroes are a valid action, and the call has overwritten them if it went well.
        let before = unsafe { before.assume_init() };
        let is_free = [libc::SIG_DFL, libc::SIG_IGN].contains(&before.sa_sigaction);
        if read != 0 || !is_free {
            return None;
        }
        let mut action = before;
        let answer: extern "C" fn(libc::c_int) = answer;
        action.sa_sigaction = answer as libc::sighandler_t;
        // What the engine waits for in the system goes on afterwards; a small stack is spared.
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        // SAFETY: the action is a copy of a valid one with a handler of the form that its flags say; the handler
        // is async-signal-safe and stays mapped, because it is this program's own.
        let set = unsafe { libc::sigaction(SIGNAL, &raw const action, null_mut()) };
        (set == 0).then_some(Self { before })
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        // SAFETY: the system gave this action; it is put back.
        unsafe { libc::sigaction(SIGNAL, &raw const self.before, null_mut()) };
    }
}

/// Leaves what this thread handles, if it is the one that is meant. Reads thread-local words and stores atomic
/// ones: it allocates nothing, takes no lock and calls nothing of the system.
extern "C" fn answer(_: libc::c_int) {
    let Some(here) = running::here() else {
        return;
    };
    if WANTED.load(Ordering::Acquire) != here.record {
        return;
    }
    let Some(message) = here.message else {
        return;
    };
    let (kind, bytes) = match message.sender {
        Sender::Client(id) => (CLIENT, id.to_bytes()),
        Sender::Engine(id) => (ENGINE, id.to_bytes()),
        Sender::Timer => (TIMER, [0; 16]),
    };
    let number = u128::from_ne_bytes(bytes);
    KIND.store(kind, Ordering::Relaxed);
    ID[0].store(number as u64, Ordering::Relaxed);
    ID[1].store((number >> 64) as u64, Ordering::Relaxed);
    SEQUENCE.store(message.sequence, Ordering::Relaxed);
    ANSWERED.store(true, Ordering::Release);
}

fn read() -> Message {
    let [low, high] = [&ID[0], &ID[1]].map(|half| u128::from(half.load(Ordering::Relaxed)));
    let bytes = (high << 64 | low).to_ne_bytes();
    Message {
        sender: match KIND.load(Ordering::Relaxed) {
            CLIENT => Sender::Client(ClientId::from_bytes(bytes)),
            ENGINE => Sender::Engine(EngineId::from_bytes(bytes)),
            _ => Sender::Timer,
        },
        sequence: SEQUENCE.load(Ordering::Relaxed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_thread_that_handles_nothing_gives_no_message_and_goes_on() {
        let (said, hear) = channel();
        let (end, wait) = channel::<()>();
        let work = move || {
            said.send(running::record()).unwrap();
            wait.recv().unwrap();
        };
        let thread = std::thread::Builder::new().name("asked-1".to_owned());
        let thread = thread.spawn(work).unwrap();
        let record = hear.recv().unwrap().unwrap();
        assert_eq!(named("asked-").len(), 1);
        assert_eq!(message(record, "asked-"), None);
        end.send(()).unwrap();
        thread.join().unwrap();
    }
}
