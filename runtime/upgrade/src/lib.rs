//! Plans and performs an upgrade: all or nothing.
//!
//! A [`Plan`] is immutable data: which modules replace which, and for each engine kind the
//! [`Class`] of its crossing, computed from hashes. [`Armed`] is a plan with the code at hand and
//! everything prepared that can be; at the update point [`Armed::run`] takes the [`Quiesced`] node
//! through the phases, each with its unwind: transitions, which may fail and may talk to each other over
//! the upgrade bus (`bus`), then the commit, which cannot. What an operator should know before is said by
//! [`lint`](lint()).
//!
//! Architecture invariants. No I/O, no clock, no tokio: a caller that wants times implements [`Watch`]. What a plan
//! does is fixed before it is executed. Before the commit nothing changes memory that the old generation owns.
//!
//! [`Quiesced`]: refit_kernel::Quiesced

mod armed;
mod budget;
mod bus;
mod class;
mod directives;
mod finding;
mod lint;
mod order;
mod phase;
mod placed;
mod plan;
mod plan_bounds;
mod plan_error;
mod planning;
mod registry;
mod stopwatch;
mod transition;
mod under_way;
mod whole;
mod whole_fault;

pub use armed::{ArmError, Armed, KindClass};
pub use budget::{Budget, BusBudget};
pub use bus::RESIDENTS_PER_TASK;
pub use class::Class;
pub use directives::{Directives, Strategy};
pub use finding::{Finding, LINT_CODES, Level};
pub use lint::{LintContext, PLAN_AHEAD_US_MAX, Progress, lint, refusal};
pub use phase::{Failure, MessageFault, Phase, Unwatched, Verdict, Watch, Withdrawn};
pub use plan::{
    Live, LiveKind, OfferedModule, PLAN_FORMAT, Plan, PlannedKind, PlannedModule, PlannedRelease,
    code_id,
};
pub use plan_bounds::{
    PLAN_KINDS_MAX, PLAN_NAME_BYTES_MAX, PLAN_PATH_BYTES_MAX, PLAN_REPORT_BYTES_MAX,
};
pub use plan_error::{PlanBoundsError, PlanError};
pub use registry::{GenerationRecord, GenerationState, Registry};
pub use stopwatch::{Stopwatch, Times};
pub use under_way::UnderWay;
pub use whole_fault::WholeFault;
