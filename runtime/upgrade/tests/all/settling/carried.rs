//! The effects that an upgrade leaves for the next block are in an image that is taken before it.

use crate::settling::engines::{linked, spoken_1, spoken_2};
use crate::settling::node::Node;
use refit_abi::host::BlockFrame;
use refit_abi::{BlockTime, Generation, Height, Undelivered};
use refit_kernel::crew::Helpers;
use refit_kernel::{BlockInput, Executor, Image, ReplyError};
use refit_upgrade::{Directives, Verdict};

#[test]
fn answers_to_what_was_given_up_and_events_and_lines_of_an_init_come_through_an_image() {
    let mut node = Node::start(&[linked(spoken_1::module())], &["spoken"]);
    node.post(&[("spoken", 5)], 0).recv().unwrap();
    let directives = Directives {
        restart: ["spoken".to_owned()].into(),
        dead_letters: ["spoken".to_owned()].into(),
        ..Directives::default()
    };
    let armed = node.arm(&linked(spoken_2::module()), &directives);
    let (passed, old) = node.begin(armed);
    let committed = Verdict::Committed(Generation(2));
    assert_eq!(passed.recv().unwrap().verdict, committed);
    old.join();

    let (table, image) = node.call(|executor| (executor.table(), executor.image(1 << 20)));
    // Through bytes, as to another process.
    let bytes = postcard::to_allocvec(&image.unwrap()).unwrap();
    let image: Image = postcard::from_bytes(&bytes).unwrap();
    let frame = BlockFrame {
        height: Height(2),
        time: BlockTime(2_000),
        ..BlockFrame::default()
    };
    let block = BlockInput {
        frame,
        ..BlockInput::default()
    };
    let here = node.block(&[]);
    // The copy runs engine code, so on the crew.
    let there = node.call(move |_| {
        let mut copy = Executor::from_image(table, &image).unwrap();
        let outcome = copy.execute(&Helpers::none(), block);
        copy.discard_engines();
        outcome
    });
    let [reply] = here.replies.as_slice() else {
        panic!("{here:?}");
    };
    assert!(
        matches!(
            reply.outcome,
            Err(ReplyError::Undelivered {
                reason: Undelivered::Rejected,
                ..
            })
        ),
        "{reply:?}"
    );
    assert_eq!((here.events.len(), here.logs.len()), (1, 1));
    assert_eq!(there.replies, here.replies);
    assert_eq!(there.events, here.events);
    assert_eq!(there.logs, here.logs);
}
