//! The pause: an armed upgrade on its way to its update point ([`waiting`]), the crew's work there, with a stopwatch
//! ([`point`]), the watchdog that sees that it takes too long ([`watchdog`]), and whether it was taken back before
//! ([`recall`]). An upgrade for which the node stops has none here: the driver ends ([`stopping`]).
//!
//! Upgrades and rehearsals both use it: it knows neither.

pub(crate) mod point;
pub(crate) mod recall;
pub(crate) mod stopping;
pub(crate) mod waiting;
pub(crate) mod watchdog;

pub(crate) use point::{Point, Resumed, Watches};
pub(crate) use recall::{Recall, RecallReason};
pub(crate) use stopping::Stopping;
pub(crate) use waiting::{LetGo, Parts, Waiting};
