//! Each check of the ledger finds its violation, and finds none where all is as it must be.

use super::*;

/// There, on the first branch.
fn at(height: u64, generation: u64) -> At {
    At {
        branch: 0,
        height,
        generation,
    }
}

fn stored(before: u64, height: u64, generation: u64) -> Reply {
    let previous = match before {
        0 => "null".to_owned(),
        number => format!("\"{number}\""),
    };
    Reply {
        body: format!(r#"{{"stored":{{"previous":{previous}}}}}"#),
        at: at(height, generation),
        is_repeated: false,
    }
}

fn checks(ledger: &mut Ledger) -> Vec<Check> {
    ledger.take_found().iter().map(|it| it.check).collect()
}

/// Two clients; the first has three acknowledged, at the heights 10, 12 and 14, the last under generation 2.
fn ledger() -> Ledger {
    let mut ledger = Ledger::of(2);
    for (number, height, generation) in [(1, 10, 1), (2, 12, 1), (3, 14, 2)] {
        ledger.sends(0, number);
        ledger.acknowledges(0, stored(number - 1, height, generation));
    }
    assert_eq!(ledger.take_found(), []);
    ledger
}

fn read(ledger: &mut Ledger, value: u64, height: u64, generation: u64) -> Vec<Check> {
    let floor = ledger.floor(0);
    ledger.reads(
        0,
        Read {
            floor,
            value,
            at: at(height, generation),
        },
    );
    checks(ledger)
}

#[test]
fn without_a_key_only_what_was_sent_again_may_have_happened_the_first_time() {
    let mut ledger = Ledger::of(3);
    assert!(ledger.has_keys(0) && ledger.has_keys(1) && !ledger.has_keys(2));
    ledger.sends(2, 1);
    ledger.acknowledges(2, stored(0, 10, 1));
    ledger.sends(2, 2);
    ledger.sends(2, 2);
    ledger.acknowledges(2, stored(2, 12, 1));
    assert_eq!(ledger.take_found(), []);
    ledger.sends(2, 3);
    ledger.acknowledges(2, stored(3, 14, 1));
    assert_eq!(checks(&mut ledger), [Check::AppliedTwice]);
    ledger.sends(2, 4);
    ledger.sends(2, 4);
    ledger.acknowledges(2, stored(2, 16, 1));
    assert_eq!(checks(&mut ledger), [Check::Lost]);
    // Who has keys is told what the first send gave.
    for _ in 0..2 {
        ledger.sends(0, 1);
    }
    ledger.acknowledges(0, stored(1, 18, 1));
    assert_eq!(checks(&mut ledger), [Check::AppliedTwice]);
}

#[test]
fn what_is_as_it_must_be_is_no_violation() {
    let mut ledger = ledger();
    let repeated = Reply {
        is_repeated: true,
        ..stored(1, 12, 1)
    };
    ledger.repeats(0, 2, &repeated);
    assert_eq!(read(&mut ledger, 3, 14, 2), []);
    // Between two blocks the next generation may be live already.
    assert_eq!(read(&mut ledger, 3, 20, 3), []);
    ledger.sends(0, 4);
    // It was executed, and its answer was lost: what is read may be ahead of what was told.
    assert_eq!(read(&mut ledger, 4, 21, 3), []);
    ledger.acknowledges(0, stored(3, 21, 3));
    ledger.sends(1, 1);
    ledger.acknowledges(1, stored(0, 10, 1));
    assert_eq!(ledger.take_found(), []);
    assert_eq!(ledger.acknowledged_in_all(), 5);
    assert_eq!((ledger.verified(), ledger.repeated()), (3, 1));
}

#[test]
fn an_acknowledged_message_that_is_gone_is_lost() {
    let mut ledger = ledger();
    ledger.sends(0, 4);
    ledger.acknowledges(0, stored(2, 16, 2));
    let found = ledger.take_found();
    assert_eq!(found[0].check, Check::Lost);
    assert_eq!(found[0].key.as_deref(), Some("chaos-0/4"));
    assert_eq!(found[0].client.as_deref(), Some("chaos-0"));
    assert_eq!(found.len(), 1);
}

#[test]
fn a_message_that_was_applied_again_is_found_in_its_own_reply_and_in_its_repeat() {
    let mut ledger = ledger();
    ledger.sends(0, 4);
    ledger.acknowledges(0, stored(4, 16, 2));
    assert_eq!(checks(&mut ledger), [Check::AppliedTwice]);
    let mismatch = Reply {
        body: r#"{"mismatch":{"actual":"6"}}"#.to_owned(),
        ..stored(0, 18, 2)
    };
    ledger.sends(0, 5);
    ledger.acknowledges(0, mismatch);
    assert_eq!(checks(&mut ledger), [Check::AppliedTwice]);
    // The same reply to the letter, and not a recorded one.
    ledger.repeats(0, 2, &stored(1, 12, 1));
    assert_eq!(checks(&mut ledger), [Check::AppliedTwice]);
}

#[test]
fn a_repeat_with_another_answer_height_or_generation_differs() {
    let mut ledger = ledger();
    for other in [stored(2, 12, 1), stored(1, 13, 1), stored(1, 12, 2)] {
        let other = Reply {
            is_repeated: true,
            ..other
        };
        ledger.repeats(0, 2, &other);
        assert_eq!(checks(&mut ledger), [Check::ReplyDiffers], "{other:?}");
    }
}

#[test]
fn an_answer_that_says_nothing_of_the_value_before_is_not_understood() {
    for body in ["", "{}", r#"{"stored":{}}"#, r#"{"stored":{"previous":3}}"#] {
        let mut ledger = ledger();
        let reply = Reply {
            body: body.to_owned(),
            ..stored(3, 16, 2)
        };
        ledger.acknowledges(0, reply);
        assert_eq!(checks(&mut ledger), [Check::NotUnderstood], "{body}");
    }
}

#[test]
fn a_read_below_what_was_told_or_read_and_one_of_what_nobody_sent_are_found() {
    let mut ledger = ledger();
    assert_eq!(read(&mut ledger, 2, 14, 2), [Check::ReadWentBack]);
    assert_eq!(read(&mut ledger, 4, 14, 2), [Check::ReadUnsent]);
    // What was read once must stay, also if nobody was told so by an acknowledgement.
    let mut ledger = self::ledger();
    ledger.sends(0, 4);
    assert_eq!(read(&mut ledger, 4, 15, 2), []);
    assert_eq!(read(&mut ledger, 3, 15, 2), [Check::ReadWentBack]);
}

#[test]
fn a_height_or_a_generation_that_goes_back_is_found() {
    let mut ledger = ledger();
    assert_eq!(read(&mut ledger, 3, 13, 2), [Check::HeightWentBack]);
    assert_eq!(read(&mut ledger, 3, 15, 1), [Check::GenerationWentBack]);
    ledger.sends(0, 4);
    ledger.acknowledges(0, stored(3, 14, 2));
    assert_eq!(checks(&mut ledger), [Check::HeightWentBack]);
}

/// The roll-back of generation 2, which the ledger above was told of at height 14.
const ROLL_BACK: Order = Order {
    branch: 0,
    base: 1,
    is_accepted: true,
};

fn on_branch(branch: u64, reply: Reply) -> Reply {
    Reply {
        at: At { branch, ..reply.at },
        ..reply
    }
}

#[test]
fn behind_a_roll_back_all_that_was_told_is_there_once_and_by_the_code_of_before() {
    let mut ledger = ledger();
    let before = ledger.floor(0);
    ledger.orders(ROLL_BACK);
    // Whoever is answered first is told of the branch.
    let again = Reply {
        is_repeated: true,
        ..stored(2, 14, 1)
    };
    ledger.repeats(0, 3, &on_branch(1, again.clone()));
    let read = Read {
        floor: before,
        value: 3,
        at: At {
            branch: 1,
            ..at(14, 1)
        },
    };
    ledger.reads(0, read);
    ledger.sends(0, 4);
    ledger.acknowledges(0, on_branch(1, stored(3, 15, 1)));
    assert_eq!(checks(&mut ledger), []);

    let lost = Reply {
        is_repeated: false,
        ..again.clone()
    };
    ledger.repeats(0, 3, &on_branch(1, lost));
    assert_eq!(checks(&mut ledger), [Check::AppliedTwice]);
    ledger.repeats(0, 3, &on_branch(1, stored(2, 14, 2)));
    assert_eq!(checks(&mut ledger), [Check::ReplyDiffers]);
    ledger.reads(0, Read { value: 2, ..read });
    assert_eq!(checks(&mut ledger), [Check::ReadWentBack]);
    let behind = Read {
        floor: ledger.floor(0),
        at: at(15, 1),
        value: 4,
    };
    ledger.reads(0, behind);
    assert_eq!(checks(&mut ledger), [Check::BranchWentBack]);
    // The generation comes anew.
    ledger.sends(0, 5);
    ledger.acknowledges(0, on_branch(1, stored(4, 17, 2)));
    ledger.stands_on(1);
    ledger.sends(1, 1);
    ledger.acknowledges(1, on_branch(1, stored(0, 17, 2)));
    assert_eq!(checks(&mut ledger), []);
}

#[test]
fn a_branch_that_goes_back_or_that_nobody_ordered_and_a_roll_back_that_is_forgotten_are_found() {
    let mut ledger = ledger();
    ledger.orders(ROLL_BACK);
    for branch in [0, 1, 1] {
        ledger.stands_on(branch);
    }
    assert_eq!(checks(&mut ledger), []);
    ledger.stands_on(0);
    assert_eq!(checks(&mut ledger), [Check::BranchWentBack]);
    ledger.stands_on(2);
    assert_eq!(checks(&mut ledger), [Check::BranchUnordered]);
    let mut ledger = self::ledger();
    ledger.orders(ROLL_BACK);
    ledger.lives_again(0);
    assert_eq!(checks(&mut ledger), [Check::RollBackForgotten]);
}

#[test]
fn of_a_snapshot_all_that_was_told_up_to_its_block_must_be_there_and_the_rest_comes_again() {
    let mut ledger = ledger();
    let before = ledger.floor(0);
    ledger.restored(at(12, 1));
    assert_eq!(ledger.acknowledged(0), 2);
    assert_eq!((ledger.acknowledged_in_all(), ledger.undone()), (3, 1));
    let restored = |value| Read {
        floor: before,
        value,
        at: At {
            branch: 1,
            ..at(12, 1)
        },
    };
    // It began before the folder was lost.
    ledger.reads(0, restored(2));
    ledger.sends(0, 3);
    ledger.acknowledges(0, on_branch(1, stored(2, 13, 1)));
    assert_eq!(checks(&mut ledger), []);
    let floor = ledger.floor(0);
    ledger.reads(
        0,
        Read {
            floor,
            ..restored(2)
        },
    );
    assert_eq!(
        checks(&mut ledger),
        [Check::ReadWentBack, Check::HeightWentBack]
    );
    ledger.repeats(0, 2, &on_branch(1, stored(1, 12, 1)));
    assert_eq!(checks(&mut ledger), [Check::AppliedTwice]);
}

#[test]
fn two_generations_at_one_height_or_in_the_wrong_order_are_mixed() {
    for (height, generation) in [(12, 2), (11, 2), (13, 3), (15, 1)] {
        let mut ledger = ledger();
        ledger.sends(1, 1);
        ledger.acknowledges(1, stored(0, height, generation));
        let found = checks(&mut ledger);
        assert_eq!(found, [Check::GenerationMixed], "{generation} at {height}");
    }
    let mut ledger = ledger();
    let floor = Floor::default();
    ledger.looks(floor, at(11, 2));
    assert_eq!(checks(&mut ledger), [Check::GenerationMixed]);
    // A look that began before it was told of more may be behind that.
    ledger.looks(floor, at(11, 1));
    assert_eq!(checks(&mut ledger), []);
}

/// A node in a few lines: a log, and the replies of executing it.
#[derive(Default)]
struct Node {
    log: Vec<(usize, u64)>,
}

impl Node {
    /// Handles a request, or answers it as before if it was.
    fn put(&mut self, client: usize, number: u64) -> Reply {
        let handled = self.log.iter().position(|it| *it == (client, number));
        let place = handled.unwrap_or_else(|| {
            self.log.push((client, number));
            self.log.len() - 1
        });
        Reply {
            is_repeated: handled.is_some(),
            ..stored(self.value(client, place), place as u64 + 1, 1)
        }
    }

    /// The value of a client before a place of the log.
    fn value(&self, client: usize, place: usize) -> u64 {
        let before = self.log[..place].iter();
        before
            .filter(|it| it.0 == client)
            .map(|it| it.1)
            .next_back()
            .unwrap_or(0)
    }

    fn read(&self, ledger: &mut Ledger, client: usize) {
        let read = Read {
            floor: ledger.floor(client),
            value: self.value(client, self.log.len()),
            at: at(self.log.len() as u64, 1),
        };
        ledger.reads(client, read);
    }
}

/// Two clients and a node that handles ten requests of each.
fn served() -> (Node, Ledger) {
    let (mut node, mut ledger) = (Node::default(), Ledger::of(2));
    for number in 1..=10 {
        for client in 0..2 {
            ledger.sends(client, number);
            ledger.acknowledges(client, node.put(client, number));
            node.read(&mut ledger, client);
        }
    }
    (node, ledger)
}

#[test]
fn a_store_that_loses_its_last_commit_is_found_by_the_repeat_the_read_and_the_next_request() {
    let (mut node, mut ledger) = served();
    for client in 0..2 {
        for number in 1..=10 {
            ledger.repeats(client, number, &node.put(client, number));
        }
    }
    assert_eq!(ledger.take_found(), [], "it has lost nothing");

    // What the other client was told last.
    assert_eq!(node.log.pop(), Some((1, 10)));
    node.read(&mut ledger, 1);
    assert_eq!(
        checks(&mut ledger),
        [Check::ReadWentBack, Check::HeightWentBack]
    );
    let (mut next, mut written) = (
        Node {
            log: node.log.clone(),
        },
        ledger.clone(),
    );
    written.sends(1, 11);
    written.acknowledges(1, next.put(1, 11));
    assert_eq!(checks(&mut written), [Check::Lost, Check::HeightWentBack]);
    ledger.repeats(1, 10, &node.put(1, 10));
    assert_eq!(checks(&mut ledger), [Check::AppliedTwice]);
}
