//! What a block gives, foretold: one thread, plain vectors, no crews, no arenas, no marks. Messages
//! are values, a handler's outputs are a value that is kept or thrown away whole.
//!
//! It knows version 1 of the actor only, and the rules of a block: rounds, the order of engines, the budget,
//! mailboxes, notices, timers, spawning and stopping. Of chunks it knows nothing.

use crate::rig::actor::{PANIC_TEXT, planned_fault};
use crate::rig::script::{Config, Memory, Message, Op, Reply, Seen};
use refit_abi::host::{BlockFrame, CallError};
use refit_abi::{BlockTime, EngineId, Fault, Height, Sender, TimerId, Undelivered};
use refit_kernel::limits::{
    LOG_LINES_PER_BLOCK_MAX, MAILBOX_MESSAGES_MAX, SENDS_PER_MESSAGE_MAX, SPAWNS_PER_MESSAGE_MAX,
};
use refit_kernel::{DeadLetter, Emitted, Entry, LogLine, Replied, ReplyError, StartError, Stats};
use std::collections::{BTreeMap, BTreeSet};

mod handler;

use handler::Run;

/// A node of actors.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) actors: Vec<Actor>,
    pub(crate) dead: Vec<DeadLetter>,
    places: BTreeMap<EngineId, usize>,
    /// Names of actors that have stopped.
    ended: BTreeSet<EngineId>,
    timers: Vec<Timer>,
    /// What happened between two blocks; it leaves with the next.
    between: Outcome,
}

/// One actor.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) id: EngineId,
    pub(crate) life: Life,
    pub(crate) inbox: Vec<Letter>,
    pub(crate) handled: u64,
    parent: Option<EngineId>,
    counters: Counters,
}

/// What the next engine and the next timer of an actor are called, and which of its timers wait.
#[derive(Clone, Debug, Default)]
struct Counters {
    spawned: u64,
    timers: u64,
    waiting: BTreeSet<TimerId>,
}

/// Whether an actor serves.
#[derive(Debug)]
pub(crate) enum Life {
    Live(Memory),
    Poisoned,
    /// An empty place, until the end of the round.
    Stopped,
}

/// A message that waits.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    sender: Sender,
    content: Content,
    entry: Option<Entry>,
}

#[derive(Clone, Debug)]
enum Content {
    Message(Message),
    /// The sender is whom the notice is about.
    Notice(Undelivered),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Height(Height),
    Time(BlockTime),
}

#[derive(Debug)]
struct Timer {
    due: Due,
    id: TimerId,
    actor: EngineId,
    message: Message,
}

/// What a block gives.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) replies: Vec<Told>,
    pub(crate) events: Vec<Emitted>,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) stats: Stats,
}

/// What the client is told whose message stands at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    entry: Entry,
    outcome: Result<Vec<u8>, ReplyError>,
}

impl From<&Replied> for Told {
    fn from(replied: &Replied) -> Self {
        Self {
            entry: crate::rig::entry(replied),
            outcome: replied.outcome.clone(),
        }
    }
}

/// What one handler asked for.
#[derive(Debug, Default)]
struct Wishes {
    spawns: Vec<(EngineId, EngineId, Config)>,
    sends: Vec<(EngineId, EngineId, Message)>,
    timers: Vec<Timer>,
    cancelled: Vec<(EngineId, TimerId)>,
    notices: Vec<(EngineId, EngineId, Undelivered)>,
    stops: Vec<(EngineId, EngineId)>,
    dead: Vec<DeadLetter>,
    outcome: Outcome,
}

/// How a handler ended.
enum End {
    Done,
    Fault(Fault),
    Panic,
}

impl Model {
    /// Starts a root.
    pub(crate) fn start(&mut self, id: EngineId, config: &Config, frame: BlockFrame) {
        let mut out = std::mem::take(&mut self.between);
        let error = self.init(id, None, config, frame, &mut out);
        assert!(error.is_ok(), "a root of the model starts");
        self.close_gaps();
        self.between = out;
    }

    /// Messages that wait for the next block.
    pub(crate) fn backlog(&self) -> usize {
        self.actors.iter().map(|actor| actor.inbox.len()).sum()
    }

    /// The next height and time at which a timer is due.
    pub(crate) fn next_timers(&self) -> (Option<Height>, Option<BlockTime>) {
        let due = self.timers.iter().map(|timer| timer.due);
        let height = due.clone().filter_map(|due| match due {
            Due::Height(height) => Some(height),
            Due::Time(_) => None,
        });
        let time = due.filter_map(|due| match due {
            Due::Time(time) => Some(time),
            Due::Height(_) => None,
        });
        (height.min(), time.min())
    }

