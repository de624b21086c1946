//! [`Task`]: some residents' messages of one round, handled by whichever worker claims it. The residents'
//! states are in it for that time; what they do lies in its [`Out`] until the leader takes it up.

use super::{EngineBus, Letter, Out, Shared, When};
use crate::phase::Failure;
use refit_abi::EngineId;
use refit_abi::host::Instance;
use refit_abi::raw::Delivery;
use refit_kernel::{Counters, KindIndex};

/// Some residents' messages of one round.
pub(super) struct Task {
    pub(super) items: Vec<Item>,
    pub(super) out: Out,
}

/// One resident's messages of one round.
pub(super) struct Item {
    pub(super) place: u32,
    pub(super) id: EngineId,
    pub(super) kind: KindIndex,
    pub(super) instance: Option<Instance>,
    pub(super) counters: Counters,
    pub(super) letters: Vec<Letter>,
}

impl Task {
    /// Has the residents handle their messages; `number` is this task's place in its round.
    pub(super) fn work(&mut self, number: usize, shared: &Shared, arena: &[u8]) {
        if !shared.begin(number, &mut self.out.account) {
            return;
        }
        let here = shared.under_way.begin();
        let mut batch: Vec<Delivery<'_>> = Vec::new();
        for item in &mut self.items {
            if shared.is_over(number) {
                return;
            }
            here.at(item.id, item.kind);
            batch.clear();
            batch.extend(item.letters.iter().map(|letter| letter.delivery(arena)));
            let (Some(entry), Some(instance)) = (shared.table.get(item.kind), &mut item.instance)
            else {
                continue;
            };
            let mut bus = EngineBus {
                shared,
                me: item.id,
                kind: item.kind,
                counters: &mut item.counters,
                out: &mut self.out,
                when: When::Round,
            };
            let frame = (item.id, shared.height());
            // `done` is how many were handled, so that the message behind the failure can be named.
            if let Err((done, error)) = entry.kind.on_upgrade(instance, &batch, frame, &mut bus) {
                let engine = item.id;
                let from = item
                    .letters
                    .get(done)
                    .map_or(engine, |letter| letter.signed.from);
                let failure = Failure::Handler {
                    engine,
                    from,
                    error,
                };
                shared.fail(number, failure);
            }
        }
        shared.tell(&mut self.out.account);
    }
}

impl Letter {
    fn delivery<'a>(&self, arena: &'a [u8]) -> Delivery<'a> {
        self.signed.delivery(&arena[self.payload.clone()])
    }
}
