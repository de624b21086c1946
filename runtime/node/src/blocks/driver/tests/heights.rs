//! When upgrades run and when blocks are made without a client.

use super::kinds::Message;
use super::rig::{Rig, Set};
use super::*;
use crate::blocks::clock::SystemClock;
use crate::pause::{LetGo, RecallReason};
use refit_abi::Height;
use refit_ordering::Tip;
use std::time::Instant;

/// Longest wait for what must happen at once or in a few blocks.
const SOON: Duration = Duration::from_secs(20);

/// Waits until it holds; whether it does in time.
pub(super) fn comes(holds: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !holds() && start.elapsed() < SOON {
        std::thread::sleep(Duration::from_millis(2));
    }
    holds()
}

#[test]
fn an_upgrade_for_the_height_that_an_idle_node_is_at_runs_there() {
    let mut rig = Rig::new(Set::default());
    let _answered = rig.send(&Message::Tick);
    rig.block();
    std::thread::sleep(Duration::from_millis(20));
    let armament = rig.arm(Some(Height(1)));
    rig.turn();
    let resumed = armament.resumed.recv_timeout(SOON).unwrap();
    assert_eq!(resumed.height, Height(1));
    assert_eq!(rig.height(), Height(2), "the next block follows it at once");
    rig.changes_crews(armament);
}

#[test]
fn an_upgrade_runs_before_the_block_of_messages_that_came_with_it() {
    let mut rig = Rig::new(Set::default());
    let _answered = rig.send(&Message::Tick);
    rig.block();
    std::thread::sleep(Duration::from_millis(20));
    let mut after = rig.send(&Message::Tick);
    let armament = rig.arm(Some(Height(1)));
    rig.turn();
    let resumed = armament.resumed.recv_timeout(SOON).unwrap();
    assert_eq!(resumed.height, Height(1));
    rig.let_out();
    let replied = after.try_recv().unwrap().unwrap();
    assert_eq!((replied.height, replied.generation.0), (Height(2), 2));
    rig.changes_crews(armament);
}

#[test]
fn a_busy_node_runs_an_upgrade_after_its_block_and_before_the_next() {
    let mut rig = Rig::new(Set::default());
    let armament = rig.arm(Some(Height(3)));
    let mut replies = Vec::new();
    for _ in 0..6 {
        replies.push(rig.send(&Message::Tick));
        rig.block();
    }
    let resumed = armament.resumed.recv_timeout(SOON).unwrap();
    assert_eq!(resumed.height, Height(3));
    for mut reply in replies {
        let replied = reply.try_recv().unwrap().unwrap();
        let generation = if replied.height <= Height(3) { 1 } else { 2 };
        assert_eq!(replied.generation.0, generation, "{replied:?}");
    }
    rig.changes_crews(armament);
}

#[test]
fn an_upgrade_whose_height_has_passed_is_told_so_at_once_and_never_runs() {
    let mut rig = Rig::new(Set::default());
    for _ in 0..2 {
        let _answered = rig.send(&Message::Tick);
        rig.block();
    }
    let armament = rig.arm(Some(Height(1)));
    rig.turn();
    let too_late = LetGo::TooLate {
        planned: Height(1),
        now: Height(2),
    };
    assert_eq!(armament.why.try_recv(), Ok(too_late));
    assert!(armament.resumed.recv().is_err(), "its gate never closed");
    armament.ends();
    let _answered = rig.send(&Message::Tick);
    rig.block();
    assert_eq!(rig.latest.lock().generation.0, 1);
}

#[test]
fn an_armed_upgrade_that_is_taken_back_is_let_go_at_once_and_never_runs() {
    let mut rig = Rig::new(Set::default());
    let armament = rig.arm(Some(Height(3)));
    rig.turn();
    assert!(armament.recall.take_back(RecallReason::Operator));
    assert!(rig.intake.send(Intake::Recalled).is_ok());
    rig.turn();
    assert_eq!(
        armament.why.try_recv(),
        Ok(LetGo::TakenBack(RecallReason::Operator))
    );
    assert!(armament.resumed.recv().is_err(), "its gate never closed");
    armament.ends();
    for _ in 0..3 {
        let _answered = rig.send(&Message::Tick);
        rig.block();
    }
    assert!(rig.height() > Height(3));
    assert_eq!(rig.latest.lock().generation.0, 1);
}

#[test]
fn an_upgrade_that_is_taken_back_on_its_way_to_the_driver_never_runs() {
    let mut rig = Rig::new(Set::default());
    let armament = rig.arm(None);
    assert!(armament.recall.take_back(RecallReason::Operator));
    rig.turn();
    assert_eq!(
        armament.why.try_recv(),
        Ok(LetGo::TakenBack(RecallReason::Operator))
    );
    armament.ends();
}