    /// Executes a block; its messages have no keys.
    pub(crate) fn block(
        &mut self,
        frame: BlockFrame,
        messages: &[(EngineId, Message)],
        budget: u64,
    ) -> Outcome {
        let mut out = std::mem::take(&mut self.between);
        for timer in self.take_due(frame) {
            let place = self.places[&timer.actor];
            self.actors[place].counters.waiting.remove(&timer.id);
            let content = Content::Message(timer.message);
            let letter = Letter {
                sender: Sender::Timer,
                content,
                entry: None,
            };
            self.deliver(timer.actor, letter, &mut out);
        }
        let height = frame.height;
        for (index, (to, message)) in (0..).zip(messages) {
            let sender = Sender::Client(crate::rig::tester());
            let content = Content::Message(message.clone());
            self.deliver(
                *to,
                Letter {
                    sender,
                    content,
                    entry: Some(Entry { height, index }),
                },
                &mut out,
            );
        }
        while self.backlog() > 0 && out.stats.messages < budget {
            let quota = self.quota(budget - out.stats.messages);
            self.round(frame, quota, &mut out);
        }
        out
    }

    fn take_due(&mut self, frame: BlockFrame) -> Vec<Timer> {
        let is_due = |timer: &Timer| match timer.due {
            Due::Height(height) => height <= frame.height,
            Due::Time(time) => time <= frame.time,
        };
        let all = std::mem::take(&mut self.timers);
        let (mut due, later): (Vec<_>, Vec<_>) = all.into_iter().partition(is_due);
        self.timers = later;
        // Stable: those of one moment in the order they were set.
        due.sort_by_key(|timer| timer.due);
        due
    }

    /// How many letters each actor gets: all, or its part of what the block may still handle.
    fn quota(&self, left: u64) -> usize {
        let with_mail = self.actors.iter().filter(|actor| !actor.inbox.is_empty());
        match self.backlog() as u64 <= left {
            true => usize::MAX,
            false => (left as usize / with_mail.count()).max(1),
        }
    }

    fn round(&mut self, frame: BlockFrame, quota: usize, out: &mut Outcome) {
        out.stats.rounds += 1;
        let mut wishes = Wishes::default();
        for place in 0..self.actors.len() {
            let inbox = &mut self.actors[place].inbox;
            let letters: Vec<_> = inbox.drain(..inbox.len().min(quota)).collect();
            if !letters.is_empty() {
                self.handle_all(place, letters, frame, &mut wishes);
            }
        }
        self.fulfil(wishes, frame, out);
        self.close_gaps();
    }

    /// The places of those that have stopped go to those that lie last.
    fn close_gaps(&mut self) {
        let stopped = |actor: &Actor| matches!(actor.life, Life::Stopped);
        while let Some(gap) = self.actors.iter().position(stopped) {
            self.actors.swap_remove(gap);
        }
        let places = self.actors.iter().enumerate();
        self.places = places.map(|(place, actor)| (actor.id, place)).collect();
    }

    fn handle_all(
        &mut self,
        place: usize,
        letters: Vec<Letter>,
        frame: BlockFrame,
        wishes: &mut Wishes,
    ) {
        let id = self.actors[place].id;
        if matches!(self.actors[place].life, Life::Live(_)) {
            // A whole batch counts, even if a panic ends it.
            wishes.outcome.stats.messages += letters.len() as u64;
            self.actors[place].handled += letters.len() as u64;
        }
        for letter in letters {
            match &self.actors[place].life {
                Life::Live(_) => self.handle(place, letter, frame, wishes),
                Life::Poisoned | Life::Stopped => bounce(id, letter, Undelivered::Poisoned, wishes),
            }
        }
    }

