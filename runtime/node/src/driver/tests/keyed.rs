//! Who hears what became of a message: decided in execution, told to whoever waits.

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
    assert_eq!((refused.status, refused.code.as_str()), (422, "key-used"));
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
