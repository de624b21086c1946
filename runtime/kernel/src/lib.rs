//! envelope → mailbox → engine → outbox: the part of a node that executes blocks.
//!
//! A [`Executor`] owns what is sequential: the directory of engines, the timers, the routing. The
//! engines' states live in chunks that worker threads claim, so a round's result does not depend on
//! how many workers there are: each chunk fills its own outbox, and outboxes are routed in the order
//! of the chunks. The threads are a [`crew`]; the code they run is a [`GenerationTable`], published by
//! one pointer store while the [`gate`] is closed ([`Quiesced`]).
//!
//! The rooms, from the lowest to the highest; none imports from one above it. `parameters` are the bounds, `reply` what
//! whoever asked is told, `generation` the code; `keys` and `causes` are the two tables that answer and bound what
//! clients send; `outcome` is what a block gives. `engines` holds the engines, their states, their mail and what they
//! asked for. The executor is all of it. `block` executes a block on it: messages into mailboxes, round by round through
//! the engines, what the engines did out of their outboxes. `swap` is what happens around and after a pause, `look`
//! reads states, and [`image`] writes an executor as plain data and makes one from it.
//!
//! Architecture invariants. No clock, no I/O, no tokio, no unsafe code. Mailboxes belong to the
//! executor, never to a generation: a swap moves no message. An engine's code is entered on crew
//! threads only, on those that drop what was replaced ([`replaced`]), and on those that read an image; each is joined
//! before the code it entered is unmapped.

pub mod crew;
mod duty;
pub mod gate;
pub mod image;
pub mod limits;

mod amount;
mod block;
mod causes;
mod engines;
mod envelope;
mod executor;
mod generation;
mod keys;
mod look;
mod outcome;
mod parameters;
mod reply;
mod swap;
mod sync;

pub use generation::replaced;

pub use block::input::BlockInput;
pub use block::orders::{Order, OrderKey, PlacedOrder, Revival};
pub use block::start::StartError;
pub use block::started::{Effects, Start, Started, WantedChild};
pub use causes::{Allowance, CauseImage, CauseIndex};
pub use duty::{Duty, Silence};
pub use engines::chunk::{Chunk, SlotView};
pub use engines::configuration::Configuration;
pub use engines::directory::IdMap;
pub use engines::last_good::LastGood;
pub use engines::slot::{Counters, EngineState, EngineStatus, Next, Poison};
pub use engines::slot_ref::SlotRef;
pub use envelope::{Envelope, Signed};
pub use executor::Executor;
pub use generation::kept::Kept;
pub use generation::replaced::ReplacedStates;
pub use generation::table::{GenerationTable, KindEntry, KindIndex, Pending, Replacement};
pub use image::between::BetweenImage;
pub use image::stream::{StreamError, Tally};
pub use image::{
    ArtifactHash, CopiedExecutor, Cut, DeadLetterImage, EngineImage, EngineSection, IMAGE_FORMAT,
    Image, ImageError, ImageHeader, ImageReader, ImageScope, KindImage, LeafName, LetterImage,
    STATE_FORM, Section, SectionTaker, StateImage, StateLeaf, StateTree, TimerImage, TimersImage,
    cut, state_tree,
};
pub use keys::{Ask, Asker, At, Entry, Key, KeysImage, RequestDigest};
pub use look::inspect::{
    Awaited, CaptureError, Captured, KindCount, PoisonedEngine, StateError, States,
};
pub use outcome::dead_letters::{DeadLetter, DeadLetterBrief};
pub use outcome::ordered::{OrderError, Ordered};
pub use outcome::receipt::{EngineReceipt, LeafHash, Receipt, ReceiptDifference, ReceiptRoot};
pub use outcome::trouble::{Trouble, Wrong};
pub use outcome::{BlockOutcome, Emitted, LogLine, QueryError, Replied, Stats};
pub use parameters::grants::Grants;
pub use parameters::keys::KeyBounds;
pub use parameters::spent::Spent;
pub use parameters::{
    BlockBounds, CauseBounds, Changed, DeadLetterBounds, EngineBounds, EventBounds, FIELDS, Field,
    MailboxBounds, MessageBounds, PARAMETERS_BYTES_MAX, PARAMETERS_FORMAT, ParameterChanges,
    Parameters, ParametersError, ParametersHash, RoundBounds, TimerBounds, Unit,
};
pub use reply::done::{Done, PlanDigest};
pub use reply::error::ReplyError;
pub use reply::refusal::KeyRefusal;
pub use swap::acceptance::{Change, Unaccepted};
pub use swap::commit_effects::{CommitEffects, FirstMessage};
pub use swap::quiesced::Quiesced;
pub use swap::reworded::{Reworded, Rewording};
pub use swap::view::View;

// The same message from the door to the mailbox.
pub use refit_abi::host::{Ingress, Share};
