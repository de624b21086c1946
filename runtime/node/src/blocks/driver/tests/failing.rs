//! A crew that panics is noticed also when no block is under way.

use super::heights::comes;
use super::kinds::Message;
use super::rig::{Rig, Set};
use super::*;
use crate::known::failed::Failed;

#[test]
fn a_crew_that_panics_while_nobody_sends_is_noticed_and_ends_the_driver() {
    let mut rig = Rig::new(Set::default());
    let _answered = rig.send(&Message::Tick);
    rig.block();
    rig.run();
    drop(rig.breaks_crew("out of order"));
    assert!(comes(|| rig.latest.lock().ended));
    let said = "out of order".to_owned();
    assert_eq!(rig.standing.failed(), Some(&Failed::Crew { said }));
    assert_eq!(rig.standing.goes_on().unwrap_err().why.code, "node-failed");
}

#[test]
fn whoever_waits_for_a_block_hears_that_its_crew_panicked() {
    let mut rig = Rig::new(Set::default());
    rig.run();
    let breaks = rig.breaks_crew("out of order");
    let answered = rig.send(&Message::Tick);
    drop(breaks);
    let answer = rig.waits(answered);
    assert!(answer.is_none(), "the way back is let go: {answer:?}");
    assert!(comes(|| rig.latest.lock().ended));
    let said = "out of order".to_owned();
    assert_eq!(rig.standing.failed(), Some(&Failed::Crew { said }));
}

#[test]
fn a_driver_that_is_told_to_end_has_not_failed() {
    let mut rig = Rig::new(Set::default());
    let _answered = rig.send(&Message::Tick);
    rig.block();
    rig.run();
    assert!(rig.intake.send(Intake::Stop).is_ok());
    assert!(comes(|| rig.latest.lock().ended));
    assert_eq!(rig.standing.failed(), None);
}
