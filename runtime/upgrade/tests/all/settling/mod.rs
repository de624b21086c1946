//! What comes after the commit: states that are settled later than the update point, what is left over of old ones,
//! and what a restarted engine finds.
//!
//! | file | what it is |
//! |---|---|
//! | `carried` | what an upgrade leaves for the next block is in an image taken before it |
//! | `engines` | small engines, each in two versions |
//! | `node` | executor, crew and update point, as small as they can be |
//! | `unseen` | nobody sees when a state is settled, not even of one that cannot be |
//! | `endless` | a settling that does not return in the sweep before an upgrade is seen from outside |
//! | `afresh` | what waits for an engine that is started afresh, its timers, its random numbers |
//! | `left_over` | neither the pause nor the first block takes longer for a large old state |

mod afresh;
mod carried;
mod endless;
mod engines;
mod left_over;
mod node;
mod unseen;
