//! [`Replaying`]: the blocks of the log again, one after the other, and then those of another source: a node that starts
//! is a node to which decided blocks come.
//!
//! Behind a roll-back the blocks of the old branch follow, made anew.
//!
//! A block that says that an upgrade was committed before it waits until that upgrade was made here too.

use super::ahead::Ahead;
use super::attempts;
use super::rolled_back::Redo;
use crossbeam_channel::Sender;
use refit_abi::{BlockTime, Height};
use refit_ordering::{
    Block, BlockRefused, BlockSource, Decided, Due, Foretold, Ground, Mempool, Outlet, PlanDigest,
    UpgradeEnd, UpgradeOutcome,
};
use refit_store::{Fault, Store};
use std::sync::Arc;

/// What whoever starts the node hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The next block says that this upgrade was committed after the block at `height`.
    Upgrade { plan: PlanDigest, height: Height },
    /// All blocks of the log were executed.
    Done,
    /// The next block is the last one, and has ended the node so often that it is not executed again.
    StaysBelow { height: Height, starts: u32 },
    /// The log cannot be read on.
    Unreadable { height: Height, why: String },
}

/// Plays the log from where its node stands to its end.
pub(crate) struct Replaying {
    store: Arc<dyn Store>,
    /// The last block of the log.
    last: Height,
    /// Its blocks, and behind them those of an old branch.
    ahead: Option<Ahead>,
    /// Decides the blocks behind it.
    then: Box<dyn BlockSource>,
    outlet: Option<Arc<dyn Outlet>>,
    next: Option<Decided>,
    /// Whether the upgrade before the next block was asked for.
    asked: bool,
    /// Behind it: the blocks of an old branch, made anew.
    redo: Option<Redo>,
    /// The last block of the log is executed, and it is noted.
    is_behind: bool,
    /// Until the log is at its end. It has room for all that is ever told.
    tell: Option<Sender<Heard>>,
    /// Behind the log no block is decided until the ground is told once more: an upgrade may come before it.
    holds: bool,
}

impl Replaying {
    /// Plays `store` up to the block that is its last now, and what is to be made anew behind it; tells `tell`, which
    /// must not be full.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        redo: Option<Redo>,
        then: Box<dyn BlockSource>,
        tell: Sender<Heard>,
    ) -> Self {
        Self {
            last: store.last(),
            store,
            ahead: None,
            redo,
            then,
            outlet: None,
            next: None,
            asked: false,
            is_behind: false,
            tell: Some(tell),
            holds: false,
        }
    }

    /// Behind the log it waits until the node says that it goes on.
    pub(crate) fn holding(self, holds: bool) -> Self {
        Self { holds, ..self }
    }

    fn tell(&self, heard: Heard) {
        if let Some(tell) = &self.tell {
            // Whoever starts the node may have given up.
            let _ = tell.send(heard);
        }
    }

    /// The block at `height` as the log has it.
    fn read(&mut self, height: Height) -> Result<Decided, String> {
        let (store, last) = (self.store.clone(), self.last);
        self.ahead_at(height, last, move |height| {
            let bytes = store.read(height);
            bytes
                .map(|bytes| bytes.to_vec())
                .map_err(|error| error.to_string())
        })
    }

    /// The block at `height` as the branch before has it.
    fn read_old(&mut self, height: Height, last: Height) -> Result<Block, String> {
        let store = self.store.clone();
        let decided = self.ahead_at(height, last, move |height| {
            let archive = store.archive().ok_or("nothing outlives the process")?;
            let old = archive
                .old_block(height)
                .map_err(|fault| fault.to_string())?;
            old.ok_or_else(|| format!("the old branch has no block {height}"))
        })?;
        Ok(decided.block)
    }

    /// The next block; where it is not the one that follows the one before, reads from there on to `last`.
    fn ahead_at(
        &mut self,
        height: Height,
        last: Height,
        bytes: impl Fn(Height) -> Result<Vec<u8>, String> + Send + 'static,
    ) -> Result<Decided, String> {
        let mut ahead = match self.ahead.take().filter(|ahead| ahead.is_at(height)) {
            Some(ahead) => ahead,
            None => Ahead::read(height, last, bytes).map_err(|error| error.to_string())?,
        };
        let read = ahead.take();
        self.ahead = Some(ahead);
        read
    }

    /// Notes that the last block is tried, before it is.
    fn tries_last(&self) -> Result<(), Heard> {
        let Some(archive) = self.store.archive() else {
            return Ok(());
        };
        let height = self.last;
        let starts = attempts::of(height, archive);
        let starts = starts.map_err(|fault| unreadable(height, &fault))?;
        if starts >= attempts::REPLAY_STARTS_MAX {
            return Err(Heard::StaysBelow { height, starts });
        }
        attempts::begin(height, archive).map_err(|fault| unreadable(height, &fault))
    }

    /// Notes, once, that the last block of the log did not end this start.
    fn behind_last(&mut self) -> Result<(), Heard> {
        if std::mem::replace(&mut self.is_behind, true) {
            return Ok(());
        }
        // What follows is of the old branch, if anything does.
        self.ahead = None;
        match self.store.archive() {
            Some(archive) => attempts::end(archive).map_err(|fault| unreadable(self.last, &fault)),
            None => Ok(()),
        }
    }

    /// Pushes the next block of the old branch, made anew on `ground`.
    fn make_anew(&mut self, through: Height, ground: &Ground) {
        let height = ground.tip.height.next();
        let old = self.read_old(height, through);
        let block = old.and_then(|old| match (self.store.archive(), &self.redo) {
            (Some(archive), Some(redo)) => redo.block(old, ground, archive),
            _ => Err("nothing outlives the process".to_owned()),
        });
        match block {
            Ok(block) => self.push(block),
            Err(why) => self.tell(Heard::Unreadable { height, why }),
        }
    }

    fn push(&self, block: Decided) {
        if let Some(outlet) = &self.outlet {
            // The block before was executed, so nothing waits there; a node that has ended executes none.
            let _ = outlet.push(block);
        }
    }

    /// Pushes the block that follows `ground`, once everything before it has happened.
    fn go_on(&mut self, ground: &Ground) {
        let height = ground.tip.height.next();
        let block = match self.next.take() {
            Some(next) if next.block.header.height == height => next,
            _ => {
                self.asked = false;
                match self.read(height) {
                    Ok(read) => read,
                    Err(why) => return self.tell(Heard::Unreadable { height, why }),
                }
            }
        };
        if let Some(plan) = awaits_upgrade(&block.block, ground) {
            if !std::mem::replace(&mut self.asked, true) {
                let height = ground.tip.height;
                self.tell(Heard::Upgrade { plan, height });
            }
            self.next = Some(block);
            return;
        }
        // Behind one that a roll-back has left last others came before: it ended nothing.
        let is_left_last = self
            .redo
            .as_ref()
            .is_some_and(|redo| height <= redo.after());
        if height == self.last
            && !is_left_last
            && let Err(heard) = self.tries_last()
        {
            return self.tell(heard);
        }
        self.push(block);
    }
}

