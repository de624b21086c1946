//! [`Executor`]: the sequential half of a node: it takes a block, routes its messages, runs the
//! rounds, and gives back the effects.

use crate::chunk::Chunk;
use crate::crew::Helpers;
use crate::dead_letters::{DeadLetter, DeadLetters};
use crate::directory::{Directory, Place};
use crate::gate::Gate;
use crate::limits::{CHUNK_ENGINES, ENGINES_MAX, LOG_LINES_PER_BLOCK_MAX, PARALLEL_MESSAGES_MIN};
use crate::outbox::{Mark, Notice, Outbox, Running, Spawn, Stop};
use crate::outcome::{BlockOutcome, LogLine, QueryError, Replied, ReplyError, Stats};
use crate::round::{Job, Round, SharedChunk};
use crate::slot::{EngineStatus, Letter, Slot, SlotState};
use crate::table::{GenerationTable, KindIndex};
use crate::timers::{Timer, Timers};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use refit_abi::host::{BlockFrame, CallError};
use refit_abi::raw::{Codec, DeliveryKind};
use refit_abi::schema::SchemaId;
use refit_abi::{ClientId, EngineId, Generation, Height, Sender, Undelivered};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the leader, its helpers and the next crew share.
pub(crate) struct Shared {
    pub(crate) gate: Arc<Gate>,
    pub(crate) table: ArcSwap<GenerationTable>,
}

/// Executes blocks. Owned by the leader of the crew on duty; handed on at an upgrade.
pub struct Executor {
    pub(crate) shared: Arc<Shared>,
    pub(crate) chunks: Vec<SharedChunk>,
    pub(crate) height: Height,
    pub(crate) swept: usize,
    directory: Directory,
    timers: Timers,
    dead: DeadLetters,
    /// Chunks with mail.
    active: Vec<u32>,
    /// Messages that wait.
    waiting: usize,
    totals: Stats,
}

/// One block to execute.
#[derive(Clone, Debug, Default)]
pub struct BlockInput {
    /// Height, time and hash.
    pub frame: BlockFrame,
    /// Messages from clients, in order.
    pub messages: Vec<Ingress>,
    /// Messages that may be handled before the block ends; looked at between rounds.
    pub budget: u64,
}

/// One message from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingress {
    /// To whom.
    pub engine: EngineId,
    /// From whom.
    pub client: ClientId,
    /// The client's own count.
    pub sequence: u64,
    /// JSON.
    pub payload: Vec<u8>,
    /// Comes back with the reply.
    pub ticket: u64,
}

/// Why a root engine did not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No loaded module has the kind.
    #[error("no loaded module has the engine kind `{kind}`; add its path to the configuration")]
    UnknownKind {
        /// The kind that was named.
        kind: String,
    },
    /// An engine with the id runs already.
    #[error("an engine called `{engine}` runs already; choose another name")]
    Taken {
        /// The id.
        engine: EngineId,
    },
    /// There are as many engines as may be.
    #[error("the node has {ENGINES_MAX} engines, the most it may have")]
    Full,
    /// Its `init` did not succeed.
    #[error("engine `{engine}` did not start: {error}")]
    Init {
        /// The id.
        engine: EngineId,
        /// What happened.
        error: CallError,
    },
}

impl Executor {
    /// An executor of no engines, at height 0, over the first generation's code.
    pub fn new(table: Arc<GenerationTable>) -> Self {
        let shared = Shared { gate: Arc::new(Gate::new()), table: ArcSwap::new(table) };
        Self {
            shared: Arc::new(shared),
            chunks: Vec::new(),
            height: Height(0),
            swept: 0,
            directory: Directory::default(),
            timers: Timers::default(),
            dead: DeadLetters::default(),
            active: Vec::new(),
            waiting: 0,
            totals: Stats::default(),
        }
    }

    /// The code that is live.
    pub fn table(&self) -> Arc<GenerationTable> {
        self.shared.table.load_full()
    }

