//! The node's knowledge of itself: the newest facts ([`latest`]), where it stands ([`standing`]), how fast its blocks
//! follow each other ([`tempo`]), how far their effects have left ([`released`]), its newest receipts, and why it
//! failed, if it did.
//!
//! The driver writes it, everybody reads it; nothing here waits for the crew.

pub(crate) mod failed;
pub(crate) mod latest;
pub(crate) mod receipts;
pub(crate) mod released;
pub(crate) mod standing;
pub(crate) mod tempo;
