//! What a test has a transition or a handler of upgrade messages do: a script of [`Op`]s, and the part
//! of all states that runs it and writes down what happened.

use crate::bus::kinds::{Fixed, Fresh, Leaf};
use refit_abi::{
    BusError, Context, Deserialize, EngineId, Fault, Height, Sender, Serialize, State, TimerAt,
    UpgradeBus,
};
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that no engine is started with.
pub(crate) const UNBORN: u64 = 1_000_000_078;

/// A total that no check passes.
pub(crate) const CHECK: u64 = 1_000_000_077;

/// One thing to do on the bus.
#[derive(Clone, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) enum Op {
    /// Writes a log line.
    Log(String),
    /// Writes a number down.
    Note(u64),
    /// Replaces the total.
    Set(u64),
    /// Sends an upgrade message: a script for the receiver.
    Send { to: EngineId, script: Vec<Op> },
    /// Sends an ordinary message, `Add`.
    Say { to: EngineId, number: u64 },
    /// Sends a message of a schema that nobody takes.
    Mutter { to: EngineId },
    /// Reads old state.
    Read(EngineId),
    /// Reads old state into a type of its own with the same name and fields as the answer's.
    Mirror(EngineId),
    /// Reads old state with a query of another schema.
    Misread(EngineId),
    /// Asks new state.
    Query(EngineId),
    /// Starts an engine.
    Spawn {
        kind: Born,
        name: Option<String>,
        birth: Birth,
    },
    /// Retires an engine.
    Retire(EngineId),
    /// Does it, and goes on whatever comes of it.
    Try(Box<Op>),
    /// Does it so often.
    Repeat(u64, Box<Op>),
    /// Sends an upgrade message that comes back until `left` is zero.
    Pass { to: EngineId, left: u64 },
    /// Returns a fault.
    Fail,
    /// Panics.
    Panic,
    /// Waits until the upgrade is cancelled; gives up after [`PATIENCE`] looks.
    AwaitCancel,
}

/// How often [`Op::AwaitCancel`] saw the flag and was refused by the bus.
pub(crate) static CANCELS_SEEN: AtomicU64 = AtomicU64::new(0);

/// Looks at the cancel flag before giving up.
const PATIENCE: u64 = 2_000_000_000;

/// The kind of an engine that is started on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) enum Born {
    /// New, handles upgrade messages.
    Fresh,
    /// New, handles none.
    Leaf,
    /// Of a kind that the upgrade does not touch.
    Fixed,
}

/// What an engine is started with.
#[derive(Clone, Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Birth {
    /// Its first total.
    pub(crate) number: u64,
    /// Its `init` sends `Add(number)` there, sets a timer for the second height on, emits, logs, and
    /// starts a leaf.
    pub(crate) effects: Option<EngineId>,
    /// Its `init` refuses.
    pub(crate) refuses: bool,
}

/// The upgrade message of every kind that takes one.
#[derive(Clone, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Script(pub(crate) Vec<Op>);

/// A message that no kind takes.
#[derive(Clone, Debug, State, Serialize, Deserialize)]
pub(crate) struct Mutter(u64);

/// The ordinary message.
#[derive(Clone, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) enum Message {
    /// Adds to the total.
    Add(u64),
    /// Sets what the next transition does.
    Plan(Vec<Op>),
    /// Has another engine add, `times` times.
    Forward {
        to: EngineId,
        number: u64,
        times: u64,
    },
    /// Sets a timer.
    Wake(Height),
    /// The timer: adds a thousand.
    Woken,
    /// Starts a child of kind `fixed`, which it may always do if it is one.
    Bear,
    /// Stops itself.
    Stop,
    /// Panics.
    Panic,
}

/// What a message or query is answered with.
#[derive(Clone, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Told {
    /// The version of the code.
    pub(crate) code: u32,
    /// The total.
    pub(crate) total: u64,
    /// What happened.
    pub(crate) trail: Vec<String>,
}

/// As [`Told`], written by who asks.
#[derive(Debug, State, Serialize, Deserialize)]
#[state(name = "Told")]
struct Mirror {
    code: u32,
    total: u64,
    trail: Vec<String>,
}

/// What all states have.
#[derive(Clone, Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Core {
    pub(crate) total: u64,
    pub(crate) trail: Vec<String>,
    pub(crate) plan: Vec<Op>,
}

impl Core {
    pub(crate) fn born(birth: Birth, ctx: &mut Context<'_>) -> Result<Self, Fault> {
        if birth.refuses || birth.number == UNBORN {
            return Err(Fault::new("unborn", "this configuration is refused"));
        }
        if let Some(to) = birth.effects {
            ctx.send(to, &Message::Add(birth.number))?;
            ctx.set_timer(TimerAt::Height(Height(ctx.height().0 + 2)), &Message::Woken)?;
            ctx.emit("born", &birth.number)?;
            ctx.log(refit_abi::Level::Info, "born");
            let child = Birth {
                number: birth.number + 1,
                ..Birth::default()
            };
            ctx.spawn::<Leaf>(&child)?;
        }
        Ok(Self {
            total: birth.number,
            ..Self::default()
        })
    }

