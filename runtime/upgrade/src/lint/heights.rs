//! Findings about the height of a plan: one that has passed, and one so far ahead that it is hardly meant.

use super::LintContext;
use crate::finding::{Finding, Level};
use crate::plan::Plan;
use refit_abi::Height;
use refit_abi::codes;

/// The longest wait for a plan's height that is taken to be meant, in microseconds: a week.
pub const PLAN_AHEAD_US_MAX: u64 = 7 * 24 * 3_600 * 1_000_000;

/// How far a node's blocks are, and how fast they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The newest block.
    pub height: Height,
    /// The expected time from one block to the next, in microseconds.
    pub block_us: u64,
}

impl Progress {
    /// The expected time until the block at `height` is made, in microseconds; 0 if it is there.
    pub fn us_until(&self, height: Height) -> u64 {
        let blocks = height.0.saturating_sub(self.height.0);
        blocks.saturating_mul(self.block_us)
    }

    /// The height that is expected to be the newest in so many microseconds.
    pub fn height_in(&self, us: u64) -> Height {
        let blocks = us.div_ceil(self.block_us.max(1));
        Height(self.height.0.saturating_add(blocks))
    }
}

/// The finding on the plan's height, if there is one.
pub(super) fn finding(plan: &Plan, context: &LintContext) -> Option<Finding> {
    let (planned, progress) = (plan.at_height?, context.progress?);
    let now = progress.height;
    // Not at `now`: the upgrade may come after the newest block.
    if planned < now {
        return Some(Finding {
            code: codes::HEIGHT_PASSED.to_owned(),
            level: Level::Error,
            kind: String::new(),
            reason: format!(
                "the upgrade is planned for after block {planned}, and block {now} is made"
            ),
            next: "plan again with a later --at-height, or none".to_owned(),
        });
    }
    let is_far = progress.us_until(planned) > PLAN_AHEAD_US_MAX;
    is_far.then(|| Finding {
        code: codes::HEIGHT_FAR.to_owned(),
        level: Level::Warning,
        kind: String::new(),
        reason: format!(
            "block {planned} is {} blocks ahead: as blocks come now, more than a week",
            planned.0 - now.0
        ),
        next: "check the number; `refit upgrade cancel` takes the upgrade back once it is applied"
            .to_owned(),
    })
}