#[test]
fn an_upgrade_whose_gate_has_closed_cannot_be_taken_back() {
    let mut rig = Rig::new(Set::default());
    let armament = rig.arm(None);
    rig.turn();
    assert!(armament.resumed.recv_timeout(SOON).is_ok());
    assert!(!armament.recall.take_back(RecallReason::Operator));
    rig.changes_crews(armament);
}

#[test]
fn an_upgrade_behind_as_many_messages_as_one_turn_takes_in_is_not_lost() {
    let mut rig = Rig::new(Set::default());
    let waiting: Vec<_> = (0..INTAKE_PER_TURN_MAX)
        .map(|_| rig.send(&Message::Tick))
        .collect();
    let armament = rig.arm(None);
    rig.run();
    let resumed = armament.resumed.recv_timeout(SOON);
    assert!(resumed.is_ok());
    assert!(comes(|| rig.handled() == waiting.len() as u64));
    rig.changes_crews(armament);
}

#[test]
fn the_block_after_an_upgrade_is_made_at_once() {
    let mut rig = Rig::new(Set {
        block_interval_millis: 60_000,
        ..Set::default()
    });
    let _answered = rig.send(&Message::Tick);
    rig.block();
    let armament = rig.arm(None);
    rig.run();
    let resumed = armament.resumed.recv_timeout(SOON).unwrap();
    assert_eq!(resumed.height, Height(1));
    assert!(comes(|| rig.height() == Height(2)));
    rig.changes_crews(armament);
}

#[test]
fn a_client_alone_waits_for_no_interval() {
    let mut rig = Rig::new(Set {
        block_interval_millis: 60_000,
        ..Set::default()
    });
    rig.run();
    for height in 1..=8 {
        let _answered = rig.send(&Message::Tick);
        assert!(comes(|| rig.height() == Height(height)), "{height}");
    }
}

#[test]
fn a_timer_that_is_due_before_the_interval_is_over_costs_an_idle_node_no_turns() {
    let mut rig = Rig::new(Set {
        block_interval_millis: 300,
        ..Set::default()
    });
    let _answered = rig.send(&Message::InMillis(1));
    rig.block();
    let mut turns = 0;
    while rig.height() == Height(1) {
        rig.turn();
        turns += 1;
    }
    assert!(turns < 10, "{turns} turns in 300 ms");
    assert_eq!(rig.handled(), 2, "the timer came");
}

#[test]
fn a_plan_far_ahead_costs_an_idle_node_one_block_each_idle_interval() {
    let mut rig = Rig::new(Set {
        idle_interval_millis: 250,
        ..Set::default()
    });
    let armament = rig.arm(Some(Height(u64::MAX)));
    rig.run();
    std::thread::sleep(Duration::from_millis(1_200));
    let blocks = rig.height().0;
    assert!((1..=6).contains(&blocks), "{blocks} blocks in 1.2 s");
    drop(rig);
    armament.ends();
}

#[test]
fn a_height_timer_far_ahead_costs_an_idle_node_one_block_each_idle_interval() {
    let mut rig = Rig::new(Set {
        config: vec![Message::AtHeight(1 << 40)],
        idle_interval_millis: 250,
        ..Set::default()
    });
    rig.run();
    std::thread::sleep(Duration::from_millis(1_200));
    let blocks = rig.height().0;
    assert!((1..=6).contains(&blocks), "{blocks} blocks in 1.2 s");
}

#[test]
fn what_an_init_has_sent_and_set_waits_for_no_client() {
    let mut rig = Rig::new(Set {
        config: vec![Message::Tick, Message::AtHeight(2), Message::InMillis(5)],
        idle_interval_millis: 20,
        ..Set::default()
    });
    rig.run();
    assert!(comes(|| rig.handled() == 3), "{} handled", rig.handled());
}

#[test]
fn a_node_whose_engines_wait_for_nothing_makes_no_block() {
    let mut rig = Rig::new(Set {
        idle_interval_millis: 5,
        ..Set::default()
    });
    rig.run();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(rig.height(), Height(0));
}

#[test]
fn block_time_that_is_ahead_of_the_clock_stands_still_and_nothing_spins() {
    let ahead = SystemClock.now().0 + 3_600_000;
    let mut rig = Rig::new(Set {
        config: vec![Message::InMillis(1)],
        tip: Tip {
            height: Height(7),
            time: BlockTime(ahead),
            ..Tip::default()
        },
        ..Set::default()
    });
    rig.run();
    let _answered = rig.send(&Message::Tick);
    assert!(comes(|| rig.handled() == 1));
    std::thread::sleep(Duration::from_millis(100));
    let latest = *rig.latest.lock();
    assert_eq!((latest.height, latest.time), (Height(8), BlockTime(ahead)));
}
