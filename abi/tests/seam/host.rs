//! The node's side of the seam, which notes each call that it gets.

use crate::engines::module;
use refit_abi::host::{
    Ask, BlockFrame, Bus, HandleContext, Instance, Kind, Services, Spawn, Wanted,
};
use refit_abi::raw::{
    BatchOutcome, BusStatus, CallStatus, Codec, Delivery, DeliveryKind, HostStatus, RawBudget,
};
use refit_abi::schema::SchemaId;
use refit_abi::{ClientId, EngineId, Sender, State, TimerAt, TimerId};

/// The engine that everything here is about.
pub(crate) fn id() -> EngineId {
    EngineId::root("e").unwrap()
}

pub(crate) fn kind(name: &str) -> Kind {
    // Panics are told apart by what the calls give back.
    std::panic::set_hook(Box::new(|_| ()));
    module().kind(name).unwrap()
}

pub(crate) fn started(kind: &Kind, config: &str) -> Instance {
    let config = (Codec::Json, config.as_bytes());
    let mut node = Node::default();
    kind.init(id(), config, BlockFrame::default(), &mut node)
        .unwrap()
}

/// Gives JSON messages as one batch, then an empty batch in the same context.
pub(crate) fn give(kind: &Kind, state: &mut Instance, messages: &[&str]) -> (BatchOutcome, Node) {
    let batch: Vec<_> = messages.iter().map(|text| client(text)).collect();
    let mut node = Node::default();
    let mut context = HandleContext::new(id(), BlockFrame::default(), 0, &mut node);
    let outcome = kind.handle(state, &batch, &mut context).unwrap();
    let nothing = kind.handle(state, &[], &mut context).unwrap();
    assert_eq!(nothing.status, CallStatus::Ok);
    (outcome, node)
}

pub(crate) fn asked(kind: &Kind, state: &Instance, query: &str) -> String {
    let mut out = Vec::new();
    match kind.query(state, Codec::Json, query.as_bytes(), &mut out) {
        Ok(()) => String::from_utf8(out).unwrap(),
        Err(error) => error.to_string(),
    }
}

fn client(text: &str) -> Delivery<'_> {
    Delivery {
        sender: Sender::Client(ClientId::of("c")).into(),
        sequence: 0,
        schema: SchemaId::default(),
        codec: Codec::Json,
        kind: DeliveryKind::Message,
        wants_reply: true,
        payload: text.as_bytes().into(),
    }
}

/// An envelope from one engine to another, with its type's schema.
pub(crate) fn between_engines<T: State>(payload: &[u8], kind: DeliveryKind) -> Delivery<'_> {
    Delivery {
        sender: Sender::Engine(id()).into(),
        schema: T::schema_id(),
        codec: Codec::Postcard,
        wants_reply: false,
        payload: payload.into(),
        kind,
        ..client("")
    }
}

#[derive(Default)]
pub(crate) struct Node {
    pub(crate) said: Vec<String>,
}

impl Node {
    fn note(&mut self, line: String) -> HostStatus {
        self.said.push(line);
        HostStatus::Ok
    }

    pub(crate) fn replies(&self) -> Vec<&str> {
        let reply = |line: &&str| line.starts_with("reply");
        self.said.iter().map(String::as_str).filter(reply).collect()
    }
}

impl Services for Node {
    fn send(&mut self, at: usize, _: EngineId, _: SchemaId, payload: &[u8]) -> HostStatus {
        self.note(format!("send {at} {payload:?}"))
    }

    fn spawn(&mut self, at: usize, wanted: Wanted<'_>) -> Result<EngineId, HostStatus> {
        self.note(format!("spawn {at} {}", wanted.kind));
        Ok(id().child(1))
    }

    fn stop(&mut self, at: usize, engine: EngineId) -> HostStatus {
        self.note(format!("stop {at} {engine}"))
    }

    fn timer(
        &mut self,
        at: usize,
        _: TimerAt,
        _: SchemaId,
        payload: &[u8],
    ) -> Result<TimerId, HostStatus> {
        self.note(format!("timer {at} {payload:?}"));
        Ok(TimerId(5))
    }

    fn cancel_timer(&mut self, at: usize, timer: TimerId) -> HostStatus {
        self.note(format!("cancel {at} {}", timer.0))
    }

    fn budget_left(&self, _: usize) -> RawBudget {
        RawBudget {
            messages: 3,
            ..RawBudget::default()
        }
    }

    fn log(&mut self, level: u8, line: &str) {
        self.note(format!("log {level} {line}"));
    }

    fn emit(&mut self, at: usize, topic: &str, _: &[u8]) -> HostStatus {
        self.note(format!("emit {at} {topic}"))
    }

    fn reply(&mut self, at: usize, status: CallStatus, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        self.note(format!("reply {at} {status:?} {text}"));
    }
}

/// A bus on which one other engine can be asked, through the module that is calling.
pub(crate) struct Neighbour<'a> {
    pub(crate) kind: &'a Kind,
    pub(crate) state: &'a Instance,
    pub(crate) said: Vec<String>,
}

impl<'a> Neighbour<'a> {
    pub(crate) fn new(kind: &'a Kind, state: &'a Instance) -> Self {
        let said = Vec::new();
        Self { kind, state, said }
    }
}

impl Bus for Neighbour<'_> {
    fn cancelled(&self) -> bool {
        false
    }

    fn log(&mut self, _: u8, line: &str) {
        self.said.push(format!("log {line}"));
    }

    fn ask(&mut self, ask: Ask<'_>, out: &mut Vec<u8>) -> BusStatus {
        let Ask { payload, .. } = ask;
        let mut answer = Vec::new();
        let asked = self
            .kind
            .query(self.state, Codec::Postcard, payload, &mut answer);
        if let Err(error) = asked {
            return error.to_bus(out);
        }
        // The answer is a text, which the asker takes as a number.
        let text: String = postcard::from_bytes(&answer).unwrap();
        out.extend(postcard::to_stdvec(&text.parse::<u64>().unwrap()).unwrap());
        BusStatus::Ok
    }

    fn spawn(&mut self, spawn: Spawn<'_>, _: &mut Vec<u8>) -> Result<EngineId, BusStatus> {
        self.said.push(format!("spawn {}", spawn.kind));
        Ok(id().child(2))
    }

    fn retire(&mut self, engine: EngineId) -> BusStatus {
        self.said.push(format!("retire {engine}"));
        BusStatus::Ok
    }

    fn send(&mut self, to: EngineId, _: SchemaId, payload: &[u8]) -> BusStatus {
        self.said.push(format!("send {to} {payload:?}"));
        BusStatus::Ok
    }
}
