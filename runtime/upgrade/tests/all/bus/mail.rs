//! What waited in mailboxes, timers and clients' words cross to newer messages, or the upgrade does not
//! happen; and engines that start afresh.

use crate::bus::kinds::id;
use crate::bus::posts::{self, UNLUCKY};
use crate::bus::world::{Crossed, UNBOUNDED, World, keyless};
use refit_abi::host::Explain;
use refit_abi::{EngineId, Undelivered};
use refit_kernel::{EngineState, EngineStatus, Ingress, ReplyError};
use refit_upgrade::{Directives, Phase, Unwatched, Verdict};

/// Two engines, `a` started with 0 and `b` with 1.
fn start() -> World {
    World::start(&posts::version(1), &[("a", "post"), ("b", "post")], 2)
}

impl World {
    /// Says it to `a` as JSON; gives the words, or the fault's code.
    fn tell(&mut self, json: &str) -> Result<Vec<String>, String> {
        let outcome = self.block_json(&[(id("a"), json.into())], UNBOUNDED);
        let reply = outcome.replies.into_iter().next().unwrap().outcome;
        match reply {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap()),
            Err(ReplyError::Fault(fault)) => Err(fault.code),
            Err(_) => Err("rejected".to_owned()),
        }
    }

    fn words(&self, engine: EngineId) -> Vec<String> {
        let codec = refit_abi::raw::Codec::Json;
        let answer = self
            .call(move |executor| executor.query(engine, codec, b"null"))
            .unwrap();
        let told: posts::Told = serde_json::from_slice(&answer).unwrap();
        told.words
    }

    /// `a` has sent itself these numbers, which wait, and has a timer for height `at`.
    fn queue(&mut self, numbers: &[u64], at: u64) {
        let mut messages = vec![(id("a"), format!("{{\"Later\":[{at},100]}}").into_bytes())];
        let again = |number: &u64| (id("a"), format!("{{\"Again\":{number}}}").into_bytes());
        messages.extend(numbers.iter().map(again));
        let budget = messages.len() as u64;
        assert_eq!(self.block_json(&messages, budget).backlog, numbers.len());
    }

    fn to(&mut self, version: u32, directives: &Directives) -> Crossed {
        self.cross_with(&[posts::version(version)], directives, Unwatched)
    }

    fn goes_to(&mut self, version: u32) -> Crossed {
        let crossed = self.to(version, &Directives::default());
        assert!(
            matches!(crossed.verdict, Verdict::Committed(_)),
            "{crossed:?}"
        );
        crossed
    }
}

/// Those of the words that were told by a version's code.
fn by(code: u32, words: &[String]) -> Vec<&str> {
    let code = format!("{code} ");
    words
        .iter()
        .filter_map(|word| word.strip_prefix(&code))
        .collect()
}

#[test]
fn queued_messages_and_timers_are_handled_in_the_new_words_in_their_order() {
    let mut world = start();
    world.queue(&[1, 2, 3], 3);
    world.goes_to(2);
    world.block(&[], UNBOUNDED);
    world.block(&[], UNBOUNDED);
    let say = |from: &str, number| format!("{from}: Speak {{ number: {number}, loud: false }}");
    let told = [
        say("engine", 1),
        say("engine", 2),
        say("engine", 3),
        say("timer", 100),
    ];
    assert_eq!(by(2, &world.words(id("a"))), told);
}

#[test]
fn they_cross_two_versions_in_one_upgrade_and_in_two() {
    let run = |versions: &[u32]| {
        let mut world = start();
        world.queue(&[1, 2], 2);
        for version in versions {
            world.goes_to(*version);
        }
        world.block(&[], UNBOUNDED);
        (
            world.words(id("a")),
            world.call(|executor| executor.encode_states().unwrap()),
        )
    };
    let at_once = run(&[3]);
    assert_eq!(at_once, run(&[2, 3]));
    let last = at_once.0.last().unwrap();
    assert!(last.contains("language: \"old\""), "{last}");
    assert_eq!(by(3, &at_once.0).len(), 3);
}