    fn handle(&mut self, place: usize, letter: Letter, frame: BlockFrame, wishes: &mut Wishes) {
        let actor = &mut self.actors[place];
        let Life::Live(memory) = &mut actor.life else {
            return;
        };
        let fails = |message: &Message| message.ops.contains(&Op::Fail);
        let may_fail = matches!(&letter.content, Content::Message(message) if fails(message));
        let before = may_fail.then(|| memory.clone());
        let mut own = Wishes::default();
        let counters = actor.counters.clone();
        let mut run = Run {
            id: actor.id,
            frame,
            memory,
            counters: &mut actor.counters,
            own: &mut own,
        };
        let refused = run.memory.refused.len();
        let end = run.letter(&letter);
        match (end, letter.entry, letter.sender) {
            (End::Done, entry, _) => {
                let handled = memory.log.len() as u64;
                let reply = Reply {
                    code: 1,
                    handled,
                    height: frame.height,
                    refused: memory.refused[refused..].to_vec(),
                    said: String::new(),
                };
                let reply = serde_json::to_vec(&reply).unwrap();
                own.reply(entry, Ok(reply));
            }
            (End::Fault(fault), entry, sender) => {
                *memory = before.unwrap();
                actor.counters = counters;
                let logs = own.outcome.logs;
                own = Wishes::default();
                own.outcome.logs = logs;
                own.outcome.stats.faults += 1;
                own.reply(entry, Err(ReplyError::Fault(fault)));
                let told = match sender {
                    Sender::Engine(from) => Some(from),
                    Sender::Timer => Some(actor.id),
                    Sender::Client(_) => None,
                };
                own.notices
                    .extend(told.map(|told| (told, actor.id, Undelivered::Faulted)));
            }
            (End::Panic, entry, sender) => {
                actor.counters = counters;
                let logs = own.outcome.logs;
                own = Wishes::default();
                own.outcome.logs = logs;
                let (engine, text) = (actor.id, PANIC_TEXT.to_owned());
                own.reply(entry, Err(ReplyError::Panicked { engine, text }));
                let is_message = matches!(letter.content, Content::Message(_));
                if let (Sender::Engine(from), true) = (sender, is_message) {
                    own.notices.push((from, actor.id, Undelivered::Poisoned));
                }
                own.outcome.stats.poisoned += 1;
                actor.life = Life::Poisoned;
            }
        }
        wishes.append(own);
    }

    fn fulfil(&mut self, wishes: Wishes, frame: BlockFrame, out: &mut Outcome) {
        out.append(wishes.outcome);
        self.dead.extend(wishes.dead);
        for (parent, id, config) in wishes.spawns {
            match self.init(id, Some(parent), &config, frame, out) {
                Ok(()) => out.stats.spawned += 1,
                Err(error) => {
                    let line = StartError::Init { engine: id, error }.to_string();
                    out.log(LogLine {
                        engine: parent,
                        level: refit_abi::Level::Error,
                        line,
                    });
                }
            }
        }
        for (from, to, message) in wishes.sends {
            let (sender, content) = (Sender::Engine(from), Content::Message(message));
            self.deliver(
                to,
                Letter {
                    sender,
                    content,
                    entry: None,
                },
                out,
            );
        }
        let lives = |timer: &Timer| self.places.contains_key(&timer.actor);
        self.timers.extend(wishes.timers.into_iter().filter(lives));
        let gone = |timer: &Timer| wishes.cancelled.contains(&(timer.actor, timer.id));
        self.timers.retain(|timer| !gone(timer));
        for (to, about, reason) in wishes.notices {
            self.notify(to, about, reason, out);
        }
        for (by, engine) in wishes.stops {
            self.stop(by, engine, out);
        }
    }

    fn init(
        &mut self,
        id: EngineId,
        parent: Option<EngineId>,
        config: &Config,
        frame: BlockFrame,
        out: &mut Outcome,
    ) -> Result<(), CallError> {
        let (mut memory, mut own) = (Memory::default(), Wishes::default());
        let mut counters = Counters::default();
        let mut run = Run {
            id,
            frame,
            memory: &mut memory,
            counters: &mut counters,
            own: &mut own,
        };
        match run.ops(&config.ops) {
            End::Done => {}
            End::Fault(fault) => return Err(CallError::Fault(fault)),
            End::Panic => {
                return Err(CallError::Panicked {
                    text: PANIC_TEXT.to_owned(),
                });
            }
        }
        self.places.insert(id, self.actors.len());
        let (life, inbox) = (Life::Live(memory), Vec::new());
        self.actors.push(Actor {
            id,
            life,
            inbox,
            handled: 0,
            parent,
            counters,
        });
        self.fulfil(own, frame, out);
        Ok(())
    }

    fn stop(&mut self, by: EngineId, engine: EngineId, out: &mut Outcome) {
        let Some(place) = self.places.get(&engine) else {
            return;
        };
        if engine == by || self.actors[*place].parent == Some(by) {
            self.end(engine, out);
        } else {
            let line = format!("may not stop `{engine}`: neither itself nor its child");
            out.log(LogLine {
                engine: by,
                level: refit_abi::Level::Warn,
                line,
            });
        }
    }

    /// Its timers and its dead letters go with it; whoever waits for it hears so; its name is never free again.
    fn end(&mut self, engine: EngineId, out: &mut Outcome) {
        let Some(place) = self.places.remove(&engine) else {
            return;
        };
        let actor = &mut self.actors[place];
        actor.life = Life::Stopped;
        let letters = std::mem::take(&mut actor.inbox);
        self.ended.extend(engine.name().map(|_| engine));
        self.timers.retain(|timer| timer.actor != engine);
        for letter in letters {
            self.refuse(engine, letter, Undelivered::Stopped, out);
        }
        self.dead.retain(|letter| letter.to != engine);
    }

