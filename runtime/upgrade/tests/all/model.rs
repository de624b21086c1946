//! Random histories of blocks, upgrades and aborted upgrades against a model of a few lines: the
//! same answers, the same code, and no state is leaked or dropped twice.
//!
//! They run in a child process of their own, because values that live in it are counted. `PROPTEST_CASES` is how
//! many histories there are, `REFIT_SEED` repeats those of the seed that a run has printed.

use crate::node::{Node, UNBOUNDED, WithdrawsAt, read};
use crate::ring::{self, CHECK, FAULT, Message, PANIC, Reply, VERSIONS};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use refit_abi::Generation;
use refit_abi::host::Module;
use refit_kernel::Executor;
use refit_upgrade::{Phase, Verdict};
use std::hash::{BuildHasher, RandomState};
use std::process::Command;

/// Says to the child that it is one.
const CHILD: &str = "REFIT_MODEL_CHILD";

/// Engines of a history: more than one chunk.
const ENGINES: u64 = 70;

/// Histories, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 48;

/// Steps of the longest history.
const STEPS_MAX: usize = 24;

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// A block of additions.
    Block(Vec<(u64, u64)>),
    /// The next version of the ring.
    Upgrade,
    /// The same, withdrawn.
    Withdraw(Phase),
    /// The same, while one engine's state is one on which functions or checks fail.
    Unlucky(u64, u64),
    /// One that cannot be armed: its default panics, or no step leads to it.
    Unready,
    /// Every state is read and what lives is counted.
    Count,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let addition = (0..ENGINES, 0..1_000_u64);
    let phase = prop::sample::select(vec![Phase::Quiesced, Phase::Transitioned]);
    let total = prop::sample::select(vec![FAULT, PANIC, CHECK]);
    let step = prop_oneof![
        3 => prop::collection::vec(addition, 0..20).prop_map(Step::Block),
        4 => Just(Step::Upgrade),
        1 => phase.prop_map(Step::Withdraw),
        2 => (0..ENGINES, total).prop_map(|(engine, total)| Step::Unlucky(engine, total)),
        1 => Just(Step::Unready),
        1 => Just(Step::Count),
    ];
    prop::collection::vec(step, 1..STEPS_MAX)
}

/// What a node has to be.
struct Model {
    place: usize,
    generation: u64,
    mark: u64,
    totals: Vec<u64>,
}

impl Model {
    fn code(&self) -> u32 {
        (self.place % VERSIONS) as u32 + 1
    }

    fn upgraded(&mut self) {
        self.place += 1;
        self.generation += 1;
        self.mark += ring::step_marks(self.place);
    }

    /// Values of the type that is counted: one in each state of the versions that have the field.
    fn tracked(&self) -> i64 {
        if matches!(self.place % VERSIONS, 4 | 5) {
            ENGINES as i64
        } else {
            0
        }
    }
}

fn take(node: &mut Node, model: &mut Model, step: &Step, baseline: i64) {
    match step {
        Step::Block(additions) => block(node, model, additions),
        Step::Upgrade => {
            let verdict = node.upgrade(&ring::version(model.place + 1));
            model.upgraded();
            assert_eq!(verdict, Verdict::Committed(Generation(model.generation)));
        }
        Step::Withdraw(phase) => {
            let states = node.states();
            let armed = node.arm(&ring::version(model.place + 1)).unwrap();
            let verdict = node.run(armed, WithdrawsAt(*phase));
            assert!(matches!(verdict, Verdict::Aborted { phase: at, .. } if at == *phase));
            assert_eq!(node.states(), states);
        }
        Step::Unlucky(engine, total) => unlucky(node, model, *engine, *total),
        Step::Unready => {
            // The one has the state of version 3, which needs no step; the other a default that panics.
            let root = match model.place % VERSIONS {
                0..=1 | 3 => ring::bad_default::module(),
                _ => ring::unrelated::module(),
            };
            assert!(node.arm(&Module::linked(root).unwrap()).is_err());
        }
        Step::Count => count(node, model, baseline),
    }
}

fn block(node: &mut Node, model: &mut Model, additions: &[(u64, u64)]) {
    let messages: Vec<_> = additions
        .iter()
        .map(|(to, n)| (*to, Message::Add(*n)))
        .collect();
    let mut outcome = node.block(&messages, UNBOUNDED);
    assert_eq!(outcome.generation, Generation(model.generation));
    outcome.replies.sort_by_key(|reply| reply.asker);
    assert_eq!(outcome.replies.len(), additions.len());
    for ((to, number), reply) in additions.iter().zip(&outcome.replies) {
        model.totals[*to as usize] += number;
        let total = model.totals[*to as usize];
        assert_eq!(
            read(&reply.outcome),
            Reply {
                code: model.code(),
                total
            }
        );
    }
}

fn unlucky(node: &mut Node, model: &mut Model, engine: u64, total: u64) {
    node.ask(engine, Message::Set(total));
    let states = node.states();
    let verdict = node.upgrade(&ring::version(model.place + 1));
    if ring::step_fails(model.place + 1, total) {
        assert!(matches!(
            verdict,
            Verdict::Aborted {
                phase: Phase::Transitioned,
                ..
            }
        ));
        assert_eq!(node.states(), states);
    } else {
        model.upgraded();
        assert_eq!(verdict, Verdict::Committed(Generation(model.generation)));
    }
    let total = model.totals[engine as usize];
    let reply = node.ask(engine, Message::Set(total));
    assert_eq!(
        reply,
        Reply {
            code: model.code(),
            total
        }
    );
}

fn count(node: &Node, model: &Model, baseline: i64) {
    for (engine, total) in model.totals.iter().enumerate() {
        let (answer, generation) = node.look(engine as u64);
        assert_eq!(generation, Generation(model.generation));
        assert_eq!(
            (answer.code, answer.mark),
            (model.code(), model.mark),
            "engine {engine}"
        );
        assert_eq!(answer.core.total, *total, "engine {engine}");
    }
    node.sweep();
    assert_eq!(
        ring::tracked() - baseline,
        model.tracked(),
        "values that live"
    );
}

fn history(workers: usize, steps: &[Step]) {
    let baseline = ring::tracked();
    let mut node = Node::start(&ring::version(0), ENGINES, workers);
    let mut model = Model {
        place: 0,
        generation: 1,
        mark: 0,
        totals: (0..ENGINES).collect(),
    };
    for step in steps {
        take(&mut node, &mut model, step, baseline);
    }
    count(&node, &model, baseline);
    node.call(Executor::discard_engines);
    assert_eq!(ring::tracked(), baseline, "every value was dropped once");
}

#[test]
fn any_history_gives_the_states_of_the_model_and_leaks_none() {
    if std::env::var_os(CHILD).is_some() {
        return any_history();
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    let name = std::thread::current().name().unwrap().to_owned();
    let child = child.args(["--exact", "--nocapture", &name]);
    let output = child.env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{said}");
    assert!(told.contains("1 passed"), "it ran: {told}{said}");
}

fn any_history() {
    let fresh = || RandomState::new().hash_one(std::process::id());
    let seed = std::env::var("REFIT_SEED").map_or_else(|_| fresh(), |text| text.parse().unwrap());
    eprintln!("REFIT_SEED={seed}");
    let mut config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    let bytes: Vec<u8> = seed.to_le_bytes().into_iter().cycle().take(32).collect();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let run =
        TestRunner::new_with_rng(config, rng).run(&(1..=2_usize, steps()), |(workers, steps)| {
            history(workers, &steps);
            Ok(())
        });
    if let Err(failure) = run {
        panic!("REFIT_SEED={seed}: {failure}");
    }
}
