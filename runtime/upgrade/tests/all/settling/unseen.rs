//! Nobody sees when a state is settled, not even of one that cannot be.

use crate::settling::engines::{default_panics, flaky_1, flaky_2, linked, teller};
use crate::settling::node::{Node, root};
use parking_lot::Mutex;
use refit_abi::{Generation, Height, State};
use refit_kernel::{EngineState, Image, Kept, KindCount, Replied, Stats};
use refit_upgrade::{Directives, Verdict};

/// The default that panics or loops is one for the whole process.
pub(crate) static ONE: Mutex<()> = Mutex::new(());

/// Longest image, in bytes.
const IMAGE_BYTES_MAX: usize = 1 << 20;

/// A history: what waits at the update point, and the blocks after it.
struct History<'a> {
    before: &'a [(&'a str, u64)],
    waiting: &'a [(&'a str, u64)],
    after: &'a [&'a [(&'a str, u64)]],
}

/// What all nodes must agree on.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    replies: Vec<Vec<Replied>>,
    images: Vec<Image>,
    dead_letters: u64,
    totals: Stats,
    counts: Vec<KindCount>,
}

/// A node whose `flaky` cannot be settled; `swept` before the next block, or when that block touches it, or after.
fn run(history: &History<'_>, swept: bool) -> (Node, Seen) {
    default_panics(false);
    let modules = [linked(flaky_1::module()), linked(teller::module())];
    let mut node = Node::start(&modules, &["teller", "flaky"]);
    node.block(history.before);
    node.post(history.waiting, 0).recv().unwrap();
    let armed = node.arm(&linked(flaky_2::module()), &Directives::default());
    default_panics(true);
    let (passed, old) = node.begin(armed);
    let (mut replies, mut images) = (Vec::new(), Vec::new());
    for (place, block) in history.after.iter().enumerate() {
        if place == 0 && swept {
            node.call(|executor| executor.sweep());
        }
        replies.push(node.block(block).replies);
        if place > 0 {
            let image = node.call(|executor| executor.image(IMAGE_BYTES_MAX));
            images.push(image.unwrap());
        }
    }
    let committed = Verdict::Committed(Generation(2));
    assert_eq!(passed.recv().unwrap().verdict, committed);
    old.join();
    let seen = node.call(move |executor| Seen {
        replies,
        images,
        dead_letters: executor.dead_letter_count(),
        totals: executor.totals(),
        counts: executor.kind_counts(),
    });
    (node, seen)
}

/// The same history on two nodes; gives what both saw.
fn agreed(history: &History<'_>) -> (Node, Seen) {
    let _one = ONE.lock();
    let (_, first) = run(history, true);
    let (node, then) = run(history, false);
    assert_eq!(first, then, "swept before the block, and not");
    assert_eq!(then.totals.poisoned, 1);
    assert_eq!(
        then.counts.iter().map(|count| count.poisoned).sum::<u64>(),
        1
    );
    (node, then)
}

fn heard(node: &Node) -> Vec<String> {
    let states = node.call(|executor| executor.encode_states().unwrap());
    let (_, bytes) = states.iter().find(|(id, _)| *id == root("teller")).unwrap();
    postcard::from_bytes::<teller::Teller>(bytes).unwrap().heard
}

#[test]
fn an_engine_that_cannot_be_settled_is_poisoned_at_the_update_point_whoever_comes_first() {
    let history = History {
        before: &[("flaky", 88)],
        waiting: &[("flaky", 10)],
        after: &[&[("flaky", 3), ("teller", 1)], &[], &[("flaky", 4)]],
    };
    let (node, seen) = agreed(&history);
    assert_eq!(seen.dead_letters, 1, "its timer");
    // What waited and what came: neither was handled.
    assert_eq!(
        seen.replies[0]
            .iter()
            .filter(|it| it.outcome.is_err())
            .count(),
        2
    );
    assert_eq!(heard(&node), ["flaky Poisoned", "message 2"]);
    let statuses = node.call(|executor| executor.statuses(usize::MAX));
    let flaky = statuses.iter().find(|it| it.id == root("flaky")).unwrap();
    let EngineState::Poisoned(poison) = &flaky.state else {
        panic!("{flaky:?}");
    };
    assert_eq!((poison.height, poison.sender), (Height(2), None));
    assert!(poison.text.contains("no default today"), "{}", poison.text);
}

#[test]
fn nor_does_it_matter_that_a_block_comes_first_that_does_not_touch_it() {
    let history = History {
        before: &[("flaky", 10)],
        waiting: &[],
        after: &[&[], &[("teller", 1)], &[]],
    };
    let (node, _) = agreed(&history);
    assert_eq!(heard(&node), ["flaky Poisoned", "message 2"]);
}

#[test]
fn the_state_before_is_kept_with_the_version_and_schema_that_it_has_through_images_and_for_a_capture()
 {
    let history = History {
        before: &[("flaky", 10)],
        waiting: &[],
        after: &[&[("flaky", 3)], &[]],
    };
    let (node, seen) = agreed(&history);
    let kept = Kept {
        version: 1,
        schema: flaky_1::Flaky::schema_id(),
        state: vec![10],
    };
    let image = &seen.images[0];
    let flaky = |image: &Image| {
        let mut engines = image.engines.iter();
        engines.find(|it| it.id == root("flaky")).unwrap().clone()
    };
    assert_eq!(flaky(image).kept.as_ref(), Some(&kept));
    let from = image.clone();
    let again = node.call(move |executor| {
        let restored = refit_kernel::Executor::from_image(executor.table(), &from).unwrap();
        restored.image(IMAGE_BYTES_MAX).unwrap()
    });
    assert_eq!(flaky(&again), flaky(image));
    let captured = node.call(|executor| executor.encode_state(root("flaky"), 100));
    let captured = captured.unwrap();
    let captured = Kept {
        version: captured.version,
        schema: captured.schema,
        state: captured.state,
    };
    assert_eq!(captured, kept);
}