    /// The newest executed block.
    pub fn height(&self) -> Height {
        self.height
    }

    /// Messages that wait for the next block.
    pub fn backlog(&self) -> usize {
        self.waiting
    }

    /// Engines, stopped ones included.
    pub fn engines(&self) -> usize {
        self.directory.len()
    }

    /// Counts since the node started.
    pub fn totals(&self) -> Stats {
        self.totals
    }

    /// The newest dead letters.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.dead.kept().cloned().collect()
    }

    /// How many dead letters there were in all.
    pub fn dead_letter_count(&self) -> u64 {
        self.dead.count()
    }

    /// Starts a root engine, before or between blocks.
    ///
    /// # Errors
    /// [`StartError`]; nothing is started.
    pub fn start(
        &mut self,
        id: EngineId,
        kind: &str,
        config: (Codec, &[u8]),
        frame: BlockFrame,
    ) -> Result<(), StartError> {
        let table = self.table();
        let (kind, _) = table
            .find(kind)
            .ok_or_else(|| StartError::UnknownKind { kind: kind.to_owned() })?;
        let mut outbox = Outbox::default();
        self.init(&table, (id, kind, None), config, frame, &mut outbox)?;
        let mut effects = BlockOutcome::default();
        self.route(outbox, &table, frame, &mut effects);
        Ok(())
    }

    /// Executes one block to its end.
    pub fn execute(&mut self, helpers: &Helpers, block: BlockInput) -> BlockOutcome {
        let table = self.table();
        let frame = block.frame;
        self.height = frame.height;
        let mut out = BlockOutcome {
            height: frame.height,
            generation: table.number(),
            ..BlockOutcome::default()
        };
        for timer in self.timers.take_due(frame.height, frame.time) {
            self.deliver_timer(timer, &mut out);
        }
        for message in block.messages {
            self.deliver_ingress(message, &mut out);
        }
        while !self.active.is_empty() && out.stats.messages < block.budget {
            self.round(helpers, &table, frame, &mut out);
        }
        out.backlog = self.waiting;
        out.next_timer_height = self.timers.next_height();
        out.next_timer_time = self.timers.next_time();
        self.totals.add(&out.stats);
        out
    }

    /// Answers a query between two blocks, in the codec of the question.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn query(&self, engine: EngineId, codec: Codec, query: &[u8]) -> Result<Vec<u8>, QueryError> {
        let place = self.directory.get(engine).ok_or(QueryError::Unknown { engine })?;
        let table = self.table();
        let mut chunk = self.chunks[place.chunk as usize].lock();
        let slot = &mut chunk.slots[place.slot as usize];
        let entry = table.get(slot.kind).ok_or(QueryError::Unknown { engine })?;
        slot.settle(entry, self.height);
        let instance = match &slot.state {
            SlotState::Live(instance) => instance,
            SlotState::Poisoned(_) => {
                return Err(QueryError::Unavailable { engine, reason: Undelivered::Poisoned });
            }
            SlotState::Stopped => {
                return Err(QueryError::Unavailable { engine, reason: Undelivered::Stopped });
            }
        };
        let mut answer = Vec::new();
        entry
            .kind
            .query(instance, codec, query, &mut answer)
            .map_err(|error| QueryError::Call { engine, error })?;
        Ok(answer)
    }

    /// How the first `most` engines are, in the order they were started.
    pub fn statuses(&self, most: usize) -> Vec<EngineStatus> {
        let mut statuses = Vec::new();
        for chunk in &self.chunks {
            let left = most - statuses.len();
            statuses.extend(chunk.lock().statuses().take(left));
            if statuses.len() == most {
                break;
            }
        }
        statuses
    }

    /// How many engines that are not stopped there are of each kind, in the order of the table.
    pub fn kind_counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.shared.table.load().iter().count()];
        for chunk in &self.chunks {
            for slot in &chunk.lock().slots {
                let serves = !matches!(slot.state, SlotState::Stopped);
                if let Some(count) = counts.get_mut(slot.kind.0 as usize).filter(|_| serves) {
                    *count += 1;
                }
            }
        }
        counts
    }

    /// Every live engine's state as postcard, in the order they were started.
    ///
    /// # Errors
    /// The first engine whose state could not be written, and why.
    pub fn encode_states(&self) -> Result<Vec<(EngineId, Vec<u8>)>, (EngineId, CallError)> {
        let table = self.table();
        let mut states = Vec::with_capacity(self.engines());
        for chunk in &self.chunks {
            for slot in &mut chunk.lock().slots {
                let Some(entry) = table.get(slot.kind) else { continue };
                slot.settle(entry, self.height);
                let SlotState::Live(instance) = &slot.state else { continue };
                let mut bytes = Vec::new();
                entry.kind.encode(instance, &mut bytes).map_err(|error| (slot.id, error))?;
                states.push((slot.id, bytes));
            }
        }
        Ok(states)
    }

    fn round(
        &mut self,
        helpers: &Helpers,
        table: &Arc<GenerationTable>,
        frame: BlockFrame,
        out: &mut BlockOutcome,
    ) {
        let mut active = std::mem::take(&mut self.active);
        active.sort_unstable();
        let round = Arc::new(Round {
            shared: self.shared.clone(),
            chunks: active.iter().map(|index| self.chunks[*index as usize].clone()).collect(),
            claimed: AtomicUsize::new(0),
            frame,
            generation: out.generation,
            mixed: AtomicUsize::new(0),
        });
        let alone = active.len() == 1 || self.waiting < PARALLEL_MESSAGES_MIN;
        self.waiting = 0;
        helpers.run(&Job::Round(round.clone()), alone);
        out.stats.rounds += 1;
        out.stats.mixed += round.mixed.load(Ordering::Relaxed) as u64;
        for index in active {
            let chunk = self.chunks[index as usize].clone();
            let outbox = std::mem::take(&mut chunk.lock().outbox);
            let outbox = self.route(outbox, table, frame, out);
            chunk.lock().outbox = outbox;
        }
    }

    /// Carries out what an outbox holds, and gives it back empty, with its memory.
    fn route(
        &mut self,
        mut outbox: Outbox,
        table: &GenerationTable,
        frame: BlockFrame,
        out: &mut BlockOutcome,
    ) -> Outbox {
        out.stats.add(&outbox.stats);
        out.replies.append(&mut outbox.replies);
        out.events.append(&mut outbox.events);
        append_logs(out, &mut outbox.logs);
        for letter in outbox.dead.drain(..) {
            self.dead.push(letter);
        }
        let spawns = std::mem::take(&mut outbox.spawns);
        for spawn in &spawns {
            self.spawn(spawn, &outbox.bytes, table, frame, out);
        }
        self.route_sends(&outbox, out);
        for timer in outbox.timers.drain(..) {
            let payload = outbox.bytes[timer.payload].to_vec();
            let set = Timer { engine: timer.engine, schema: timer.schema, payload };
            if !self.timers.set(timer.at, set) {
                let line = "a timer was not set: the node has as many as it may".to_owned();
                append_logs(out, &mut vec![LogLine { engine: timer.engine, level: 1, line }]);
            }
        }
        for notice in outbox.notices.drain(..) {
            self.deliver_notice(&notice, out);
        }
        for stop in outbox.stops.drain(..) {
            self.stop(&stop, table, out);
        }
        outbox.clear();
        outbox
    }

    fn route_sends(&mut self, outbox: &Outbox, out: &mut BlockOutcome) {
        for send in &outbox.sends {
            let letter = Letter {
                sender: Sender::Engine(send.from),
                sequence: send.sequence,
                schema: send.schema,
                codec: Codec::Postcard,
                kind: DeliveryKind::Message,
                ticket: None,
                payload: 0..0,
            };
            self.deliver(send.to, letter, &outbox.bytes[send.payload.clone()], out);
        }
    }

    fn spawn(
        &mut self,
        spawn: &Spawn,
        bytes: &[u8],
        table: &GenerationTable,
        frame: BlockFrame,
        out: &mut BlockOutcome,
    ) {
        let config = (Codec::Postcard, &bytes[spawn.config.clone()]);
        let mut outbox = Outbox::default();
        let what = (spawn.id, spawn.kind, Some(spawn.parent));
        match self.init(table, what, config, frame, &mut outbox) {
            Ok(()) => {
                out.stats.spawned += 1;
                self.route(outbox, table, frame, out);
            }
            Err(error) => {
                let line = error.to_string();
                append_logs(out, &mut vec![LogLine { engine: spawn.parent, level: 1, line }]);
            }
        }
    }

    fn init(
        &mut self,
        table: &GenerationTable,
        (id, kind, parent): (EngineId, KindIndex, Option<EngineId>),
        config: (Codec, &[u8]),
        frame: BlockFrame,
        outbox: &mut Outbox,
    ) -> Result<(), StartError> {
        if self.directory.get(id).is_some() {
            return Err(StartError::Taken { engine: id });
        }
        if self.directory.len() >= ENGINES_MAX {
            return Err(StartError::Full);
        }
        let entry = table
            .get(kind)
            .ok_or_else(|| StartError::UnknownKind { kind: format!("#{}", kind.0) })?;
        let (mut sent, mut children) = (0, 0);
        let mut running = Running {
            outbox,
            table,
            frame,
            id,
            letters: &[],
            sent: &mut sent,
            children: &mut children,
            mark: Mark::UNSET,
            panic: None,
        };
        let instance = entry
            .kind
            .init(id, config, frame, &mut running)
            .map_err(|error| StartError::Init { engine: id, error })?;
        let mut slot = Slot::new(id, kind, parent, instance);
        slot.sent = sent;
        slot.children = children;
        self.place(slot);
        Ok(())
    }

    fn place(&mut self, slot: Slot) {
        let full = |chunk: &SharedChunk| chunk.lock().slots.len() >= CHUNK_ENGINES;
        if self.chunks.last().is_none_or(full) {
            self.chunks.push(Arc::new(Mutex::new(Chunk::default())));
        }
        let chunk = (self.chunks.len() - 1) as u32;
        let mut last = self.chunks[chunk as usize].lock();
        let place = Place { chunk, slot: last.slots.len() as u32 };
        self.directory.insert(slot.id, place);
        last.slots.push(slot);
    }

    fn stop(&mut self, stop: &Stop, table: &GenerationTable, out: &mut BlockOutcome) {
        let Some(place) = self.directory.get(stop.engine) else { return };
        let mut chunk = self.chunks[place.chunk as usize].lock();
        let slot = &mut chunk.slots[place.slot as usize];
        if slot.id != stop.by && slot.parent != Some(stop.by) {
            let line = format!("may not stop `{}`: neither itself nor its child", stop.engine);
            append_logs(out, &mut vec![LogLine { engine: stop.by, level: 2, line }]);
            return;
        }
        if let Some(entry) = table.get(slot.kind) {
            slot.settle(entry, self.height);
            let before = std::mem::replace(&mut slot.state, SlotState::Stopped);
            if let SlotState::Live(instance) = before {
                crate::slot::leak_if_unfit(entry.kind.discard(instance));
            }
        }
    }

    fn deliver_timer(&mut self, timer: Timer, out: &mut BlockOutcome) {
        let letter = Letter {
            sender: Sender::Timer,
            sequence: 0,
            schema: timer.schema,
            codec: Codec::Postcard,
            kind: DeliveryKind::Message,
            ticket: None,
            payload: 0..0,
        };
        self.deliver(timer.engine, letter, &timer.payload, out);
    }

    fn deliver_ingress(&mut self, message: Ingress, out: &mut BlockOutcome) {
        let letter = Letter {
            sender: Sender::Client(message.client),
            sequence: message.sequence,
            schema: SchemaId::default(),
            codec: Codec::Json,
            kind: DeliveryKind::Message,
            ticket: Some(message.ticket),
            payload: 0..0,
        };
        self.deliver(message.engine, letter, &message.payload, out);
    }

    fn deliver_notice(&mut self, notice: &Notice, out: &mut BlockOutcome) {
        let Ok(payload) = postcard::to_allocvec(&(notice.about, notice.reason)) else { return };
        let letter = Letter {
            sender: Sender::Engine(notice.about),
            sequence: 0,
            schema: SchemaId::default(),
            codec: Codec::Postcard,
            kind: DeliveryKind::Undelivered,
            ticket: None,
            payload: 0..0,
        };
        self.deliver(notice.to, letter, &payload, out);
    }

    /// Puts a letter into a mailbox, or tells whoever waits why it cannot.
    fn deliver(&mut self, to: EngineId, letter: Letter, payload: &[u8], out: &mut BlockOutcome) {
        let refused = match self.directory.get(to) {
            None => Some((letter, Undelivered::Unknown)),
            Some(place) => self.put(place, letter, payload),
        };
        if let Some((letter, reason)) = refused {
            self.refuse(to, &letter, payload, reason, out);
        }
    }

    fn put(
        &mut self,
        place: Place,
        mut letter: Letter,
        payload: &[u8],
    ) -> Option<(Letter, Undelivered)> {
        let mut chunk = self.chunks[place.chunk as usize].lock();
        let chunk = &mut *chunk;
        let slot = &mut chunk.slots[place.slot as usize];
        match slot.state {
            SlotState::Live(_) => {}
            SlotState::Poisoned(_) => return Some((letter, Undelivered::Poisoned)),
            SlotState::Stopped => return Some((letter, Undelivered::Stopped)),
        }
        if slot.inbox.len() >= crate::limits::MAILBOX_MESSAGES_MAX {
            return Some((letter, Undelivered::Full));
        }
        let start = chunk.arena.len();
        chunk.arena.extend_from_slice(payload);
        letter.payload = start..chunk.arena.len();
        if slot.inbox.is_empty() {
            if chunk.active.is_empty() {
                self.active.push(place.chunk);
            }
            chunk.active.push(place.slot);
        }
        slot.inbox.push(letter);
        self.waiting += 1;
        None
    }

    fn refuse(
        &mut self,
        to: EngineId,
        letter: &Letter,
        payload: &[u8],
        reason: Undelivered,
        out: &mut BlockOutcome,
    ) {
        let is_message = letter.kind == DeliveryKind::Message;
        match (letter.ticket, letter.sender) {
            (Some(ticket), _) => {
                let outcome = Err(ReplyError::Undelivered { engine: to, reason });
                out.replies.push(Replied { ticket, outcome });
            }
            (None, Sender::Engine(from)) if is_message => {
                self.deliver_notice(&Notice { to: from, about: to, reason }, out);
            }
            (None, sender) => {
                out.stats.dead_letters += 1;
                self.dead.push(DeadLetter { sender, to, reason, payload: payload.to_vec() });
            }
        }
    }
}

fn append_logs(out: &mut BlockOutcome, lines: &mut Vec<LogLine>) {
    let room = LOG_LINES_PER_BLOCK_MAX - out.logs.len().min(LOG_LINES_PER_BLOCK_MAX);
    if lines.len() > room {
        out.stats.log_lines_dropped += (lines.len() - room) as u64;
        lines.truncate(room);
    }
    out.logs.append(lines);
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("height", &self.height)
            .field("generation", &self.shared.table.load().number())
            .field("engines", &self.directory.len())
            .finish_non_exhaustive()
    }
}

/// The generation that a table publishes, for the swap's one store.
impl Shared {
    pub(crate) fn publish(&self, table: Arc<GenerationTable>) -> Generation {
        let number = table.number();
        self.table.store(table);
        number
    }
}