fn unreadable(height: Height, fault: &Fault) -> Heard {
    let why = fault.to_string();
    Heard::Unreadable { height, why }
}

/// The upgrade that must be made before the block, if it was not.
fn awaits_upgrade(block: &Block, ground: &Ground) -> Option<PlanDigest> {
    match (&block.header.outcome, &ground.outcome) {
        (
            Some(UpgradeOutcome {
                plan,
                end: UpgradeEnd::Committed,
            }),
            None,
        ) => Some(*plan),
        _ => None,
    }
}

impl BlockSource for Replaying {
    fn mempool(&self) -> &Arc<Mempool> {
        self.then.mempool()
    }

    fn begin(&mut self, outlet: Arc<dyn Outlet>) {
        self.outlet = Some(outlet.clone());
        self.then.begin(outlet);
    }

    fn validate(&self, proposal: &Block, now: BlockTime) -> Result<(), BlockRefused> {
        self.then.validate(proposal, now)
    }

    fn executed(&mut self, ground: &Ground) {
        if self.tell.is_some() && ground.tip.height < self.last {
            return self.go_on(ground);
        }
        // At once: what comes behind the log ends no start for the log's last block.
        if let Err(heard) = self.behind_last() {
            return self.tell(heard);
        }
        let through = self.redo.as_ref().map(Redo::through);
        if let Some(through) = through.filter(|through| ground.tip.height < *through) {
            return self.make_anew(through, ground);
        }
        self.ahead = None;
        let was_told = self.tell.is_none();
        self.tell(Heard::Done);
        self.tell = None;
        if was_told || !self.holds {
            self.then.executed(ground);
        }
    }

    fn foretold(&self) -> Foretold {
        match (&self.next, &self.tell) {
            (Some(next), _) => Foretold::by(&next.block),
            // It has no upgrade before it that was not made, or it would wait here.
            (None, Some(_)) => Foretold::Nothing,
            (None, None) => self.then.foretold(),
        }
    }

    fn next_due(&self, now: BlockTime, due: Due) -> Option<BlockTime> {
        match self.tell {
            Some(_) => None,
            None => self.then.next_due(now, due),
        }
    }

    fn tick(&mut self, now: BlockTime, due: Due) {
        if self.tell.is_none() {
            self.then.tick(now, due);
        }
    }
}
