//! [`Withdraw`]: an operator who takes a plan back.

use refit_upgrade::{Phase, Watch, Withdrawn};

/// Notes the phases of the upgrades it watches, and withdraws at one of them if `at` names it.
#[derive(Clone, Debug, Default)]
pub struct Withdraw {
    /// The phase at which it is withdrawn; none if absent.
    pub at: Option<Phase>,
    /// The phase at which it panics; none if absent.
    pub panics_at: Option<Phase>,
    /// The phases that were reached since this was last emptied, in order.
    pub seen: Vec<Phase>,
}

impl Watch for Withdraw {
    fn reached(&mut self, phase: Phase) -> Result<(), Withdrawn> {
        self.seen.push(phase);
        assert!(self.panics_at != Some(phase), "it lost its mind at {phase}");
        match self.at {
            Some(at) if at == phase => Err(Withdrawn {
                reason: format!("no more at {phase}"),
            }),
            _ => Ok(()),
        }
    }
}