    fn deliver(&mut self, to: EngineId, letter: Letter, out: &mut Outcome) {
        let reason = match self.places.get(&to).map(|place| &mut self.actors[*place]) {
            None if self.ended.contains(&to) => Undelivered::Stopped,
            None => Undelivered::Unknown,
            Some(Actor {
                life: Life::Poisoned,
                ..
            }) => Undelivered::Poisoned,
            Some(actor) if actor.inbox.len() == MAILBOX_MESSAGES_MAX => Undelivered::Full,
            Some(actor) => return actor.inbox.push(letter),
        };
        self.refuse(to, letter, reason, out);
    }

    fn refuse(&mut self, to: EngineId, letter: Letter, reason: Undelivered, out: &mut Outcome) {
        match (&letter, letter.sender) {
            (
                Letter {
                    entry: Some(entry), ..
                },
                _,
            ) => {
                let outcome = Err(ReplyError::Undelivered { engine: to, reason });
                let entry = *entry;
                out.replies.push(Told { entry, outcome });
            }
            (
                Letter {
                    content: Content::Message(_),
                    ..
                },
                Sender::Engine(from),
            ) => {
                self.notify(from, to, reason, out);
            }
            _ => {
                out.stats.dead_letters += 1;
                self.dead.push(letter.died(to, reason));
            }
        }
    }

    fn notify(&mut self, to: EngineId, about: EngineId, reason: Undelivered, out: &mut Outcome) {
        let (sender, content) = (Sender::Engine(about), Content::Notice(reason));
        self.deliver(
            to,
            Letter {
                sender,
                content,
                entry: None,
            },
            out,
        );
    }
}

fn bounce(engine: EngineId, letter: Letter, reason: Undelivered, wishes: &mut Wishes) {
    match (&letter.content, letter.entry, letter.sender) {
        (_, Some(entry), _) => {
            let outcome = Err(ReplyError::Undelivered { engine, reason });
            wishes.outcome.replies.push(Told { entry, outcome });
        }
        (Content::Message(_), None, Sender::Engine(from)) => {
            wishes.notices.push((from, engine, reason));
        }
        _ => {
            wishes.outcome.stats.dead_letters += 1;
            wishes.dead.push(letter.died(engine, reason));
        }
    }
}

impl Letter {
    fn died(&self, to: EngineId, reason: Undelivered) -> DeadLetter {
        let payload = match (&self.content, self.sender) {
            (Content::Message(message), _) => postcard::to_allocvec(message),
            (Content::Notice(why), Sender::Engine(about)) => postcard::to_allocvec(&(about, why)),
            (Content::Notice(_), _) => Ok(Vec::new()),
        };
        DeadLetter {
            sender: self.sender,
            to,
            reason,
            payload: payload.unwrap(),
        }
    }
}

impl Wishes {
    fn reply(&mut self, entry: Option<Entry>, outcome: Result<Vec<u8>, ReplyError>) {
        if let Some(entry) = entry {
            self.outcome.replies.push(Told { entry, outcome });
        }
    }

    fn append(&mut self, other: Self) {
        self.spawns.extend(other.spawns);
        self.sends.extend(other.sends);
        self.timers.extend(other.timers);
        self.cancelled.extend(other.cancelled);
        self.notices.extend(other.notices);
        self.stops.extend(other.stops);
        self.dead.extend(other.dead);
        self.outcome.append(other.outcome);
    }
}

impl Outcome {
    fn log(&mut self, line: LogLine) {
        if self.logs.len() < LOG_LINES_PER_BLOCK_MAX {
            self.logs.push(line);
        } else {
            self.stats.log_lines_dropped += 1;
        }
    }

    fn append(&mut self, other: Self) {
        self.replies.extend(other.replies);
        self.events.extend(other.events);
        for line in other.logs {
            self.log(line);
        }
        self.stats.log_lines_dropped += other.stats.log_lines_dropped;
        self.stats.messages += other.stats.messages;
        self.stats.poisoned += other.stats.poisoned;
        self.stats.faults += other.stats.faults;
        self.stats.dead_letters += other.stats.dead_letters;
    }
}

impl Actor {
    /// The state's bytes, if it is live.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        match &self.life {
            Life::Live(memory) => Some(postcard::to_allocvec(memory).unwrap()),
            Life::Poisoned | Life::Stopped => None,
        }
    }
}
