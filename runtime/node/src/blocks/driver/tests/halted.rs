//! A node that has halted on probation, and goes on once an operator has decided.

use super::kinds::Message;
use super::rig::{Rig, Set, entry};
use super::*;
use refit_abi::host::Explain;
use refit_ordering::{BlockRefused, Entry};

#[test]
fn what_waited_when_the_node_halted_is_not_handled_once_it_goes_on() {
    let mut rig = Rig::new(Set::default());
    rig.turn();
    let before = rig.height();
    let pool = {
        let driver = rig.driver.as_ref().unwrap();
        driver.parts.source.mempool().clone()
    };
    let Entry::Message(message) = entry(&Message::Tick) else {
        unreachable!("it is one")
    };
    pool.offer(message, None).unwrap();
    rig.standing.halts(BlockRefused::OnProbation {
        height: before,
        engine: EngineId::root("clock").unwrap(),
        what: "it panicked".to_owned(),
    });
    // A block is decided, and dropped, and so is what came behind it.
    while pool.pending() > 0 {
        rig.turn();
    }
    let mut refused = rig.send(&Message::Tick);
    rig.turn();
    let told = refused.try_recv().unwrap().unwrap_err();
    assert_eq!(told.why.code, "node-halted");
    assert_eq!((rig.height(), rig.handled()), (before, 0));

    assert!(rig.standing.is_decided());
    assert!(!rig.standing.is_decided(), "once");
    assert!(rig.intake.send(Intake::GoesOn).is_ok());
    let mut answer = rig.send(&Message::Tick);
    rig.block();
    assert!(answer.try_recv().unwrap().is_ok());
    assert_eq!((rig.height(), rig.handled()), (before.next(), 1));
    assert!(rig.standing.halted().is_none());
}

#[test]
fn nothing_but_a_halt_on_probation_ends_by_an_operators_word() {
    let rig = Rig::new(Set::default());
    let refused = BlockRefused::StateDiffers {
        height: Height(1),
        part: "the engines".to_owned(),
    };
    rig.standing.halts(refused.clone());
    assert!(!rig.standing.is_decided());
    let halted = rig.standing.halted().unwrap();
    assert_eq!(halted.code(), refused.code());
}
