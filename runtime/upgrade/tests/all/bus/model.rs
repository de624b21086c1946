//! The whole node as a model: blocks and upgrades in the fewest words, with no threads, no bytes and
//! nothing that is unwound: what an upgrade does is done on a copy.

use crate::bus::kinds::id;
use crate::bus::model_bus::Upgrade;
use crate::bus::ops::{Birth, Core, Message};
use crate::bus::scripts::{kind_of, peer};
use refit_abi::{EngineId, Height, Undelivered};
use std::collections::{BTreeMap, BTreeSet};

/// A kind.
pub(crate) type Kind = &'static str;

/// The node.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) height: u64,
    /// The version of each kind's code.
    pub(crate) code: BTreeMap<Kind, u32>,
    pub(crate) engines: Vec<Engine>,
    /// Names of engines that have stopped.
    pub(crate) ended: BTreeSet<EngineId>,
    /// Who is woken at which height, in the order they asked.
    pub(crate) timers: BTreeMap<u64, Vec<EngineId>>,
    pub(crate) dead: u64,
    /// Whether the last upgrade was committed.
    pub(crate) committed: bool,
}

/// One engine.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(crate) id: EngineId,
    pub(crate) kind: Kind,
    pub(crate) parent: Option<EngineId>,
    pub(crate) birth: Birth,
    pub(crate) core: Core,
    pub(crate) notes: Vec<String>,
    /// Its place is empty, until the end of the round.
    pub(crate) stopped: bool,
    pub(crate) sent: u64,
    pub(crate) children: u64,
    pub(crate) inbox: Vec<Mail>,
}

/// What waits in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mail {
    Client(Message),
    Engine(EngineId, u64),
    Timer,
    Notice(EngineId, Undelivered),
}

/// What the engines did in one round.
#[derive(Default)]
struct Outputs {
    spawns: Vec<Engine>,
    sends: Vec<(EngineId, Kind, EngineId, u64)>,
    timers: Vec<(u64, EngineId)>,
    notices: Vec<(EngineId, EngineId, Undelivered)>,
    stops: Vec<EngineId>,
}

impl Engine {
    pub(crate) fn new(id: EngineId, kind: Kind, parent: Option<EngineId>, birth: Birth) -> Self {
        let core = Core {
            total: birth.number,
            ..Core::default()
        };
        Self {
            id,
            kind,
            parent,
            birth,
            core,
            notes: Vec::new(),
            stopped: false,
            sent: 0,
            children: 0,
            inbox: Vec::new(),
        }
    }

    /// The state's bytes under a version of its code.
    fn bytes(&self, code: u32) -> Vec<u8> {
        let tracked = 3_u64;
        let bytes = match (self.kind, code) {
            ("alpha" | "beta" | "stray", 2..) | ("fresh" | "leaf", _) => {
                postcard::to_allocvec(&(&self.core, tracked))
            }
            ("plain", 2..) => postcard::to_allocvec(&(&self.core, &self.notes)),
            _ => postcard::to_allocvec(&self.core),
        };
        bytes.unwrap()
    }
}

/// Whether engines of one kind may message, start and ask those of another.
pub(crate) fn may(kind: Kind, other: Kind) -> bool {
    kind != "stray" || other == "stray"
}

impl Model {
    /// As [`World::start`](crate::bus::world::World::start) with as many of the kinds in turn.
    pub(crate) fn start(engines: u64) -> Self {
        let birth = |number| Birth {
            number,
            ..Birth::default()
        };
        let engine = |number| Engine::new(peer(number), kind_of(number), None, birth(number));
        Self {
            height: 0,
            code: crate::bus::scripts::KINDS.map(|kind| (kind, 1)).into(),
            engines: (0..engines).map(engine).collect(),
            ended: BTreeSet::new(),
            timers: BTreeMap::new(),
            dead: 0,
            committed: false,
        }
    }

    /// States of those that serve, as bytes.
    pub(crate) fn states(&self) -> Vec<(EngineId, Vec<u8>)> {
        let engines = self.engines.iter();
        engines
            .map(|engine| (engine.id, engine.bytes(self.code[engine.kind])))
            .collect()
    }

    /// Values that are counted as long as they live.
    pub(crate) fn tracked(&self) -> i64 {
        let has = |engine: &&Engine| match engine.kind {
            "alpha" | "beta" | "stray" => self.code[engine.kind] > 1,
            kind => ["fresh", "leaf"].contains(&kind),
        };
        self.engines.iter().filter(has).count() as i64
    }

    pub(crate) fn place(&self, id: EngineId) -> Option<usize> {
        let is_it = |engine: &Engine| engine.id == id && !engine.stopped;
        self.engines.iter().position(is_it)
    }

    /// Why one that is not there is not.
    pub(crate) fn absence(&self, id: EngineId) -> Undelivered {
        match self.ended.contains(&id) {
            true => Undelivered::Stopped,
            false => Undelivered::Unknown,
        }
    }

    /// As of an engine that ends, or starts afresh.
    pub(crate) fn drop_timers(&mut self, id: EngineId) {
        self.timers.retain(|_, whose| {
            whose.retain(|engine| *engine != id);
            !whose.is_empty()
        });
    }

    /// Its timers go with it, and what waits for it comes back.
    pub(crate) fn end(&mut self, id: EngineId) {
        let Some(place) = self.place(id) else {
            return;
        };
        self.engines[place].stopped = true;
        let mail = std::mem::take(&mut self.engines[place].inbox);
        self.ended.extend(id.name().map(|_| id));
        self.drop_timers(id);
        for letter in mail {
            match letter {
                Mail::Client(_) => {}
                Mail::Engine(from, _) => self.post(from, Mail::Notice(id, Undelivered::Stopped)),
                Mail::Timer | Mail::Notice(..) => self.dead += 1,
            }
        }
    }

