//! [`Recorder`]: stands between a handler and the node's services, so that messages can be handled again without
//! asking the node anything.
//!
//! While it records, it passes each call on and notes the answer. While it replays, it gives the noted answers in
//! their order and passes nothing on: no output, no reply, no line of the log.

use crate::raw::{Bytes, CallStatus, HostCalls, HostStatus, RawBudget, RawContext};
use crate::schema::SchemaId;
use crate::{Context, EngineId};
use std::ffi::c_void;

/// Answers that are noted since the last copy; with as many the state is copied anew after the message.
const ANSWERS_MAX: usize = 1 << 16;

/// The node's answer to one call.
#[derive(Clone, Copy)]
enum Answer {
    Status(HostStatus),
    Spawned(HostStatus, EngineId),
    Timer(HostStatus, u64),
    Budget(RawBudget),
}

/// The treatment of a call: the node answers it and the answer is noted, or a noted answer is given again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Record,
    /// Gives the answer at `next`; `others` says that a call was not the one that was noted.
    Replay {
        next: usize,
        others: bool,
    },
}

/// The part that the calls reach through their pointer.
struct Tape {
    host: *mut c_void,
    calls: *const HostCalls,
    mode: Mode,
    /// Each with the message that asked.
    answers: Vec<(usize, Answer)>,
    /// Answers of the replayed messages end here.
    end: usize,
}

/// Stands between a handler and the node's services.
pub(super) struct Recorder<'a> {
    raw: &'a mut RawContext,
    tape: Box<Tape>,
    /// The context that handlers get: as `raw`, with this in the node's place.
    own: RawContext,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(raw: &'a mut RawContext) -> Self {
        let mut tape = Box::new(Tape {
            host: raw.host,
            calls: raw.calls,
            mode: Mode::Record,
            answers: Vec::new(),
            end: 0,
        });
        let own = RawContext {
            size: size_of::<RawContext>(),
            host: (&raw mut *tape).cast(),
            calls: &raw const CALLS,
            ..*raw
        };
        Self { raw, tape, own }
    }

    /// The context for the message at `index`. The node sees in its own context where the batch stands.
    pub(super) fn context(&mut self, index: usize) -> &mut RawContext {
        Context::new(self.raw).begin(index);
        self.own.host = (&raw mut *self.tape).cast();
        &mut self.own
    }

    /// Whether the state is to be copied anew, because no more answers are noted.
    pub(super) fn is_full(&self) -> bool {
        self.tape.answers.len() >= ANSWERS_MAX
    }

    /// Forgets the answers.
    pub(super) fn clear(&mut self) {
        self.tape.answers.clear();
    }

    /// Replays the answers that the messages from `since` to before `failed` got.
    pub(super) fn replay(&mut self, since: usize, failed: usize) {
        let of_them = |(index, _): &&(usize, Answer)| (since..failed).contains(index);
        self.tape.end = self.tape.answers.iter().take_while(of_them).count();
        self.tape.mode = Mode::Replay {
            next: 0,
            others: false,
        };
    }

    /// Records; says whether what was replayed were just the calls that had been noted.
    pub(super) fn record(&mut self) -> bool {
        let mode = std::mem::replace(&mut self.tape.mode, Mode::Record);
        match mode {
            Mode::Record => true,
            Mode::Replay { next, others } => !others && next == self.tape.end,
        }
    }
}

impl Tape {
    /// The answer to a call: the node's, which is noted, or the noted one.
    fn answer(
        &mut self,
        index: usize,
        noted: impl FnOnce(Answer) -> Option<Answer>,
        ask: impl FnOnce(*mut c_void, &HostCalls) -> Answer,
        otherwise: Answer,
    ) -> Answer {
        match &mut self.mode {
            Mode::Record => {
                // SAFETY: the node made the table, of this epoch's first form at least, for the length of the
                // batch (`RawContext::calls`), and a `Recorder` lives no longer than its context.
                let answer = ask(self.host, unsafe { &*self.calls });
                if self.answers.len() < ANSWERS_MAX {
                    self.answers.push((index, answer));
                }
                answer
            }
            Mode::Replay { next, others } => {
                let found = self.answers[..self.end].get(*next);
                let found = found.filter(|(asker, _)| *asker == index);
                match found.and_then(|(_, answer)| noted(*answer)) {
                    Some(answer) => {
                        *next += 1;
                        answer
                    }
                    None => {
                        // Not the call that was noted: it is refused, and `record` reports it.
                        *others = true;
                        otherwise
                    }
                }
            }
        }
    }

    /// The answer to a call that gives a status alone.
    fn status(
        &mut self,
        index: usize,
        ask: impl FnOnce(*mut c_void, &HostCalls) -> HostStatus,
    ) -> HostStatus {
        let noted = |answer| matches!(answer, Answer::Status(_)).then_some(answer);
        let otherwise = Answer::Status(HostStatus::Budget);
        match self.answer(
            index,
            noted,
            |host, calls| Answer::Status(ask(host, calls)),
            otherwise,
        ) {
            Answer::Status(status) => status,
            _ => HostStatus::Budget,
        }
    }

    /// Passes on what has no answer, unless it is a replay.
    fn pass(&self, tell: impl FnOnce(*mut c_void, &HostCalls)) {
        if self.mode == Mode::Record {
            // SAFETY: as in `answer`.
            tell(self.host, unsafe { &*self.calls });
        }
    }
}

static CALLS: HostCalls = HostCalls {
    size: size_of::<HostCalls>(),
    send,
    spawn,
    stop,
    timer,
    timer_cancel,
    budget_left,
    log,
    emit,
    reply,
};

