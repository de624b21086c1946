//! The state after an upgrade, for each class.

use crate::node::{Node, UNBOUNDED, read};
use crate::ring::{self, Message, VERSIONS};
use refit_abi::{Generation, Height};
use refit_kernel::crew::UpdatePoint;
use refit_kernel::{Executor, GenerationTable, Quiesced};
use refit_upgrade::{Class, KindClass, Unwatched, Verdict};

/// More engines than one chunk holds, so that helpers take part.
const ENGINES: u64 = 150;

/// The class of the crossing *to* each version of the ring.
pub(crate) const CLASSES: [Class; VERSIONS] = [
    Class::Translate,
    Class::Adopt,
    Class::Migrate,
    Class::MigrateByHand,
    Class::Migrate,
    Class::Translate,
];

/// Takes a node with mail and timers across one step of the ring.
fn crosses(place: usize) {
    let (old, new) = (ring::version(place + VERSIONS - 1), ring::version(place));
    let before = ((place + VERSIONS - 1) % VERSIONS) as u32 + 1;
    let after = (place % VERSIONS) as u32 + 1;
    let mut node = Node::start(&old, ENGINES, 2);
    let mut messages: Vec<_> = (0..ENGINES)
        .map(|to| {
            (
                to,
                Message::Forward {
                    to: ENGINES - 1 - to,
                    number: 500,
                },
            )
        })
        .collect();
    messages.push((3, Message::Wake(Height(3))));
    // One whole round.
    let outcome = node.block(&messages, messages.len() as u64);
    assert!(
        outcome
            .replies
            .iter()
            .all(|reply| read(&reply.outcome).code == before)
    );
    assert_eq!(
        outcome.backlog, ENGINES as usize,
        "the forwarded messages wait"
    );

    node.bound(UNBOUNDED);
    let armed = node.arm(&new).unwrap();
    assert_eq!(
        armed.classes(),
        [KindClass {
            kind: "ring".to_owned(),
            class: CLASSES[place % VERSIONS],
        }]
    );
    // The next block is in the queue behind the upgrade: no sweep comes between them.
    let held = node.hold();
    let (ended, crew) = node.begin(armed, Unwatched);
    let outcome = node.post(&[(0, Message::Add(1))], UNBOUNDED);
    drop(held);
    let (verdict, armed) = ended.recv().unwrap();
    assert_eq!(verdict, Verdict::Committed(Generation(2)));
    let outcome = outcome.recv().unwrap();
    assert_eq!(outcome.generation, Generation(2));
    assert_eq!(read(&outcome.replies[0].outcome).code, after);
    assert_eq!(
        (outcome.stats.messages, outcome.stats.mixed),
        (ENGINES + 1, 0)
    );

    for engine in 0..ENGINES {
        let (answer, generation) = node.look(engine);
        assert_eq!((answer.code, generation), (after, Generation(2)));
        assert_eq!(
            answer.core.total,
            engine + 500 + u64::from(engine == 0),
            "engine {engine}"
        );
        assert_eq!(answer.mark, ring::step_marks(place), "engine {engine}");
        let codes: Vec<_> = answer
            .core
            .runs
            .iter()
            .map(|run| (run.code, run.first))
            .collect();
        assert_eq!(
            codes,
            [(before, 1), (after, 2)],
            "who handled which block's messages"
        );
    }
    timer_survives(&mut node, after);
    node.sweep();
    crew.join();
    drop(armed);
    assert_eq!(old.handles(), 1, "nothing but this test holds the old code");
}

fn timer_survives(node: &mut Node, code: u32) {
    let outcome = node.block(&[], UNBOUNDED);
    let woken: Vec<_> = outcome
        .events
        .iter()
        .map(|event| (&*event.topic, &*event.payload))
        .collect();
    assert_eq!(woken, [("woken", code.to_string().as_bytes())]);
    assert_eq!(node.look(3).0.core.total, 1_503);
}

#[test]
fn an_adopted_state_mail_and_timers_go_on_under_the_new_code() {
    crosses(1);
}

#[test]
fn a_state_with_a_computed_field_mail_and_timers_go_on_under_the_new_code() {
    crosses(2);
}

#[test]
fn a_state_migrated_by_hand_mail_and_timers_go_on_under_the_new_code() {
    crosses(3);
}

#[test]
fn a_state_with_a_new_default_mail_and_timers_go_on_under_the_new_code() {
    crosses(4);
}

#[test]
fn a_state_read_as_bytes_mail_and_timers_go_on_under_the_new_code() {
    crosses(5);
}

