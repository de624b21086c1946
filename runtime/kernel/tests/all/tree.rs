//! The hash of a state follows from the blocks alone, and names the part that is another one.

use crate::rig::alone::{busy, copy, executor, run};
use crate::rig::node::{Node, version_2};
use crate::rig::script::{Config, Message, Op};
use crate::rig::{all_ingress, root, roots};
use crate::workers::{BUDGET, ROOTS, messages};
use refit_kernel::limits::CHUNK_ENGINES;
use refit_kernel::{ArtifactHash, ImageScope, LeafName, StateTree, state_tree};

/// Blocks, with a swap behind the first.
const BLOCKS: u64 = 3;
const SWAP_AFTER: u64 = 1;

/// How a node comes to the last block.
#[derive(Clone, Copy, Debug)]
struct Way {
    workers: usize,
    per_chunk: usize,
    /// It is made anew of its image behind this block, with another number of workers.
    restarts_after: Option<u64>,
    /// Its state is looked at behind each block: nothing stays unsettled.
    is_looked_at: bool,
}

const ALONE: Way = Way {
    workers: 1,
    per_chunk: CHUNK_ENGINES,
    restarts_after: None,
    is_looked_at: false,
};

fn after_blocks(way: Way) -> StateTree {
    let roots = roots(ROOTS);
    let mut node = Node::new(way.workers);
    node.call(move |executor| executor.pack(way.per_chunk));
    for root in &roots {
        node.start(*root, &Config::default());
    }
    for height in 1..=BLOCKS {
        node.block(all_ingress(&messages(&roots, height)), BUDGET);
        if height == SWAP_AFTER {
            node.swap(&version_2());
        }
        if way.is_looked_at {
            node.call(|executor| executor.state_tree().unwrap());
        }
        if way.restarts_after == Some(height) {
            node = node.restarted(3 - way.workers.min(2));
        }
    }
    node.call(|executor| executor.state_tree().unwrap())
}

#[test]
fn the_same_blocks_give_the_same_tree_on_any_workers_in_any_chunks_and_from_any_checkpoint() {
    let alone = after_blocks(ALONE);
    assert!(alone.leaves.len() > ROOTS);
    let ways = [
        Way {
            workers: 2,
            ..ALONE
        },
        Way {
            workers: 4,
            per_chunk: 16,
            ..ALONE
        },
        Way {
            is_looked_at: true,
            ..ALONE
        },
        Way {
            restarts_after: Some(SWAP_AFTER),
            workers: 2,
            ..ALONE
        },
        Way {
            restarts_after: Some(BLOCKS - 1),
            workers: 4,
            per_chunk: 16,
            is_looked_at: true,
        },
    ];
    for way in ways {
        let tree = after_blocks(way);
        assert_eq!(tree.difference(&alone), None, "{way:?}");
        assert_eq!(tree, alone, "{way:?}");
    }
}

#[test]
fn the_tree_of_an_image_is_that_of_its_executor_whatever_files_its_code_is_of() {
    let executor = busy();
    let tree = executor.state_tree().unwrap();
    for artifacts in [
        vec![],
        vec![ArtifactHash([1; 32])],
        vec![ArtifactHash([2; 32])],
    ] {
        let mut bytes = Vec::new();
        let scope = ImageScope {
            artifacts,
            ..ImageScope::whole(usize::MAX)
        };
        executor.write_image(&scope, &mut bytes).unwrap();
        assert_eq!(state_tree(bytes.as_slice()).unwrap(), tree);
    }
}

#[test]
fn a_difference_is_told_by_the_engine_that_has_it() {
    let first = executor(5);
    let mut second = copy(&first);
    let of_first = first.state_tree().unwrap();
    assert_eq!(second.state_tree().unwrap(), of_first);
    run(&mut second, &[(root(3), Message::of([Op::Draw]))]);
    let of_second = second.state_tree().unwrap();
    assert_ne!(of_second.root, of_first.root);
    let named = of_first.difference(&of_second);
    assert_eq!(named, Some(&LeafName::Engine(root(3))));
    let shorter = StateTree {
        leaves: of_first.leaves[..1].to_vec(),
        ..of_first.clone()
    };
    assert!(of_first.leaves.len() > 1 && shorter.difference(&of_first).is_some());
}
