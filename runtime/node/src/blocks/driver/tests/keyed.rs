//! The outcome of a message under a key is decided in execution, and reaches every client that waits for it.

use super::kinds::Message;
use super::rig::{Answered, Rig, Set};
use super::*;
use refit_admin::Replied;

fn answered(answer: &mut Answered) -> Result<Replied, Refusal> {
    answer.try_recv().unwrap()
}

#[test]
fn the_same_request_that_comes_meanwhile_waits_with_the_first_and_another_is_refused() {
    let mut rig = Rig::new(Set::default());
    let mut first = rig.send_under(Some(1), &Message::Tick);
    let mut again = rig.send_under(Some(1), &Message::Tick);
    let mut other = rig.send_under(Some(1), &Message::InMillis(1 << 40));
    let mut keyless = rig.send(&Message::Tick);
    rig.block();
    let first = answered(&mut first).unwrap();
    assert_eq!((&first.body[..], first.repeated), (&b"1"[..], false));
    let repeated = Replied {
        repeated: true,
        ..first
    };
    assert_eq!(answered(&mut again).unwrap(), repeated);
    let refused = answered(&mut other).unwrap_err();
    assert_eq!(
        (refused.status, refused.why.code.as_str()),
        (422, "key-used")
    );
    assert_eq!(&answered(&mut keyless).unwrap().body[..], b"2");
    assert_eq!(rig.handled(), 2);
}

#[test]
fn a_repeat_after_an_upgrade_hears_what_the_old_code_said() {
    let mut rig = Rig::new(Set::default());
    let mut first = rig.send_under(Some(1), &Message::Tick);
    rig.block();
    let first = answered(&mut first).unwrap();
    let armament = rig.arm(Some(Height(1)));
    let mut again = rig.send_under(Some(1), &Message::Tick);
    while rig.height() < Height(2) {
        rig.turn();
    }
    rig.let_out();
    rig.changes_crews(armament);
    assert_eq!(rig.latest.lock().generation.0, 2);
    let again = answered(&mut again).unwrap();
    assert_eq!((again.height, again.generation.0), (Height(1), 1));
    assert!(again.repeated && again.body == first.body);
    assert_eq!(
        (rig.handled(), rig.latest.lock().counts.repeated),
        (1, 1),
        "it was handled once"
    );
}

#[test]
fn whoever_is_gone_before_the_answer_gets_it_when_it_asks_again() {
    let mut rig = Rig::new(Set::default());
    drop(rig.send_under(Some(1), &Message::Tick));
    rig.block();
    let mut again = rig.send_under(Some(1), &Message::Tick);
    rig.block();
    let again = answered(&mut again).unwrap();
    assert_eq!((again.height, again.repeated), (Height(1), true));
    assert_eq!(rig.handled(), 1);
}

#[test]
fn an_answer_does_not_wait_for_the_block_after_its_own() {
    let mut rig = Rig::new(Set::default());
    let first = rig.send(&Message::Tick);
    rig.makes_block();
    let until = rig.holds_crew();
    let mut second = rig.send(&Message::Tick);
    rig.run();
    let first = rig.waits(first).unwrap().unwrap();
    assert_eq!((first.height, &first.body[..]), (Height(1), &b"1"[..]));
    assert!(second.try_recv().is_err(), "its block waits for the crew");
    drop(until);
    let second = rig.waits(second).unwrap().unwrap();
    assert_eq!((second.height, &second.body[..]), (Height(2), &b"2"[..]));
}

#[test]
fn what_was_executed_is_answered_before_the_end() {
    let mut rig = Rig::new(Set::default());
    let first = rig.send(&Message::Tick);
    rig.makes_block();
    assert!(rig.intake.send(Intake::Stop).is_ok());
    rig.run();
    assert_eq!(rig.waits(first).unwrap().unwrap().height, Height(1));
}
