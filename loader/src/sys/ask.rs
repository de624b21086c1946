//! Asks a thread of this process which message it handles.
//!
//! Only the thread itself may read the batch that it handles. So it is sent a signal, whose handler reads that
//! on the thread and leaves it here. The handler is there for the time of the question alone, and a signal
//! that comes later is ignored, as is this one's custom.
//!
//! A thread may be stopped inside the handler for as long as the system likes. The words that it writes then are in this
//! program's statics, and what it reads is what it has noted itself, so both are there; that its answer is not
//! taken for the one to a later question, the questions' numbers see to.

use super::interposers::installed;
use refit_abi::host::running::{self, Message};
use refit_abi::{ClientId, EngineId, Sender};
use std::fs;
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The signal. By custom it is ignored by who does not ask for it.
const SIGNAL: libc::c_int = libc::SIGURG;

/// The longest wait for an answer.
const ANSWER_WAIT: Duration = Duration::from_millis(200);

/// Between two looks whether it is there.
const LOOK: Duration = Duration::from_millis(1);

/// One question at a time.
static ASKING: Mutex<()> = Mutex::new(());

/// The record that is asked about.
static WANTED: AtomicUsize = AtomicUsize::new(0);

/// The stage of the question, in the low bits, and its number. A thread answers one question: it takes it, which
/// one thread can do once, writes the words below, and says that they are there. A caller that gave up takes the
/// question back if nobody has taken it. If somebody has, the words are that thread's until it is done, however
/// late, and nothing is asked before.
static STAGE: AtomicU64 = AtomicU64::new(IDLE);
const IDLE: u64 = 0;
const ASKED: u64 = 1;
const ANSWERING: u64 = 2;
const ANSWERED: u64 = 3;
const STAGES: u64 = 4;

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
    let asked = Question::ask(record)?;
    let handler = Handler::install()?;
    for thread in named(threads) {
        signal(thread);
    }
    let deadline = Instant::now() + ANSWER_WAIT;
    while !asked.is_answered() && Instant::now() < deadline {
        std::thread::sleep(LOOK);
    }
    let answer = asked.end();
    drop(handler);
    answer
}

/// A question that may be answered until this is gone.
struct Question {
    number: u64,
}

impl Question {
    /// `None` if the answer to an earlier one is still being written.
    fn ask(record: usize) -> Option<Self> {
        let before = STAGE.load(Ordering::Acquire);
        if before % STAGES == ANSWERING {
            return None;
        }
        // Nobody reads or writes it now: no question is open.
        WANTED.store(record, Ordering::Relaxed);
        let number = (before / STAGES + 1) * STAGES;
        STAGE.store(number + ASKED, Ordering::Release);
        Some(Self { number })
    }

    fn is_answered(&self) -> bool {
        STAGE.load(Ordering::Acquire) == self.number + ANSWERED
    }

    /// The answer, if it is there. One that comes later is to nobody.
    fn end(self) -> Option<Message> {
        self.is_answered().then(read)
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        let (asked, idle) = (self.number + ASKED, self.number + IDLE);
        // If it fails, somebody has answered or is about to: that stays.
        let _ = STAGE.compare_exchange(asked, idle, Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// Takes the question about this record, if it is open, for the thread that is to answer it.
fn take(record: usize) -> Option<u64> {
    let stage = STAGE.load(Ordering::Acquire);
    if stage % STAGES != ASKED || WANTED.load(Ordering::Relaxed) != record {
        return None;
    }
    let number = stage - ASKED;
    let answering = number + ANSWERING;
    let taken = STAGE.compare_exchange(stage, answering, Ordering::AcqRel, Ordering::Relaxed);
    taken.is_ok().then_some(number)
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
        // Asked in this way first, because code that asks for a library's handler is taken to keep it.
        if installed(SIGNAL).is_some() {
            return None;
        }
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
        // A system call that the engine waits in goes on afterwards; a small stack is spared.
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
    let Some(message) = here.message else {
        return;
    };
    if let Some(number) = take(here.record) {
        write(message);
        STAGE.store(number + ANSWERED, Ordering::Release);
    }
}

fn write(message: Message) {
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
    fn an_answer_that_comes_late_is_not_the_next_questions() {
        let _asking = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
        let (record, other) = (usize::MAX, usize::MAX - 1);
        // It has taken the question, and stands still before it writes.
        let late = Question::ask(record).unwrap();
        let number = take(record).unwrap();
        assert_eq!(late.end(), None);
        assert!(
            Question::ask(other).is_none(),
            "the words are being written"
        );
        let said = |sequence| Message {
            sender: Sender::Timer,
            sequence,
        };
        write(said(1));
        STAGE.store(number + ANSWERED, Ordering::Release);
        // It is there, and nobody's.
        let next = Question::ask(other).unwrap();
        assert!(!next.is_answered() && take(record).is_none());
        let number = take(other).unwrap();
        write(said(2));
        STAGE.store(number + ANSWERED, Ordering::Release);
        assert_eq!(next.end(), Some(said(2)));
    }

    #[test]
    fn a_question_that_was_given_up_is_not_answered() {
        let _asking = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
        let record = usize::MAX - 2;
        drop(Question::ask(record).unwrap());
        assert_eq!(take(record), None);
        let next = Question::ask(record).unwrap();
        assert!(take(record).is_some() && !next.is_answered());
        STAGE.store(next.number + ANSWERED, Ordering::Release);
    }

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
