//! A node made of an image without all states, as a rehearsal has it: an upgrade that needs one of the others says so.

use crate::bus::kinds::{self, id};
use crate::bus::ops::{Op, say, send};
use crate::bus::world::World;
use crossbeam_channel::{Sender, bounded};
use refit_kernel::crew::UpdatePoint;
use refit_kernel::{Duty, Executor, ImageReader, ImageScope, Quiesced};
use refit_upgrade::{Armed, Directives, Plan, Unwatched, Verdict};
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for the copy's crew.
const WAIT: Duration = Duration::from_secs(60);

/// Runs an upgrade and tells whether it missed a state.
struct Point {
    armed: Arc<Armed>,
    done: Sender<bool>,
}

impl UpdatePoint for Point {
    fn closing(&mut self) {}

    fn quiesced(&mut self, quiesced: &mut Quiesced<'_>) {
        let _verdict = self.armed.run(quiesced, &mut Unwatched);
        let missed = self.armed.under_way().has_missed();
        self.done.send(missed).unwrap();
    }

    fn resumed(self: Box<Self>) {}
}

/// Whether the third version of `alpha` misses a state, in a copy of the node that has those of `alpha` alone.
fn misses(world: &World) -> bool {
    let (table, bytes) = world.call(|executor| {
        let mut bytes = Vec::new();
        let scope = ImageScope {
            kinds: Some(["alpha".to_owned()].into()),
            ..ImageScope::whole(usize::MAX)
        };
        executor.write_image(&scope, &mut bytes).unwrap();
        (executor.table(), bytes)
    });
    let image = ImageReader::begin(bytes.as_slice()).unwrap();
    let executor = image.executor(table.clone(), |_| ()).unwrap().executor;
    let modules = [kinds::one("alpha", 3)];
    let plan = Plan::at_hand(&table, &modules, &Directives::default()).unwrap();
    let armed = Arc::new(Armed::new(&plan, &table, &modules).unwrap());
    let duty = Duty::start("copy", 1, executor).unwrap();
    let next = duty.next("copy").unwrap();
    let (done, missed) = bounded(1);
    let point = Box::new(Point { armed, done });
    let old = duty.hand_over(point, next).unwrap();
    let missed = missed.recv_timeout(WAIT).unwrap();
    old.unwrap().join();
    duty.ask(Executor::discard_engines, WAIT).unwrap();
    duty.stop();
    missed
}

/// Whether the same upgrade commits in the node itself.
fn commits(mut world: World) -> bool {
    let modules = [kinds::one("alpha", 3)];
    let crossed = world.cross_with(&modules, &Directives::default(), Unwatched);
    matches!(crossed.verdict, Verdict::Committed(_))
}

#[test]
fn who_is_asked_or_messaged_and_was_not_copied_is_missed_and_nobody_else() {
    let beta = id("beta");
    let cases = [
        (vec![Op::Read(beta)], true, true),
        // It handles such messages and goes on as it is: only its state says whether it could take one. In the node
        // it serves, and its ordinary messages are of another type.
        (vec![send(beta, vec![])], true, false),
        // An ordinary message waits in its mailbox, whatever its state is.
        (vec![say(beta, 100)], false, true),
        (vec![], false, true),
    ];
    for (ops, is_missed, commits_in_node) in cases {
        let mut world = World::of_each_kind(1);
        world.crossed();
        let told = format!("{ops:?}");
        world.plan("alpha", ops);
        assert_eq!(misses(&world), is_missed, "{told}");
        assert_eq!(commits(world), commits_in_node, "{told}");
    }
}
