//! A script is played as it was written, each block once the one before was executed.

use crate::common::{Executes, entry, message};
use refit_abi::{BlockTime, Height};
use refit_ordering::{
    Block, BlockSource, Ground, NotTaken, SCRIPT_STEPS_MAX, ScriptTooLong, Scripted, Step, Token,
    chain,
};

fn three() -> Vec<Block> {
    chain(
        Ground::default(),
        10,
        vec![vec![entry(1, 1)], vec![], vec![entry(2, 1)]],
    )
}

#[test]
fn a_script_is_played_as_it_was_written_each_block_after_the_one_before_was_executed() {
    let blocks = three();
    assert_eq!(blocks[1].header.parent, blocks[0].hash());
    assert_eq!(blocks[2].header.time, BlockTime(30));
    let mut node = Executes::new(Scripted::of(blocks.clone()).unwrap());
    let script = node.source.script();
    for (block, left) in blocks.iter().zip([2, 1, 0]) {
        let decided = node.decided().unwrap();
        assert_eq!(
            (&decided.block, decided.tokens.len()),
            (block, block.entries.len())
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
        entries: vec![entry(number, 1)],
    };
    script.add([batch(50, 1), batch(40, 2)]).unwrap();
    let first = node.decided().unwrap().block;
    node.executed(&first);
    let second = node.decided().unwrap().block;
    assert_eq!(
        (second.header.parent, second.header.height),
        (first.hash(), Height(2))
    );
    assert_eq!(second.header.time, BlockTime(50), "it does not go back");
    node.executed(&second);
    script.add([batch(60, 3)]).unwrap();
    assert_eq!(node.decided().unwrap().block.header.height, Height(3));
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
