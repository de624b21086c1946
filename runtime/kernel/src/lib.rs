//! envelope → mailbox → engine → outbox: the part of a node that executes blocks.
//!
//! A [`Executor`] owns what is sequential: the directory of engines, the timers, the routing. The
//! engines' states live in chunks that worker threads claim, so a round's result does not depend on
//! how many workers there are: each chunk fills its own outbox, and outboxes are routed in the order
//! of the chunks. The threads are a [`crew`]; the code they run is a [`GenerationTable`], published by
//! one pointer store while the [`gate`] is closed ([`Quiesced`]).
//!
//! Architecture invariants. No clock, no I/O, no tokio, no unsafe code. Mailboxes belong to the
//! executor, never to a generation: a swap moves no message. An engine's code is entered on crew
//! threads only, and on those that drop what was replaced ([`remains`]); each is joined before the code it
//! entered is unmapped.

pub mod crew;
pub mod gate;
pub mod image;
pub mod limits;
pub mod remains;
mod room;

mod aftermath;
mod answering;
mod between;
mod causes;
mod checked;
mod chunk;
mod dead_letters;
mod delivery;
mod directory;
mod discard;
mod executor;
mod grants;
mod imaging;
mod kept;
mod keys;
mod lives;
mod look;
mod newborn;
mod orders;
mod outbox;
mod outcome;
mod parameters;
mod queued;
mod quiesced;
mod receipt;
mod reworded;
mod round;
mod rounds;
mod routing;
mod running;
mod slot;
mod slot_timers;
mod spare;
mod sweep;
mod sync;
mod table;
mod timers;
mod told;
mod trouble;
mod view;

pub use aftermath::{Aftermath, FirstMail};
pub use between::BetweenImage;
pub use causes::{Allowance, CauseIndex, Spent};
pub use chunk::{Chunk, SlotView};
pub use dead_letters::{DeadLetter, DeadLetterBrief};
pub use directory::IdMap;
pub use executor::{BlockInput, Executor, Ingress, StartError};
pub use grants::Grants;
pub use image::stream::{StreamError, Tally};
pub use image::{
    ArtifactHash, CauseImage, DeadLetterImage, EngineImage, IMAGE_FORMAT, Image, ImageError,
    ImageHeader, ImageReader, ImageScope, KindImage, LetterImage, StateImage, TimerImage,
    TimersImage,
};
pub use kept::Kept;
pub use keys::{
    Ask, Asker, At, Entry, Key, KeyBounds, KeyRefusal, KeysImage, RequestDigest, Share,
};
pub use look::{Awaited, CaptureError, Captured, KindCount, States};
pub use newborn::{Effects, Newborn, Start, WantedChild};
pub use orders::{Done, Order, OrderError, OrderKey, Ordered, PlacedOrder, PlanDigest};
pub use outcome::{BlockOutcome, Emitted, LogLine, QueryError, Replied, ReplyError, Stats};
pub use parameters::{
    BlockBounds, CauseBounds, Changed, DeadLetterBounds, EngineBounds, EventBounds, FIELDS, Field,
    MailboxBounds, MessageBounds, PARAMETERS_BYTES_MAX, PARAMETERS_FORMAT, ParameterChanges,
    Parameters, ParametersError, ParametersHash, RoundBounds, TimerBounds, Unit,
};
pub use queued::{Change, Unaccepted};
pub use quiesced::Quiesced;
pub use receipt::{EngineReceipt, LeafHash, Receipt, ReceiptDifference, ReceiptRoot};
pub use remains::Remains;
pub use reworded::{Reworded, Rewording};
pub use slot::{EngineState, EngineStatus, Next, Poison};
pub use table::{GenerationTable, KindEntry, KindIndex, Pending};
pub use trouble::{Trouble, Wrong};
pub use view::{SlotRef, View};
