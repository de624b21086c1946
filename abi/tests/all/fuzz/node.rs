//! The node's side of the seam, which keeps the last of what it gets.

use crate::fuzz::echo::module;
use refit_abi::host::{BlockFrame, Bus, HandleContext, Instance, Kind, Services, Wanted};
use refit_abi::raw::{BusStatus, CallStatus, Codec, Delivery, DeliveryKind, HostStatus, RawBudget};
use refit_abi::schema::SchemaId;
use refit_abi::{ClientId, EngineId, Sender, TimerAt, TimerId};

/// The engine that everything here is about.
pub(crate) fn id() -> EngineId {
    EngineId::root("e").unwrap()
}

pub(crate) fn kind() -> Kind {
    module().kind("echo").unwrap()
}

pub(crate) fn started(kind: &Kind) -> Instance {
    let config = (Codec::Json, br#""Nothing""#.as_slice());
    kind.init(id(), config, BlockFrame::default(), &mut Node::default())
        .unwrap()
}

/// Bytes on their way to an engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) codec: Codec,
    pub(crate) schema: SchemaId,
    pub(crate) kind: DeliveryKind,
    pub(crate) wants_reply: bool,
    pub(crate) payload: &'a [u8],
}

impl<'a> Envelope<'a> {
    pub(crate) fn delivery(self) -> Delivery<'a> {
        let sender = match self.codec {
            Codec::Json => Sender::Client(ClientId::of("c")),
            Codec::Postcard => Sender::Engine(id()),
        };
        Delivery {
            sender: sender.into(),
            sequence: 0,
            schema: self.schema,
            codec: self.codec,
            kind: self.kind,
            wants_reply: self.wants_reply,
            payload: self.payload.into(),
        }
    }
}

/// Gives an envelope to an engine.
pub(crate) fn give(kind: &Kind, state: &mut Instance, envelope: Envelope<'_>) -> Node {
    let mut node = Node::default();
    let mut context = HandleContext::new(id(), BlockFrame::default(), 0, &mut node);
    let outcome = kind
        .handle(state, &[envelope.delivery()], &mut context)
        .unwrap();
    assert_eq!(
        (outcome.status, outcome.done),
        (CallStatus::Ok, 1),
        "{envelope:?}"
    );
    node
}

#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) reply: Option<(CallStatus, Vec<u8>)>,
    pub(crate) sent: Option<Vec<u8>>,
    pub(crate) logged: u64,
}

impl Services for Node {
    fn send(&mut self, _: usize, _: EngineId, _: SchemaId, payload: &[u8]) -> HostStatus {
        self.sent = Some(payload.to_vec());
        HostStatus::Ok
    }

    fn spawn(&mut self, _: usize, _: Wanted<'_>) -> Result<EngineId, HostStatus> {
        Err(HostStatus::Unknown)
    }

    fn stop(&mut self, _: usize, _: EngineId) -> HostStatus {
        HostStatus::Unknown
    }

    fn timer(
        &mut self,
        _: usize,
        _: TimerAt,
        _: SchemaId,
        _: &[u8],
    ) -> Result<TimerId, HostStatus> {
        Err(HostStatus::Budget)
    }

    fn cancel_timer(&mut self, _: usize, _: TimerId) -> HostStatus {
        HostStatus::Unknown
    }

    fn budget_left(&self, _: usize) -> RawBudget {
        RawBudget::default()
    }

    fn log(&mut self, _: u8, _: &str) {
        self.logged += 1;
    }

    fn emit(&mut self, _: usize, _: &str, _: &[u8]) -> HostStatus {
        HostStatus::Ok
    }

    fn reply(&mut self, _: usize, status: CallStatus, bytes: &[u8]) {
        self.reply = Some((status, bytes.to_vec()));
    }
}

/// A bus that keeps the last letter.
#[derive(Debug, Default)]
pub(crate) struct Post {
    pub(crate) sent: Option<Vec<u8>>,
}

impl Bus for Post {
    fn cancelled(&self) -> bool {
        false
    }

    fn log(&mut self, _: u8, _: &str) {}

    fn send(&mut self, _: EngineId, _: SchemaId, payload: &[u8]) -> BusStatus {
        self.sent = Some(payload.to_vec());
        BusStatus::Ok
    }
}
