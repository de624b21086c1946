//! Measures the cost of an upgrade: `refit bench swap | gate | messages | bus | copy | serve` as a library.
//!
//! * [`swap`]: the pause of a real swap of real libraries under an open-loop load, beside an empty
//!   gate handshake of the same run, over engines × entries × class.
//! * [`gate`]: what the gate and the batched call over the C interface add to one message.
//! * [`messages`]: how many messages a second go between engines on one worker.
//! * [`compare`]: two programs against each other, pair by pair: does a revision cost speed?
//! * [`bus`]: what upgrade messages and engines started on the upgrade bus add to a pause.
//! * [`copy`]: how long no block runs while the engines are copied, and the memory that it takes.
//! * [`checkpoint`]: what a checkpoint or a live snapshot costs the blocks beside it.
//! * [`durable`]: what it costs that an answer waits for the disk.
//! * [`recovery`]: what a start on the folder of a node that has ended takes.
//! * [`release`]: what it takes to look whether a release may be used.
//! * [`rollback`]: how long a node does not serve while an upgrade is taken back.
//! * [`serve`]: a real node under HTTP clients: requests a second, latency, processor time, and a swap in it.
//!
//! Each `run` measures with its variants interleaved and gives a report: medians with their spread,
//! the targets met or missed, the machine. Nothing is left out silently. Nothing here parses a
//! command line.

pub mod bus;
pub mod checkpoint;
pub mod compare;
pub mod copy;
pub mod durable;
pub mod gate;
pub mod machine;
pub mod messages;
pub mod recovery;
pub mod release;
pub mod rollback;
pub mod serve;
pub mod swap;

pub mod figures;

mod disk;
mod error;
mod inside;
mod meter;
mod options;
mod random;
mod stats;
mod target;
pub mod undo;

pub use disk::Disk;
pub use error::BenchError;
pub use inside::InsideCode;
pub use machine::Machine;
pub use stats::Spread;
pub use target::{Bound, Target};