#[test]
fn clients_of_older_versions_are_understood_and_get_their_replies() {
    let mut world = start();
    world.goes_to(3);
    let said = |world: &mut World, json| world.tell(json).unwrap().last().unwrap().clone();
    assert!(said(&mut world, r#"{"Say":5}"#).contains("number: 5, loud: false"));
    assert!(
        said(&mut world, r#"{"Speak":{"number":6,"loud":true}}"#).contains("number: 6, loud: true")
    );
    let newest = r#"{"number":7,"loud":true,"language":"en"}"#;
    assert!(said(&mut world, newest).contains("language: \"en\""));
    assert_eq!(world.tell("{\"Shout\":1}").unwrap_err(), "rejected");
}

#[test]
fn a_mistake_in_the_newest_words_is_not_read_as_an_older_message_that_says_less() {
    let mut world = start();
    world.goes_to(2);
    world.goes_to(6);
    let mistake = r#"{"Speak":{"number":1,"loud":true,"times":"3"}}"#;
    assert_eq!(world.tell(mistake).unwrap_err(), "rejected");
    let older = world.tell(r#"{"Speak":{"number":1,"loud":true}}"#).unwrap();
    assert!(older.last().unwrap().contains("times: 1"), "{older:?}");
}

#[test]
fn clients_messages_that_wait_are_of_the_version_that_was_live_when_they_came() {
    let mut world = start();
    world.goes_to(2);
    let speak = |number| format!(r#"{{"Speak":{{"number":{number},"loud":true}}}}"#);
    // The second is of a client that is a version behind.
    let waiting = [speak(1), "{\"Say\":2}".to_owned(), speak(3)];
    let waiting = waiting.map(|json| (id("a"), json.into_bytes()));
    assert_eq!(world.block_json(&waiting, 0).backlog, 3);
    world.goes_to(7);
    let replies = world.block(&[], UNBOUNDED).replies;
    assert!(replies.len() == 3 && replies.iter().all(|reply| reply.outcome.is_ok()));
    world.tell(&speak(4)).unwrap();
    let say = |number, loud| format!("client: Speak {{ number: {number}, loud: {loud} }}");
    let told = [
        say(100, true),
        say(200, false),
        say(300, true),
        say(4, true),
    ];
    assert_eq!(by(7, &world.words(id("a"))), told);
}

#[test]
fn a_waiting_clients_message_that_the_new_code_does_not_take_aborts_or_is_given_up_and_told() {
    let mut world = start();
    let under_a_key = |words: &[u8]| Ingress {
        sequence: Some(1),
        ..keyless(&(id("a"), words.to_vec()))
    };
    let say = under_a_key(b"{\"Say\":5}");
    assert_eq!(world.block_of(vec![say], 0).backlog, 1);
    let failure = world.to(4, &Directives::default()).all_old(Phase::Quiesced);
    assert_eq!(failure.code(), "queued-message-not-accepted");
    let directives = Directives {
        dead_letters: ["post".to_owned()].into(),
        ..Directives::default()
    };
    let crossed = world.to(4, &directives);
    assert!(matches!(crossed.verdict, Verdict::Committed(_)));
    assert_eq!((crossed.after.dead_count, crossed.after.backlog), (1, 0));
    let replies = world.block(&[], UNBOUNDED).replies;
    let (engine, reason) = (id("a"), Undelivered::Rejected);
    let told = Err(ReplyError::Undelivered { engine, reason });
    assert_eq!((replies.len(), &replies[0].outcome), (1, &told));
    // Nothing was done, so the key is free: for the new words too.
    let only = under_a_key(b"{\"only\":5}");
    let replies = world.block_of(vec![only], UNBOUNDED).replies;
    assert!(replies[0].outcome.is_ok() && !replies[0].repeated);
}

#[test]
fn a_timer_that_the_conversion_refuses_becomes_a_dead_letter() {
    let mut world = start();
    let later = format!("{{\"Later\":[3,{UNLUCKY}]}}");
    world.tell(&later).unwrap();
    world.goes_to(2);
    let dead = [2, 3].map(|_| world.block(&[], UNBOUNDED).stats.dead_letters);
    assert_eq!(dead, [0, 1]);
}

#[test]
fn a_conversion_that_refuses_is_told_to_the_sender_and_nothing_is_handled() {
    let mut world = start();
    world.queue(&[UNLUCKY, 4], 2);
    world.goes_to(2);
    world.block(&[], UNBOUNDED);
    let words = world.words(id("a"));
    let told = by(2, &words);
    assert_eq!(
        (told.len(), told[2]),
        (3, "undelivered: Rejected"),
        "{words:?}"
    );
    assert!(!words.iter().any(|word| word.contains("number: 13")));
    assert_eq!(world.tell("{\"Say\":13}").unwrap_err(), "unlucky");
    assert_eq!(world.tell("{\"Later\":[99,1]}").unwrap_err(), "no-timers");
    assert_eq!(world.words(id("a")), words);
}

#[test]
fn a_queued_message_that_the_new_code_does_not_take_aborts_before_anything_runs() {
    for (numbers, at) in [(vec![1, 2], 9), (vec![], 9)] {
        let mut world = start();
        world.queue(&numbers, at);
        let crossed = world.to(4, &Directives::default());
        let failure = crossed.all_old(Phase::Quiesced);
        assert_eq!(failure.code(), "queued-message-not-accepted");
        assert_eq!(failure.engine(), Some(id("a")));
        // Nothing is lost: the old code handles it.
        world.block(&[], UNBOUNDED);
        world.height = 8;
        world.block(&[], UNBOUNDED);
        let words = world.words(id("a"));
        assert_eq!(
            words.iter().filter(|w| w.contains(": Say(")).count(),
            numbers.len() + 1
        );
        // With nothing waiting it goes through.
        world.goes_to(4);
    }
}

#[test]
fn or_they_become_dead_letters_kept_and_counted_if_the_plan_says_so() {
    let mut world = start();
    world.queue(&[1, 2], 9);
    let to_b = (id("b"), b"{\"Say\":5}".to_vec());
    let directives = Directives {
        dead_letters: ["post".to_owned()].into(),
        ..Directives::default()
    };
    let crossed = world.to(4, &directives);
    assert!(
        matches!(crossed.verdict, Verdict::Committed(_)),
        "{crossed:?}"
    );
    assert_eq!(
        (crossed.before.dead_count, crossed.after.dead_count),
        (0, 3)
    );
    assert_eq!((crossed.before.backlog, crossed.after.backlog), (2, 0));
    assert_eq!(crossed.after.dead.len(), 3);
    for letter in &crossed.after.dead {
        assert_eq!((letter.to, letter.reason), (id("a"), Undelivered::Rejected));
    }
    // They are in the counts of the next block, and handled by no one; what comes then is.
    let outcome = world.block_json(&[to_b, (id("a"), b"{\"only\":5}".to_vec())], UNBOUNDED);
    assert_eq!(outcome.stats.dead_letters, 3);
    assert_eq!(outcome.next_timer_height, None);
    assert_eq!(
        by(4, &world.words(id("a"))),
        ["client: Message { only: 5 }"]
    );
    assert_eq!(world.block(&[], UNBOUNDED).stats.dead_letters, 0);
}

#[test]
fn a_kind_that_restarts_drops_its_states_and_keeps_configurations_queues_and_counters() {
    let mut world = start();
    world.tell("{\"Say\":5}").unwrap();
    world.queue(&[1, 2], 9);
    let directives = Directives {
        restart: ["post".to_owned()].into(),
        ..Directives::default()
    };
    // To the same code's next version: what waits is still understood.
    let crossed = world.to(2, &directives);
    assert!(
        matches!(crossed.verdict, Verdict::Committed(_)),
        "{crossed:?}"
    );
    assert_eq!(crossed.before.counters, crossed.after.counters);
    assert_eq!(crossed.counters(id("a")), (2, 0));
    assert_eq!(crossed.after.backlog, 2);
    assert!(world.words(id("a")).is_empty());
    world.block(&[], UNBOUNDED);
    assert_eq!(by(2, &world.words(id("a"))).len(), 2);
    let configs = ["a", "b"].map(|name| {
        let codec = refit_abi::raw::Codec::Json;
        let answer = world
            .call(move |executor| executor.query(id(name), codec, b"null"))
            .unwrap();
        serde_json::from_slice::<posts::Told>(&answer)
            .unwrap()
            .config
    });
    assert_eq!(configs, [0, 1]);
    world.height = 8;
    world.block(&[], UNBOUNDED);
    assert_eq!(by(2, &world.words(id("a"))).len(), 2, "no timer of before");
}

#[test]
fn a_restart_whose_init_refuses_the_old_configuration_aborts() {
    let names: Vec<String> = (0..9).map(|number| format!("e{number}")).collect();
    let engines: Vec<_> = names.iter().map(|name| (name.as_str(), "post")).collect();
    let mut world = World::start(&posts::version(1), &engines, 2);
    let directives = Directives {
        restart: ["post".to_owned()].into(),
        ..Directives::default()
    };
    let failure = world.to(4, &directives).all_old(Phase::Transitioned);
    assert_eq!(
        (failure.code(), failure.engine()),
        ("restart-failed", Some(id("e7")))
    );
    assert!(failure.to_string().contains("no more"), "{failure}");
    world.goes_to(4);
}

#[test]
fn what_waits_for_an_engine_that_no_longer_serves_stands_in_no_ones_way() {
    for end in ["\"Stop\"", "\"Panic\""] {
        let mut world = start();
        let later = "{\"Later\":[1000,1]}";
        world.tell(later).unwrap();
        let failure = world.to(4, &Directives::default()).all_old(Phase::Quiesced);
        assert_eq!(failure.code(), "queued-message-not-accepted");
        let _ = world.tell(end);
        world.goes_to(4);
    }
}

#[test]
fn an_engine_is_not_started_afresh_with_a_configuration_of_another_type() {
    let restart = Directives {
        restart: ["post".to_owned()].into(),
        ..Directives::default()
    };
    // The node's own configuration is read by name.
    let mut world = start();
    let crossed = world.to(5, &restart);
    assert!(matches!(crossed.verdict, Verdict::Committed(_)));
    assert_eq!(world.words(id("b")), ["narrow"]);
    // An engine that was spawned has it in postcard, whose bytes could be read as anything.
    let mut world = start();
    world.tell("{\"Bear\":300}").unwrap();
    let child = id("a").child(0);
    let failure = world.to(5, &restart).all_old(Phase::Transitioned);
    assert_eq!(failure.code(), "restart-failed");
    assert_eq!(failure.engine(), Some(child));
    assert!(failure.to_string().contains("schema"), "{failure}");
    assert_eq!(world.words(child), [""; 0]);
}

#[test]
fn a_restart_starts_poisoned_engines_afresh_before_any_message() {
    let restart = Directives {
        restart: ["post".to_owned()].into(),
        ..Directives::default()
    };
    let poisoned = |world: &World| {
        let statuses = world.call(|executor| executor.statuses(9));
        let is = |status: &&EngineStatus| matches!(status.state, EngineState::Poisoned(_));
        statuses.iter().filter(is).count()
    };
    let mut world = start();
    world.tell("{\"Say\":5}").unwrap();
    world.tell("\"Panic\"").unwrap_err();
    assert_eq!(poisoned(&world), 1);
    // Without the directive it stays as it is, and does not stand in the way of the others.
    assert!(matches!(
        world.to(2, &Directives::default()).verdict,
        Verdict::Committed(_)
    ));
    assert_eq!(poisoned(&world), 1);
    let crossed = world.to(3, &restart);
    assert!(
        matches!(crossed.verdict, Verdict::Committed(_)),
        "{crossed:?}"
    );
    // It serves at the update point, not only once something has touched it.
    assert_eq!(poisoned(&world), 0);
    assert!(world.words(id("a")).is_empty());
    world.block_json(&[(id("a"), b"{\"Say\":6}".to_vec())], UNBOUNDED);
    assert_eq!(world.words(id("a")).len(), 1);
}

#[test]
fn an_aborted_restart_leaves_poisoned_engines_poisoned_and_nothing_of_the_fresh_ones() {
    let names: Vec<String> = (0..9).map(|number| format!("e{number}")).collect();
    let engines: Vec<_> = names.iter().map(|name| (name.as_str(), "post")).collect();
    let mut world = World::start(&posts::version(1), &engines, 2);
    let restart = Directives {
        restart: ["post".to_owned()].into(),
        ..Directives::default()
    };
    world.block_json(&[(id("e0"), b"\"Panic\"".to_vec())], UNBOUNDED);
    let failure = world.to(4, &restart).all_old(Phase::Transitioned);
    assert_eq!(failure.code(), "restart-failed");
    let outcome = world.block_json(&[(id("e0"), b"{\"Say\":1}".to_vec())], UNBOUNDED);
    let reason = Undelivered::Poisoned;
    let engine = id("e0");
    assert_eq!(
        outcome.replies[0].outcome,
        Err(ReplyError::Undelivered { engine, reason })
    );
}
