//! Blocks and the messages in them.

use crate::address::Address;
use crate::codec;
use crate::testkit::Testkit;
use refit_abi::raw::Codec;
use refit_abi::{Engine, EngineId, Fault, Height};
use refit_kernel::{BlockInput, Ingress, ReplyError};

/// Messages that one block of a test may handle: two engines that answer each other without end are
/// found out.
const BLOCK_MESSAGES_MAX: u64 = 10_000_000;

impl Testkit {
    /// Sends a message as a client does, as JSON, in a block of its own; gives the reply.
    ///
    /// If the reply is a fault and the engine handled nothing else in that block, its state must be what
    /// it was before.
    ///
    /// # Errors
    /// [`ReplyError`]: the engine's fault, or why it did not handle the message.
    ///
    /// # Panics
    /// If the engine broke a promise: a fault that changed the state, a `check` or an invariant that
    /// does not hold. Or if `E` is not the engine's type.
    #[track_caller]
    pub fn send<E: Engine>(
        &mut self,
        to: impl Address,
        message: &E::Message,
    ) -> Result<E::Reply, ReplyError> {
        let reply = self.exchange(to.id(), codec::to_json(message))?;
        Ok(codec::from_json(&reply))
    }

    /// As [`Testkit::send`], in a client's own words: for clients of an older version too.
    ///
    /// # Errors
    /// As [`Testkit::send`].
    ///
    /// # Panics
    /// As [`Testkit::send`].
    #[track_caller]
    pub fn send_json(&mut self, to: impl Address, message: &str) -> Result<String, ReplyError> {
        let reply = self.exchange(to.id(), message.as_bytes().to_vec())?;
        Ok(String::from_utf8_lossy(&reply).into_owned())
    }

    /// As [`Testkit::send`], of a message that the engine must answer with a fault and leave its state
    /// unchanged.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn send_fault<E: Engine>(&mut self, to: impl Address, message: &E::Message) -> Fault {
        let to = to.id();
        let before = self.state_bytes(to);
        match self.exchange(to, codec::to_json(message)) {
            Err(ReplyError::Fault(fault)) => {
                let same = self.state_bytes(to) == before;
                assert!(same, "{}", crate::unchanged::complaint(to, &fault));
                fault
            }
            Err(other) => panic!("expected a fault of `{to}`, and there was no reply: {other}"),
            Ok(reply) => panic!(
                "expected a fault of `{to}`, and it replied {}",
                String::from_utf8_lossy(&reply)
            ),
        }
    }

    /// Puts a message into the engine's mailbox, in a block that handles nothing. It is handled in the
    /// next block; an upgrade before that finds it waiting. Gives the ticket for [`Testkit::reply`].
    #[track_caller]
    pub fn post<E: Engine>(&mut self, to: impl Address, message: &E::Message) -> u64 {
        self.post_bytes(to.id(), codec::to_json(message))
    }

    /// As [`Testkit::post`], in a client's own words.
    #[track_caller]
    pub fn post_json(&mut self, to: impl Address, message: &str) -> u64 {
        self.post_bytes(to.id(), message.as_bytes().to_vec())
    }

    /// The reply to a posted message, once it was handled.
    ///
    /// # Panics
    /// If the reply is not one of `E`.
    #[track_caller]
    pub fn reply<E: Engine>(&self, ticket: u64) -> Option<Result<E::Reply, ReplyError>> {
        let outcome = self.effects.replies.get(&ticket)?;
        Some(match outcome {
            Ok(reply) => Ok(codec::from_json(reply)),
            Err(error) => Err(error.clone()),
        })
    }

    /// Executes blocks without new messages: what waits is handled, and timers that are due fire.
    #[track_caller]
    pub fn advance(&mut self, blocks: u64) {
        for _ in 0..blocks {
            self.execute(Vec::new(), BLOCK_MESSAGES_MAX);
        }
    }

    /// Executes blocks until `height` is the newest.
    #[track_caller]
    pub fn advance_to(&mut self, height: Height) {
        while self.height() < height {
            self.advance(1);
        }
    }

    #[track_caller]
    fn exchange(&mut self, to: EngineId, payload: Vec<u8>) -> Result<Vec<u8>, ReplyError> {
        let ticket = self.offer((to, payload), BLOCK_MESSAGES_MAX);
        match self.effects.replies.get(&ticket) {
            Some(outcome) => outcome.clone(),
            None => panic!("`{to}` has not replied within {BLOCK_MESSAGES_MAX} messages"),
        }
    }

    #[track_caller]
    fn post_bytes(&mut self, to: EngineId, payload: Vec<u8>) -> u64 {
        self.offer((to, payload), 0)
    }

    /// Executes a block of one message; gives the message's ticket.
    #[track_caller]
    fn offer(&mut self, (engine, payload): (EngineId, Vec<u8>), budget: u64) -> u64 {
        let ticket = self.effects.ticket(engine, self.height().next());
        let message = Ingress {
            engine,
            client: self.client,
            share: refit_kernel::Share::default(),
            sequence: None,
            codec: Codec::Json,
            payload,
        };
        self.execute(vec![message], budget);
        ticket
    }

    /// Executes one block and looks at what it left.
    #[track_caller]
    fn execute(&mut self, messages: Vec<Ingress>, budget: u64) {
        let before = self.before_block(budget);
        let frame = self.next_frame();
        self.node().handle_at_most(budget);
        let mut outcome = self.node().block(BlockInput {
            frame,
            messages,
            ..BlockInput::default()
        });
        self.effects.take_up(&mut outcome);
        self.unchanged_by_faults(&before);
        self.look_over();
    }
}
