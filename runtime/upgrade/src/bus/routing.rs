//! [`Router`]: where a message that was sent on the bus goes: to a resident that handles it in the next round, or, as
//! an ordinary message, first into a mailbox after the commit. What can go nowhere aborts the upgrade.

use super::{Home, Letter, Out, Outgoing, Residents, Shared};
use crate::phase::{Failure, MessageFault};
use refit_abi::EngineId;
use refit_abi::descriptor::Ability;
use refit_abi::schema::SchemaId;
use refit_kernel::{FirstMessage, IdMap, KindIndex};
use std::sync::Arc;

/// The messages of one upgrade that wait, on the bus or for the commit.
pub(super) struct Router {
    shared: Arc<Shared>,
    /// Payloads of the messages that wait for the next round.
    pub(super) arena: Vec<u8>,
    /// Residents with such messages.
    pub(super) active: Vec<u32>,
    /// How many such messages there are.
    pub(super) waiting: usize,
    /// For each engine that gets ordinary messages.
    mailed: IdMap<Mailed>,
    /// Engines of the old generation that end with the commit.
    pub(super) retired: Vec<EngineId>,
    /// Ordinary messages, in order.
    pub(super) later: Vec<FirstMessage>,
}

/// The ordinary messages to one engine.
#[derive(Clone, Copy, Debug)]
struct Mailed {
    /// The sender of the first.
    first: EngineId,
    count: usize,
}

impl Router {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            arena: Vec::new(),
            active: Vec::new(),
            waiting: 0,
            mailed: IdMap::default(),
            retired: Vec::new(),
            later: Vec::new(),
        }
    }

    /// Routes all that was sent, in order.
    pub(super) fn route_all(&mut self, residents: &mut Residents, outs: &[Out]) {
        for out in outs {
            for sent in &out.sends {
                self.route(residents, sent, &out.bytes[sent.payload.clone()]);
            }
        }
    }

    /// Takes no more messages for an engine; one that was routed to its mailbox already is a failure.
    pub(super) fn retire(&mut self, residents: &mut Residents, engine: EngineId) {
        if let Some(Mailed { first: from, .. }) = self.mailed.get(engine) {
            let (to, reason) = (engine, MessageFault::Retired);
            self.shared
                .fail_between(Failure::Message { from, to, reason });
        }
        let is_first = residents.retire(engine);
        let resident = residents.get(engine);
        // One that was started on the bus just vanishes; only engines of the old generation are ended by the
        // commit.
        let is_new = resident.is_some_and(|resident| matches!(resident.home, Home::New(_)));
        if is_first && !is_new {
            self.retired.push(engine);
        }
    }

    fn route(&mut self, residents: &mut Residents, sent: &Outgoing, payload: &[u8]) {
        let outcome = match residents.find(sent.to) {
            Some(place) => self.deliver_here(residents, place, sent, payload),
            None if residents.is_gone(sent.to) => Err(MessageFault::Retired),
            None => self.deliver_elsewhere(sent, payload),
        };
        if let Err(reason) = outcome {
            let (from, to) = (sent.signed.from, sent.to);
            self.shared
                .fail_between(Failure::Message { from, to, reason });
        }
    }

    fn deliver_here(
        &mut self,
        residents: &mut Residents,
        place: u32,
        sent: &Outgoing,
        payload: &[u8],
    ) -> Result<(), MessageFault> {
        let is_gone = residents.is_gone(sent.to);
        let resident = &mut residents.all[place as usize];
        // The grants come first: who may not message a kind does not learn from the answer whether an engine is
        // gone.
        if is_gone {
            self.may_message(sent, resident.kind)?;
            return Err(MessageFault::Retired);
        }
        let Some(handles) = resident.handles else {
            return self.ordinary(resident.kind, sent, payload);
        };
        self.may_message(sent, resident.kind)?;
        if handles != sent.signed.schema {
            let (found, takes) = (sent.signed.schema, handles);
            return Err(MessageFault::Schema { found, takes });
        }
        let start = self.arena.len();
        self.arena.extend_from_slice(payload);
        if resident.mailbox.is_empty() {
            self.active.push(place);
        }
        resident.mailbox.push(Letter {
            signed: sent.signed,
            payload: start..self.arena.len(),
        });
        self.waiting += 1;
        Ok(())
    }

    /// To an engine that does not live on the bus: it is carried, adopted, takes no upgrade messages, or
    /// cannot be reached at all.
    fn deliver_elsewhere(&mut self, sent: &Outgoing, payload: &[u8]) -> Result<(), MessageFault> {
        let look = self.shared.view.with(sent.to, |slot| {
            let serves = slot.instance().is_some();
            (slot.kind(), serves, slot.is_elsewhere())
        });
        match look {
            None if self.shared.view.has_ended(sent.to) => Err(MessageFault::Retired),
            None => Err(MessageFault::Unknown),
            Some((kind, false, is_elsewhere)) if self.handles(kind) == Some(sent.signed.schema) => {
                // In a rehearsal that has not copied its state nobody knows whether it serves: in the node this may
                // be an ordinary message.
                if is_elsewhere {
                    self.shared.under_way.miss();
                }
                Err(MessageFault::Poisoned)
            }
            Some((kind, ..)) => self.ordinary(kind, sent, payload),
        }
    }

    /// The upgrade messages that a kind handles.
    pub(super) fn handles(&self, kind: KindIndex) -> Option<SchemaId> {
        self.shared
            .table
            .get(kind)?
            .kind
            .descriptor()
            .upgrade_message
    }

    fn ordinary(
        &mut self,
        kind: KindIndex,
        sent: &Outgoing,
        payload: &[u8],
    ) -> Result<(), MessageFault> {
        self.may_message(sent, kind)?;
        let entry = self.shared.table.get(kind).ok_or(MessageFault::Unknown)?;
        let descriptor = entry.kind.descriptor();
        if !descriptor.accepts(sent.signed.schema) {
            let (found, takes) = (sent.signed.schema, descriptor.message);
            return Err(MessageFault::Schema { found, takes });
        }
        let none = Mailed {
            first: sent.signed.from,
            count: 0,
        };
        let Mailed { first, count } = self.mailed.get(sent.to).unwrap_or(none);
        // With those that wait there already: after the commit a mailbox may not be fuller than it may be.
        let waiting = self.shared.view.with(sent.to, |slot| slot.mailbox());
        if waiting.unwrap_or(0) + count >= self.shared.view.parameters().mailbox.messages {
            return Err(MessageFault::Full);
        }
        let count = count + 1;
        self.mailed.insert(sent.to, Mailed { first, count });
        self.later.push(FirstMessage {
            to: sent.to,
            signed: sent.signed,
            payload: payload.to_vec(),
        });
        Ok(())
    }

    fn may_message(&self, sent: &Outgoing, kind: KindIndex) -> Result<(), MessageFault> {
        if self.shared.table.may(sent.kind, Ability::Message, kind) {
            Ok(())
        } else {
            Err(MessageFault::Forbidden)
        }
    }
}