#[test]
fn a_state_read_as_bytes_through_a_step_mail_and_timers_go_on_under_the_new_code() {
    crosses(6);
}

#[test]
fn engines_that_no_message_touches_cross_by_the_sweep() {
    for place in 1..=VERSIONS {
        let mut node = Node::start(&ring::version(place + VERSIONS - 1), ENGINES, 2);
        node.upgrade(&ring::version(place));
        node.sweep();
        assert!(!node.call(|executor| executor.is_sweeping()));
        assert_eq!(node.states().len(), ENGINES as usize);
        assert_eq!(node.look(ENGINES - 1).0.mark, ring::step_marks(place));
    }
}

#[test]
fn an_engine_that_gets_a_place_where_the_sweep_has_been_crosses_too() {
    // The sweep takes steps of 16 chunks: one of a single engine each leaves most of them for later.
    const ENGINES: u64 = 60;
    for place in 1..=VERSIONS {
        let old = ring::version(place + VERSIONS - 1);
        let mut executor = Executor::new(GenerationTable::first(old.kinds().collect()));
        executor.pack(1);
        let mut node = Node::start_on(executor, ENGINES, 1);
        let armed = node.arm(&ring::version(place)).unwrap();
        let held = node.hold();
        let (ended, crew) = node.begin(armed, Unwatched);
        // Both are in the queue behind the upgrade: between them there is one step of the sweep.
        let first = node.post(&[], UNBOUNDED);
        let stops = [0, 7].map(|engine| (engine, Message::Stop));
        let outcome = node.post(&stops, UNBOUNDED);
        drop(held);
        first.recv().unwrap();
        assert!(
            outcome
                .recv()
                .unwrap()
                .replies
                .iter()
                .all(|it| it.outcome.is_ok())
        );
        let (verdict, armed) = ended.recv().unwrap();
        assert_eq!(verdict, Verdict::Committed(Generation(2)));
        crew.join();
        drop(armed);
        node.sweep();
        assert_eq!(
            node.states().len(),
            ENGINES as usize - 2,
            "none is poisoned"
        );
        for engine in [ENGINES - 1, ENGINES - 2] {
            assert_eq!(node.look(engine).0.mark, ring::step_marks(place));
        }
    }
}

/// An update point that does not wait for all of the sweep.
struct Impatient {
    /// Steps that it still waits for.
    steps: usize,
    let_go: crossbeam_channel::Sender<Height>,
}

impl UpdatePoint for Impatient {
    fn sweeps_on(&mut self) -> bool {
        let goes_on = self.steps > 0;
        self.steps = self.steps.saturating_sub(1);
        goes_on
    }

    fn let_go(self: Box<Self>, height: Height) {
        assert_eq!(self.steps, 0);
        self.let_go.send(height).unwrap();
    }

    fn closing(&mut self) {
        panic!("the gate closes although the sweep is not done");
    }

    fn quiesced(&mut self, _: &mut Quiesced<'_>) {}

    fn resumed(self: Box<Self>) {}
}

#[test]
fn an_upgrade_that_does_not_wait_for_the_sweep_is_let_go_and_blocks_and_the_next_upgrade_come() {
    // Four steps of the sweep.
    const ENGINES: u64 = 60;
    for steps in 0..3 {
        let mut executor =
            Executor::new(GenerationTable::first(ring::version(1).kinds().collect()));
        executor.pack(1);
        let mut node = Node::start_on(executor, ENGINES, 1);
        let armed = node.arm(&ring::version(2)).unwrap();
        let held = node.hold();
        let (ended, first) = node.begin(armed, Unwatched);
        // In the queue right behind it.
        let (let_go, told) = crossbeam_channel::bounded(1);
        let second = node.send(Box::new(Impatient { steps, let_go }));
        drop(held);
        assert_eq!(told.recv().unwrap(), Height(0));
        let (verdict, armed) = ended.recv().unwrap();
        assert_eq!(verdict, Verdict::Committed(Generation(2)));
        first.join();
        second.join();
        drop(armed);
        let outcome = node.block(&[(7, Message::Stop)], UNBOUNDED);
        assert!(outcome.replies.iter().all(|reply| reply.outcome.is_ok()));
        assert_eq!(node.look(ENGINES - 1).1, Generation(2));
        assert_eq!(
            node.upgrade(&ring::version(3)),
            Verdict::Committed(Generation(3))
        );
        node.sweep();
        assert_eq!(
            node.states().len(),
            ENGINES as usize - 1,
            "none is poisoned"
        );
    }
}