    /// The places of those that have stopped go to those that lie last.
    pub(crate) fn close_gaps(&mut self) {
        while let Some(gap) = self.engines.iter().position(|engine| engine.stopped) {
            self.engines.swap_remove(gap);
        }
    }

    pub(crate) fn backlog(&self) -> usize {
        self.engines.iter().map(|engine| engine.inbox.len()).sum()
    }

    /// One block of messages to engines that exist.
    pub(crate) fn block(&mut self, messages: &[(EngineId, Message)], budget: u64) {
        self.height += 1;
        let later = self.timers.split_off(&(self.height + 1));
        for engine in std::mem::replace(&mut self.timers, later)
            .into_values()
            .flatten()
        {
            self.post(engine, Mail::Timer);
        }
        for (to, message) in messages {
            self.post(*to, Mail::Client(message.clone()));
        }
        let mut handled = 0;
        while self.backlog() > 0 && handled < budget {
            let quota = self.quota(budget - handled);
            handled += self.round(quota);
        }
    }

    /// How many letters each engine gets: all, or its part of what the block may still handle.
    fn quota(&self, left: u64) -> usize {
        let with_mail = self
            .engines
            .iter()
            .filter(|engine| !engine.inbox.is_empty());
        match self.backlog() as u64 <= left {
            true => usize::MAX,
            false => (left as usize / with_mail.count()).max(1),
        }
    }

    fn round(&mut self, quota: usize) -> u64 {
        let mut handled = 0;
        let mut out = Outputs::default();
        for place in 0..self.engines.len() {
            let inbox = &mut self.engines[place].inbox;
            let mail: Vec<_> = inbox.drain(..inbox.len().min(quota)).collect();
            if mail.is_empty() {
                continue;
            }
            handled += mail.len() as u64;
            let (code, height) = (self.code[self.engines[place].kind], self.height);
            for letter in mail {
                self.engines[place].handle(letter, code, height, &mut out);
            }
        }
        self.carry_out(out);
        self.close_gaps();
        handled
    }

    fn carry_out(&mut self, out: Outputs) {
        self.engines.extend(out.spawns);
        for (from, kind, to, number) in out.sends {
            let refused = match self.place(to).map(|place| &self.engines[place]) {
                None => Some(self.absence(to)),
                Some(engine) if !may(kind, engine.kind) => Some(Undelivered::Forbidden),
                Some(_) => None,
            };
            match refused {
                None => self.post(to, Mail::Engine(from, number)),
                Some(reason) => self.post(from, Mail::Notice(to, reason)),
            }
        }
        for (height, engine) in out.timers {
            self.timers.entry(height).or_default().push(engine);
        }
        for (to, about, reason) in out.notices {
            self.post(to, Mail::Notice(about, reason));
        }
        for engine in out.stops {
            self.end(engine);
        }
    }

    /// To one that has stopped nothing goes but what somebody must learn of.
    fn post(&mut self, to: EngineId, mail: Mail) {
        match (self.place(to), &mail) {
            (Some(place), _) => self.engines[place].inbox.push(mail),
            (None, Mail::Timer | Mail::Notice(..)) => self.dead += 1,
            (None, _) => {}
        }
    }

    /// To these versions of these kinds, some of them afresh; nothing changes if it fails or `withdrawn`.
    pub(crate) fn upgrade(
        &mut self,
        release: &[(Kind, u32)],
        restart: &BTreeSet<Kind>,
        withdrawn: bool,
    ) {
        let new = Upgrade::run(self, release, restart);
        let new = new.filter(|_| !withdrawn);
        let committed = new.is_some();
        *self = new.unwrap_or_else(|| self.clone());
        self.committed = committed;
    }

    /// A named root engine, for [`Upgrade`].
    pub(crate) fn named(name: &str) -> EngineId {
        id(name)
    }
}

impl Engine {
    fn handle(&mut self, letter: Mail, code: u32, height: u64, out: &mut Outputs) {
        let add = |core: &mut Core, from: &str, number: u64| {
            core.total += number;
            core.trail.push(format!("{code}: {from} adds {number}"));
        };
        match letter {
            Mail::Timer => self.core.total += 1_000,
            Mail::Notice(about, reason) => {
                self.core.trail.push(format!("not to {about}: {reason:?}"));
            }
            Mail::Engine(from, number) => add(&mut self.core, &from.to_string(), number),
            Mail::Client(Message::Add(number)) => add(&mut self.core, "client", number),
            Mail::Client(Message::Plan(plan)) => self.core.plan = plan,
            Mail::Client(Message::Forward { to, number, times }) => {
                let send = |time| (self.id, self.kind, to, number + time);
                out.sends.extend((0..times).map(send));
                self.sent += times;
            }
            Mail::Client(Message::Wake(Height(at))) if at > height => {
                out.timers.push((at, self.id))
            }
            Mail::Client(Message::Wake(_)) => {}
            Mail::Client(Message::Bear) if may(self.kind, "fixed") => {
                let child = self.id.child(self.children);
                self.children += 1;
                out.spawns
                    .push(Engine::new(child, "fixed", Some(self.id), Birth::default()));
            }
            Mail::Client(Message::Bear) => {}
            Mail::Client(Message::Stop) => out.stops.push(self.id),
            Mail::Client(other) => panic!("{other:?} is not modelled"),
        }
    }
}