    pub(crate) fn handle(
        &mut self,
        code: u32,
        ctx: &mut Context<'_>,
        sender: Sender,
        message: Message,
    ) -> Result<Told, Fault> {
        match message {
            Message::Add(number) => {
                self.total += number;
                let from = match sender {
                    Sender::Engine(id) => id.to_string(),
                    Sender::Client(_) => "client".to_owned(),
                    Sender::Timer => "timer".to_owned(),
                };
                self.trail.push(format!("{code}: {from} adds {number}"));
            }
            Message::Plan(plan) => self.plan = plan,
            Message::Forward { to, number, times } => {
                for time in 0..times {
                    ctx.send(to, &Message::Add(number + time))?;
                }
            }
            Message::Wake(height) => {
                ctx.set_timer(TimerAt::Height(height), &Message::Woken)?;
            }
            Message::Woken => self.total += 1_000,
            Message::Bear => {
                ctx.spawn::<Fixed>(&Birth::default())?;
            }
            Message::Stop => ctx.stop(ctx.id())?,
            Message::Panic => panic!("told to"),
        }
        Ok(self.told(code))
    }

    pub(crate) fn told(&self, code: u32) -> Told {
        Told {
            code,
            total: self.total,
            trail: self.trail.clone(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Fault> {
        match self.total {
            CHECK => Err(Fault::new("does-not-hold", "this total passes no check")),
            _ => Ok(()),
        }
    }

    /// The new core: the old one after its plan, which is done then.
    pub(crate) fn cross(&self, bus: &mut UpgradeBus<'_>) -> Result<Self, Fault> {
        let mut new = self.clone();
        for op in std::mem::take(&mut new.plan) {
            new.run(&op, bus)?;
        }
        Ok(new)
    }

    pub(crate) fn hear(
        &mut self,
        bus: &mut UpgradeBus<'_>,
        sender: EngineId,
        script: Script,
    ) -> Result<(), Fault> {
        self.trail.push(format!("script of {sender}"));
        script.0.iter().try_for_each(|op| self.run(op, bus))
    }

    fn run(&mut self, op: &Op, bus: &mut UpgradeBus<'_>) -> Result<(), Fault> {
        match op {
            Op::Log(line) => bus.log(line),
            Op::Note(number) => self.trail.push(number.to_string()),
            Op::Set(total) => self.total = *total,
            Op::Send { to, script } => bus.send(*to, &Script(script.clone()))?,
            Op::Say { to, number } => bus.send(*to, &Message::Add(*number))?,
            Op::Mutter { to } => bus.send(*to, &Mutter(1))?,
            Op::Read(engine) => {
                let told: Told = bus.read(*engine, &())?;
                self.trail
                    .push(format!("old {engine}: {} {}", told.code, told.total));
            }
            Op::Mirror(engine) => {
                let told: Mirror = bus.read(*engine, &())?;
                self.trail.push(format!("mirrored {}", told.total));
            }
            Op::Misread(engine) => {
                let _: u64 = bus.read(*engine, &7_u64)?;
            }
            Op::Query(engine) => {
                let told: Told = bus.query(*engine, &())?;
                self.trail
                    .push(format!("new {engine}: {} {}", told.code, told.total));
            }
            Op::Spawn { kind, name, birth } => {
                let id = spawn(bus, *kind, name.as_deref(), birth)?;
                self.trail.push(format!("started {id}"));
            }
            Op::Retire(engine) => bus.retire(*engine)?,
            Op::Try(op) => {
                if let Err(fault) = self.run(op, bus) {
                    self.trail.push(fault.code);
                }
            }
            Op::Repeat(times, op) => (0..*times).try_for_each(|_| self.run(op, bus))?,
            Op::Pass { left: 0, .. } => {}
            Op::Pass { to, left } => {
                let (to, left, back) = (*to, left - 1, bus.id());
                bus.send(to, &Script(vec![Op::Pass { to: back, left }]))?;
            }
            Op::Fail => return Err(Fault::new("unlucky", "told to fail")),
            Op::Panic => panic!("told to"),
            Op::AwaitCancel => {
                let seen = (0..PATIENCE).any(|_| bus.is_cancelled());
                let refused = bus.send(bus.id(), &Mutter(1));
                if seen && refused == Err(BusError::Cancelled) {
                    CANCELS_SEEN.fetch_add(1, Ordering::SeqCst);
                }
                return Err(Fault::new("waited", "for the upgrade to be cancelled"));
            }
        }
        Ok(())
    }
}

fn spawn(
    bus: &mut UpgradeBus<'_>,
    kind: Born,
    name: Option<&str>,
    birth: &Birth,
) -> Result<EngineId, BusError> {
    match (kind, name) {
        (Born::Fresh, None) => bus.spawn::<Fresh>(birth),
        (Born::Fresh, Some(name)) => bus.spawn_named::<Fresh>(name, birth),
        (Born::Leaf, None) => bus.spawn::<Leaf>(birth),
        (Born::Leaf, Some(name)) => bus.spawn_named::<Leaf>(name, birth),
        (Born::Fixed, None) => bus.spawn::<Fixed>(birth),
        (Born::Fixed, Some(name)) => bus.spawn_named::<Fixed>(name, birth),
    }
}

/// Upgrade message.
pub(crate) fn send(to: EngineId, script: Vec<Op>) -> Op {
    Op::Send { to, script }
}

/// Ordinary message.
pub(crate) fn say(to: EngineId, number: u64) -> Op {
    Op::Say { to, number }
}

/// Goes on whatever comes of it.
pub(crate) fn attempt(op: Op) -> Op {
    Op::Try(Box::new(op))
}

/// Starts a child with nothing special.
pub(crate) fn bear(kind: Born, number: u64) -> Op {
    let birth = Birth {
        number,
        ..Birth::default()
    };
    Op::Spawn {
        kind,
        name: None,
        birth,
    }
}

/// Starts an engine under a name.
pub(crate) fn bear_named(kind: Born, name: &str) -> Op {
    Op::Spawn {
        kind,
        name: Some(name.to_owned()),
        birth: Birth::default(),
    }
}
