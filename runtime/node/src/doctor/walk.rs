//! [`Walk`]: a walk through the blocks of a log, from the newest back: whether each follows the one before.
//!
//! Backwards, because the newest are those that a start executes again, and a bound cuts off the oldest.

use super::facts::{LogFault, UpgradeEnded};
use refit_abi::{BlockHash, BlockTime, Height};
use refit_ordering::{ChainId, SealedBlock, UpgradeEnd};
use std::collections::BTreeMap;

/// Most blocks that are looked at, unless all are asked for.
pub const LOG_BLOCKS_LOOKED_MAX: u64 = 50_000;

/// Most bytes of blocks that are looked at, unless all are asked for.
pub const LOG_BYTES_LOOKED_MAX: u64 = 256 << 20;

/// Most faults that are noted.
const FAULTS_MAX: usize = 16;

/// Most ends of upgrades that are noted.
const ENDS_MAX: usize = 4_096;

/// What the block above says of the next one.
#[derive(Clone, Copy, Debug)]
struct Child {
    parent: BlockHash,
    time: BlockTime,
}

/// A walk from the newest block to older ones.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The chain, once one block has said it.
    chain: Option<ChainId>,
    /// The hashes of blocks that checkpoints name.
    known: BTreeMap<Height, BlockHash>,
    child: Option<Child>,
    looked: u64,
    bytes: u64,
    faults: Vec<LogFault>,
    ends: Vec<UpgradeEnded>,
}

/// What came of it, the oldest first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Walked {
    pub(super) looked: u64,
    pub(super) faults: Vec<LogFault>,
    pub(super) ends: Vec<UpgradeEnded>,
}

impl Walk {
    /// Through a log whose blocks at these heights have these hashes.
    pub(super) fn knowing(known: BTreeMap<Height, BlockHash>) -> Self {
        Self {
            known,
            ..Self::default()
        }
    }

    /// A checkpoint says of which chain it is.
    pub(super) fn is_of(&mut self, chain: ChainId) {
        self.chain.get_or_insert(chain);
    }

    /// Whether it has looked at as much as it may without being asked for all.
    pub(super) fn has_enough(&self) -> bool {
        self.looked >= LOG_BLOCKS_LOOKED_MAX
            || self.bytes >= LOG_BYTES_LOOKED_MAX
            || self.faults.len() >= FAULTS_MAX
    }

    /// Looks at the block at `height`, which is below the one before.
    pub(super) fn block(&mut self, height: Height, bytes: Option<&[u8]>) {
        self.looked += 1;
        let Some(bytes) = bytes else {
            return self.fault(height, "it is missing".to_owned());
        };
        self.bytes += bytes.len() as u64;
        let block = match SealedBlock::from_bytes(bytes) {
            Ok(sealed) => sealed.block,
            Err(error) => return self.fault(height, error.to_string()),
        };
        let (header, hash) = (&block.header, block.hash());
        let child = self.child.replace(Child {
            parent: header.parent,
            time: header.time,
        });
        let chain = *self.chain.get_or_insert(header.chain);
        let named = child.map(|child| child.parent);
        let checkpointed = self.known.get(&height).copied();
        let before = height.0.checked_sub(1).map(Height);
        let parent = before.and_then(|before| self.known.get(&before).copied());
        let why = if header.height != height {
            Some(format!("it says that it is block {}", header.height))
        } else if header.chain != chain {
            Some("it is of another chain".to_owned())
        } else if named.is_some_and(|named| named != hash) {
            Some("the block after it follows another one".to_owned())
        } else if checkpointed.is_some_and(|known| known != hash) {
            Some("the checkpoint after it is of another one".to_owned())
        } else if parent.is_some_and(|known| known != header.parent) {
            Some("it follows another block than the checkpoint before it".to_owned())
        } else if child.is_some_and(|child| child.time < header.time) {
            Some("its time is after that of the block that follows it".to_owned())
        } else {
            None
        };
        if let Some(why) = why {
            return self.fault(height, why);
        }
        if let (Some(outcome), Some(after)) = (&header.outcome, before)
            && self.ends.len() < ENDS_MAX
        {
            self.ends.push(UpgradeEnded {
                plan: outcome.plan.to_string(),
                height: after,
                is_committed: outcome.end == UpgradeEnd::Committed,
            });
        }
    }

