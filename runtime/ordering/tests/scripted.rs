//! A script is played as it was written, each block once the one before was executed, and a block that does not stand
//! on its ground is told from one that does.

#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

mod common;

use common::{Executes, message};
use refit_abi::{BlockHash, BlockTime, Height};
use refit_ordering::{
    Block, BlockSource, Ground, NotTaken, Refused, SCRIPT_STEPS_MAX, ScriptTooLong, Scripted, Step,
    Tip, Token, chain,
};

fn three() -> Vec<Block> {
    chain(
        Tip::default(),
        10,
        vec![vec![message(1, 1)], vec![], vec![message(2, 1)]],
    )
}

#[test]
fn a_script_is_played_as_it_was_written_each_block_after_the_one_before_was_executed() {
    let blocks = three();
    assert_eq!(blocks[1].parent, blocks[0].hash());
    assert_eq!(blocks[2].time, BlockTime(30));
    let mut node = Executes::new(Scripted::of(blocks.clone()).unwrap());
    let script = node.source.script();
    for (block, left) in blocks.iter().zip([2, 1, 0]) {
        let decided = node.decided().unwrap();
        assert_eq!(
            (&decided.block, decided.tokens.len()),
            (block, block.messages.len())
        );
        assert_eq!(node.decided(), None, "the next one is not decided yet");
        assert_eq!(script.pending(), left);
        node.executed(&decided.block);
    }
    assert_eq!(node.decided(), None);
}

#[test]
fn a_script_goes_on_with_what_is_added_and_batches_stand_on_whatever_there_is() {
    let mut node = Executes::new(Scripted::new());
    let script = node.source.script();
    assert_eq!(node.decided(), None);
    let batch = |millis, number| Step::Batch {
        time: BlockTime(millis),
        messages: vec![message(number, 1)],
    };
    script.add([batch(50, 1), batch(40, 2)]).unwrap();
    let first = node.decided().unwrap().block;
    node.executed(&first);
    let second = node.decided().unwrap().block;
    assert_eq!((second.parent, second.height), (first.hash(), Height(2)));
    assert_eq!(second.time, BlockTime(50), "it does not go back");
    node.executed(&second);
    script.add([batch(60, 3)]).unwrap();
    assert_eq!(node.decided().unwrap().block.height, Height(3));
}

#[test]
fn a_script_takes_nothing_from_clients_and_has_a_bound() {
    let source = Scripted::new();
    let offered = source.mempool().offer(message(3, 1), Some(Token(1)));
    assert_eq!(offered, Err(NotTaken::Closed));
    let block = Step::Block(three().remove(0));
    let steps = std::iter::repeat_n(block, SCRIPT_STEPS_MAX + 1);
    assert_eq!(source.script().add(steps), Err(ScriptTooLong));
    assert_eq!(source.script().pending(), SCRIPT_STEPS_MAX);
}

#[test]
fn a_block_stands_on_its_parent_alone() {
    let blocks = three();
    let ground = Ground {
        tip: blocks[0].tip(),
    };
    assert_eq!(ground.check(&blocks[1]), Ok(()));
    let height = Refused::Height {
        height: Height(3),
        expected: Height(2),
    };
    assert_eq!(ground.check(&blocks[2]), Err(height));
    let other = Block {
        parent: BlockHash([7; 32]),
        ..blocks[1].clone()
    };
    assert!(matches!(ground.check(&other), Err(Refused::Parent { .. })));
    let early = Block {
        time: BlockTime(9),
        ..blocks[1].clone()
    };
    assert!(matches!(
        ground.check(&early),
        Err(Refused::TimeGoesBack { .. })
    ));
}

#[test]
fn the_time_of_a_proposal_is_held_against_the_clock_and_that_of_a_decided_block_is_not() {
    let mut node = Executes::new(Scripted::new());
    let at = |millis| Block {
        time: BlockTime(millis),
        ..three().remove(0)
    };
    let now = BlockTime(1_000);
    assert_eq!(node.source.validate(&at(11_000), now), Ok(()));
    let ahead = node.source.validate(&at(11_001), now);
    assert!(matches!(ahead, Err(Refused::TimeAhead { .. })));
    assert_eq!(node.ground.check(&at(11_001)), Ok(()));
    // A parent that is ahead is no fault of its child: time stands still.
    node.executed(&at(90_000));
    let child = node.ground.extend(now, Vec::new());
    assert_eq!(node.source.validate(&child, now), Ok(()));
}