/// The tape behind the pointer that a call carries.
///
/// # Safety
/// `host` is what [`Recorder::context`] put into the context of the running call.
unsafe fn tape<'a>(host: *mut c_void) -> &'a mut Tape {
    // SAFETY: `Context`, the only user of the table, passes back the pointer of its own context, whose recorder
    // is borrowed for the call and used by nothing else meanwhile.
    unsafe { &mut *host.cast::<Tape>() }
}

unsafe extern "C" fn send(
    host: *mut c_void,
    index: usize,
    to: EngineId,
    schema: SchemaId,
    payload: Bytes<'_>,
) -> HostStatus {
    // SAFETY: `Context` passes its own pointer.
    let tape = unsafe { tape(host) };
    // SAFETY: the node's table with the node's object; what is passed on lives for the call.
    tape.status(index, |host, calls| unsafe {
        (calls.send)(host, index, to, schema, payload)
    })
}

unsafe extern "C" fn spawn(
    host: *mut c_void,
    index: usize,
    kind: Bytes<'_>,
    schema: SchemaId,
    config: Bytes<'_>,
    out: *mut EngineId,
) -> HostStatus {
    // SAFETY: `Context` passes its own pointer.
    let tape = unsafe { tape(host) };
    let nobody = EngineId::from_bytes([0; 16]);
    let ask = |host, calls: &HostCalls| {
        let mut id = nobody;
        // SAFETY: the node's table with the node's object; what is passed on lives for the call.
        let status = unsafe { (calls.spawn)(host, index, kind, schema, config, &raw mut id) };
        Answer::Spawned(status, id)
    };
    let noted = |answer| matches!(answer, Answer::Spawned(..)).then_some(answer);
    match tape.answer(
        index,
        noted,
        ask,
        Answer::Spawned(HostStatus::Budget, nobody),
    ) {
        Answer::Spawned(status, id) => {
            // SAFETY: `Context::spawn` gives a variable of its own.
            unsafe { *out = id };
            status
        }
        _ => HostStatus::Budget,
    }
}

unsafe extern "C" fn stop(host: *mut c_void, index: usize, engine: EngineId) -> HostStatus {
    // SAFETY: `Context` passes its own pointer.
    let tape = unsafe { tape(host) };
    // SAFETY: the node's table with the node's object.
    tape.status(index, |host, calls| unsafe {
        (calls.stop)(host, index, engine)
    })
}

unsafe extern "C" fn timer(
    host: *mut c_void,
    index: usize,
    by_time: bool,
    when: u64,
    schema: SchemaId,
    payload: Bytes<'_>,
    out: *mut u64,
) -> HostStatus {
    // SAFETY: `Context` passes its own pointer.
    let tape = unsafe { tape(host) };
    let ask = |host, calls: &HostCalls| {
        let mut number = 0;
        let id = &raw mut number;
        // SAFETY: the node's table with the node's object; what is passed on lives for the call.
        let status = unsafe { (calls.timer)(host, index, by_time, when, schema, payload, id) };
        Answer::Timer(status, number)
    };
    let noted = |answer| matches!(answer, Answer::Timer(..)).then_some(answer);
    match tape.answer(index, noted, ask, Answer::Timer(HostStatus::Budget, 0)) {
        Answer::Timer(status, number) => {
            // SAFETY: `Context::set_timer` gives a variable of its own.
            unsafe { *out = number };
            status
        }
        _ => HostStatus::Budget,
    }
}

unsafe extern "C" fn timer_cancel(host: *mut c_void, index: usize, number: u64) -> HostStatus {
    // SAFETY: `Context` passes its own pointer.
    let tape = unsafe { tape(host) };
    // SAFETY: the node's table with the node's object.
    tape.status(index, |host, calls| unsafe {
        (calls.timer_cancel)(host, index, number)
    })
}

unsafe extern "C" fn budget_left(host: *mut c_void, index: usize, out: *mut RawBudget) {
    // SAFETY: `Context` passes its own pointer.
    let tape = unsafe { tape(host) };
    let empty = RawBudget {
        size: size_of::<RawBudget>(),
        ..RawBudget::default()
    };
    let ask = |host, calls: &HostCalls| {
        let mut room = empty;
        // SAFETY: the node's table with the node's object; it writes no more than the size says.
        unsafe { (calls.budget_left)(host, index, &raw mut room) };
        Answer::Budget(room)
    };
    let noted = |answer| matches!(answer, Answer::Budget(_)).then_some(answer);
    if let Answer::Budget(budget) = tape.answer(index, noted, ask, Answer::Budget(empty)) {
        // SAFETY: `Context::budget_left` gives a table of its own, of this very module's form.
        unsafe { *out = budget };
    }
}

unsafe extern "C" fn log(host: *mut c_void, level: u8, line: Bytes<'_>) {
    // SAFETY: `Context` passes its own pointer.
    let tape = unsafe { tape(host) };
    // SAFETY: the node's table with the node's object; the line lives for the call.
    tape.pass(|host, calls| unsafe { (calls.log)(host, level, line) });
}

unsafe extern "C" fn emit(
    host: *mut c_void,
    index: usize,
    topic: Bytes<'_>,
    payload: Bytes<'_>,
) -> HostStatus {
    // SAFETY: `Context` passes its own pointer.
    let tape = unsafe { tape(host) };
    // SAFETY: the node's table with the node's object; what is passed on lives for the call.
    tape.status(index, |host, calls| unsafe {
        (calls.emit)(host, index, topic, payload)
    })
}

unsafe extern "C" fn reply(host: *mut c_void, index: usize, status: CallStatus, bytes: Bytes<'_>) {
    // SAFETY: `Context` passes its own pointer.
    let tape = unsafe { tape(host) };
    // SAFETY: the node's table with the node's object; the bytes live for the call.
    tape.pass(|host, calls| unsafe { (calls.reply)(host, index, status, bytes) });
}