    /// Notes what is wrong; the block says nothing of the one before then.
    fn fault(&mut self, height: Height, why: String) {
        self.child = None;
        self.faults.push(LogFault { height, why });
    }

    pub(super) fn end(mut self) -> Walked {
        self.faults.reverse();
        self.ends.reverse();
        Walked {
            looked: self.looked,
            faults: self.faults,
            ends: self.ends,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_ordering::{Block, Ground, PlanDigest, Seal, Tip, UpgradeOutcome};

    /// Blocks 1 to `count`, each on the one before; an upgrade was committed after block 2.
    fn chain(count: u64) -> Vec<Block> {
        let mut ground = Ground::default();
        let mut blocks = Vec::new();
        for height in 1..=count {
            ground.outcome = (height == 3).then_some(UpgradeOutcome {
                plan: PlanDigest([3; 32]),
                end: UpgradeEnd::Committed,
            });
            let block = ground.extend(BlockTime(height * 10), Vec::new());
            ground.tip = Tip {
                height: Height(height),
                time: block.header.time,
                hash: block.hash(),
            };
            blocks.push(block);
        }
        blocks
    }

    fn sealed(block: Block) -> Vec<u8> {
        let seal = Seal::Nothing;
        SealedBlock { block, seal }.to_bytes()
    }

    fn walked(blocks: &[Block], mut walk: Walk) -> Walked {
        for block in blocks.iter().rev() {
            walk.block(block.header.height, Some(&sealed(block.clone())));
        }
        walk.end()
    }

    #[track_caller]
    fn fault(blocks: &[Block], walk: Walk, height: u64, says: &str) {
        let faults = walked(blocks, walk).faults;
        let first = faults.first();
        assert!(
            first.is_some_and(|it| it.height == Height(height) && it.why.contains(says)),
            "{faults:?}"
        );
    }

    #[test]
    fn blocks_that_follow_each_other_are_sound_and_tell_how_upgrades_ended() {
        let blocks = chain(5);
        let known = BTreeMap::from([(Height(2), blocks[1].hash())]);
        let walked = walked(&blocks, Walk::knowing(known));
        let ended = UpgradeEnded {
            plan: "03".repeat(32),
            height: Height(2),
            is_committed: true,
        };
        assert_eq!(
            walked,
            Walked {
                looked: 5,
                faults: Vec::new(),
                ends: vec![ended]
            }
        );
    }

    #[test]
    fn a_block_that_is_not_what_it_was_is_named() {
        let mut blocks = chain(5);
        blocks[2].header.time.0 += 1;
        fault(
            &blocks,
            Walk::default(),
            3,
            "the block after it follows another one",
        );
        let mut walk = Walk::default();
        walk.block(Height(5), Some(b"no block"));
        assert_eq!(walk.end().faults[0].height, Height(5));
    }

    #[test]
    fn a_block_that_is_missing_or_in_the_place_of_another_is_named() {
        let blocks = chain(3);
        let mut walk = Walk::default();
        walk.block(Height(3), Some(&sealed(blocks[2].clone())));
        walk.block(Height(2), None);
        assert_eq!(walk.end().faults[0].why, "it is missing");
        let mut walk = Walk::default();
        walk.block(Height(9), Some(&sealed(blocks[2].clone())));
        assert_eq!(walk.end().faults[0].why, "it says that it is block 3");
    }

    #[test]
    fn blocks_of_another_chain_than_the_checkpoint_are_named() {
        let blocks = chain(3);
        let mut walk = Walk::default();
        walk.is_of(ChainId([7; 32]));
        fault(&blocks, walk, 1, "another chain");
        let other = BTreeMap::from([(Height(2), BlockHash([9; 32]))]);
        let walk = Walk::knowing(other.clone());
        fault(&blocks[..2], walk, 2, "the checkpoint after it");
        let walk = Walk::knowing(other);
        fault(&blocks[2..], walk, 3, "the checkpoint before it");
    }

    #[test]
    fn a_walk_that_was_not_asked_for_all_has_an_end() {
        let mut walk = Walk::default();
        for height in (0..FAULTS_MAX as u64).rev() {
            assert!(!walk.has_enough());
            walk.block(Height(height), None);
        }
        assert!(walk.has_enough());
    }
}
