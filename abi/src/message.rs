//! [`MigrateMessage`]: the step from the last version's messages to this one's.

use crate::chain::MessageChain;
use crate::raw::Codec;
use crate::schema::SchemaId;
use crate::words::Words;
use crate::{Fault, State, codec};
use std::marker::PhantomData;

/// Makes a message of this version from one of the last version. Write it for an engine's `Message`
/// (and keep it for the frozen ones): what waited in mailboxes, timers, and clients that still speak
/// the older version are then understood.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no conversion from an older message",
    note = "`impl MigrateMessage for {Self}` with `type From = v1::Message`"
)]
pub trait MigrateMessage: State {
    /// The older message, frozen as it was published.
    type From: State;

    /// The message in this version's words.
    ///
    /// # Errors
    /// A [`Fault`] is the reply to a client's message. If another engine sent the message, it hears of that
    /// ([`Engine::undelivered`](crate::Engine::undelivered)), a timer goes to the dead letters. Nothing is
    /// handled.
    fn migrate(old: Self::From) -> Result<Self, Fault>;
}

/// The conversion from one older version of a message.
#[derive(Debug)]
pub struct OlderMessage<M> {
    /// Its schema.
    pub schema: SchemaId,
    pub(crate) decode: fn(Codec, &[u8]) -> Result<M, NotRead>,
    /// The words in which a client's is read.
    pub(crate) words: fn() -> Words,
    /// Whether a client's JSON is of this version to the last word.
    pub(crate) is_exact: fn(&[u8]) -> bool,
}

/// Why an older message was not read.
#[derive(Debug)]
pub enum NotRead {
    /// The bytes are not of that version.
    Other(String),
    /// They are, and the author's conversion refused.
    Fault(Fault),
}

impl<M: State> OlderMessage<M> {
    /// Reads what `C` converts.
    pub(crate) fn of<C: MessageChain<To = M>>() -> Self {
        Self {
            schema: C::From::schema_id(),
            words: || crate::derived::described::<C::From>().1,
            decode: |codec, bytes| {
                let deep = C::From::nature().is_deep();
                let old = codec::decode::<C::From>(codec, bytes, deep);
                let old = old.map_err(|refused| NotRead::Other(refused.to_string()))?;
                C::run(old).map_err(NotRead::Fault)
            },
            is_exact: codec::is_exact::<C::From>,
        }
    }
}

/// Finds out, for a concrete type, whether it implements [`MigrateMessage`]; as
/// [`crate::export::Probe`] does for states.
#[derive(Debug)]
pub struct MessageProbe<T>(pub PhantomData<T>);

/// The answer when the type has a conversion.
pub trait WithOlderMessages {
    /// The type.
    type Message: State;
    /// All older messages from which `C` can be reached.
    fn older<C: MessageChain<From = Self::Message>>(&self) -> Vec<OlderMessage<C::To>>;
}

impl<T: MigrateMessage> WithOlderMessages for MessageProbe<T> {
    type Message = T;

    fn older<C: MessageChain<From = T>>(&self) -> Vec<OlderMessage<C::To>> {
        let mut all = vec![OlderMessage::of::<(T, C)>()];
        all.extend(T::From::older_messages::<(T, C)>());
        all
    }
}

/// The answer when it has none.
pub trait WithoutOlderMessages {
    /// None.
    fn older<C: MessageChain>(&self) -> Vec<OlderMessage<C::To>>;
}

impl<T> WithoutOlderMessages for &MessageProbe<T> {
    fn older<C: MessageChain>(&self) -> Vec<OlderMessage<C::To>> {
        Vec::new()
    }
}
