//! Armed upgrades are brought to their update point, between two blocks.

use super::{Driver, Ended};
use crate::blocks::chain;
use crate::pause::waiting::Becomes;
use crate::pause::{LetGo, Parts, Waiting};
use crate::probation::OnProbation;
use refit_abi::{Generation, Height};
use refit_ordering::{Foretold, NotTaken, UpgradeEnd};
use refit_upgrade::Verdict;

impl Driver {
    /// Brings the armed upgrade to its update point if the newest block is that of its height. Lets it go if it is
    /// a later one, or if the upgrade was taken back: it happens there or not at all.
    pub(super) fn upgrade_if_due(&mut self) -> Result<(), Ended> {
        // One that came while another ran has missed this height: the block that follows is made first.
        if self.follow_up.is_some() {
            return Ok(());
        }
        self.stop_if_due()?;
        let Some(waiting) = self.armed.take() else {
            return Ok(());
        };
        let foretold = self.foretold();
        if let Foretold::Said(outcome) = &foretold
            && outcome.plan == waiting.becomes.plan
        {
            return self.obey(*waiting, &outcome.end);
        }
        let is_without = foretold != Foretold::Unknown;
        if let Some(now) = self.passed_by(&waiting, is_without) {
            let planned = waiting.at_height.unwrap_or(now);
            waiting.let_go(LetGo::TooLate { planned, now });
            return Ok(());
        }
        // The next block is decided and does not follow it: an upgrade at once takes the boundary after that.
        if is_without && waiting.at_height.is_none() {
            self.armed = Some(waiting);
            return Ok(());
        }
        match waiting.goes(self.ground.tip.height) {
            Ok(true) => self.upgrade(*waiting),
            Ok(false) => {
                self.armed = Some(waiting);
                Ok(())
            }
            Err(why) => {
                waiting.let_go(why);
                Ok(())
            }
        }
    }

    /// Ends if an upgrade for which the node stops is due. What is executed by then is in the log; what is not was not
    /// answered, and comes again.
    fn stop_if_due(&mut self) -> Result<(), Ended> {
        let Some(stopping) = self.stops.take() else {
            return Ok(());
        };
        let tip = self.ground.tip.height;
        let is_decided = self.foretold() != Foretold::Unknown;
        // The next block is decided and comes first: an upgrade at once takes the boundary after that.
        let goes = match stopping.at_height {
            None if is_decided => Ok(false),
            Some(planned) if is_decided && planned == tip => Err(LetGo::TooLate {
                planned,
                now: tip.next(),
            }),
            _ => stopping.goes(tip),
        };
        match goes {
            Ok(true) => {
                stopping.told(Ok(tip));
                Err(Ended::Told)
            }
            Ok(false) => {
                self.stops = Some(stopping);
                Ok(())
            }
            Err(why) => {
                stopping.told(Err(why));
                Ok(())
            }
        }
    }

    /// Does what the next block says of the upgrade, whatever this node would have done: it was decided.
    fn obey(&mut self, waiting: Waiting, end: &UpgradeEnd) -> Result<(), Ended> {
        let goes = match end {
            UpgradeEnd::Committed => waiting.goes_as_decided(),
            UpgradeEnd::Aborted { code } => Err(LetGo::Aborted {
                height: self.ground.tip.height.next(),
                code: code.clone(),
            }),
        };
        match goes {
            Ok(()) => self.upgrade(waiting),
            Err(why) => {
                waiting.let_go(why);
                Ok(())
            }
        }
    }

    /// The next block, as far as it is known: it is here, or its source knows it.
    fn foretold(&self) -> Foretold {
        match &self.next {
            Some(next) => Foretold::by(&next.block),
            None => self.parts.source.foretold(),
        }
    }

    /// The height that comes next, if it leaves an upgrade behind: the block is decided without it, or none is executed
    /// any more.
    fn passed_by(&self, waiting: &Waiting, is_without: bool) -> Option<Height> {
        let tip = self.ground.tip.height;
        let is_here = waiting.at_height.is_some_and(|planned| planned == tip);
        let is_left = is_here && is_without;
        (is_left || self.parts.standing.halted().is_some()).then(|| tip.next())
    }

    /// Puts the entry that announces an armed upgrade into the next block, if this node makes blocks.
    pub(super) fn announce(&mut self, waiting: &mut Waiting) {
        let Some(entry) = waiting.entry.take() else {
            return;
        };
        // Nobody waits for this order; the mempool wants a token for each.
        let token = self.waiters.token();
        let offered = self.parts.source.mempool().order(entry, token);
        if let Err(why @ NotTaken::Orders { .. }) = offered {
            tracing::warn!("the block log does not get the plan before the upgrade ends: {why}");
        }
    }

    /// The generation that is live now can be taken back for some blocks.
    fn begin_probation(&self, becomes: &Becomes, generation: Generation) {
        let after = self.ground.tip.height;
        self.parts.probation.begins(OnProbation {
            plan: becomes.plan,
            base: Generation(generation.0.saturating_sub(1)),
            after,
            until: Height(after.0.saturating_add(becomes.probation_blocks)),
        });
    }

    fn upgrade(&mut self, waiting: Waiting) -> Result<(), Ended> {
        // Nobody waits for a pause who need not.
        self.let_out();
        let becomes = waiting.becomes;
        let Parts {
            point,
            baton,
            resumed,
            next_block,
        } = waiting.into_parts();
        let sent = self.parts.duty.pause(point, baton);
        sent.map_err(|_| Ended::Crew(None))?;
        // The wait ends when the new leader has opened the gate.
        let resumed = resumed.recv().map_err(|_| Ended::Crew(None))?;
        let verdict = resumed.verdict.as_ref();
        if let Some(Verdict::Committed(generation)) = verdict {
            self.ground.manifest = becomes.manifest;
            self.begin_probation(&becomes, *generation);
            // With it the way back over the upgrade is never gone again.
            self.since_checkpoint.is_other_code = true;
            if let Some(parameters) = &resumed.parameters {
                self.put_in_force(parameters);
            }
        }
        self.ground.outcome = Some(chain::outcome(becomes.plan, verdict));
        // Has the source make the next block at once: with it the chain knows how the upgrade ended.
        self.follow_up = Some(next_block);
        self.count.is_due();
        self.told = false;
        Ok(())
    }
}
