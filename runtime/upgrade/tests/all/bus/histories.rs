//! Random histories of [`Model`]: blocks, upgrades of random classes with bus traffic, and aborts at random
//! points. What may come next follows from the model's state, so that messages go to engines that exist.

use crate::bus::model::{Kind, Model};
use crate::bus::ops::{Message, Op};
use crate::bus::scripts::{peer, script};
use crate::bus::world::{Layout, UNBOUNDED};
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;
use refit_abi::{EngineId, Height};
use refit_upgrade::Phase;
use std::collections::BTreeSet;

/// Engines of a history at its beginning.
pub(crate) const ENGINES: u64 = 12;

/// Workers of a history.
const WORKERS: [usize; 3] = [1, 2, 4];

/// Engines of one chunk of a history, one of the smallest so that its few engines fill several.
const CHUNKS: [usize; 4] = [3, 16, 64, 128];

/// Messages of one block, at most.
const MESSAGES_MAX: usize = 5;

/// Heights within which timers are set.
const WAKES_MAX: u64 = 30;

/// The kinds that come in, in the order of a release. `new` is `fresh` and `leaf`.
const INCOMING: [Kind; 6] = ["alpha", "beta", "plain", "stray", "same", "new"];

/// All histories of the model.
#[derive(Debug)]
pub(crate) struct Histories;

/// The model, which knows neither workers nor chunks, and those of the node beside it.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) layout: Layout,
    pub(crate) model: Model,
}

/// One step of a history.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A block of messages, ended after so many are handled.
    Block(Vec<(EngineId, Message)>, u64),
    /// An upgrade.
    Upgrade(Release),
}

/// What comes in, in the order of a release, and what starts afresh.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    /// Each module's kind and version; `new` is `fresh` and `leaf`.
    pub(crate) modules: Vec<(Kind, u32)>,
    pub(crate) restart: BTreeSet<Kind>,
    /// Withdrawn there.
    pub(crate) withdrawn: Option<Phase>,
}

impl ReferenceStateMachine for Histories {
    type State = Reference;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Reference> {
        let reference = |(workers, chunk)| Reference {
            layout: Layout::new(workers, chunk),
            model: Model::start(ENGINES),
        };
        let workers = prop::sample::select(WORKERS.to_vec());
        let layouts = (workers, prop::sample::select(CHUNKS.to_vec()));
        layouts.prop_map(reference).boxed()
    }

    fn transitions(state: &Reference) -> BoxedStrategy<Step> {
        let budget = prop_oneof![1 => 0..4_u64, 2 => Just(UNBOUNDED)];
        let engines = state.model.engines.iter().map(|engine| engine.id);
        let engines: Vec<_> = engines.chain(state.model.ended.iter().copied()).collect();
        let messages = prop::collection::vec(message(engines), 0..=MESSAGES_MAX);
        let block = (messages, budget).prop_map(|(messages, budget)| Step::Block(messages, budget));
        let upgrade = release(&state.model).prop_map(Step::Upgrade);
        prop_oneof![3 => block, 4 => plans(), 3 => upgrade].boxed()
    }

    /// A history that was made shorter may lack the start of an engine, or a kind's first upgrade. One that has
    /// stopped may be written to.
    fn preconditions(state: &Reference, step: &Step) -> bool {
        let model = &state.model;
        let exists =
            |(to, _): &(EngineId, Message)| model.place(*to).is_some() || model.ended.contains(to);
        match step {
            Step::Block(messages, _) => messages.iter().all(exists),
            Step::Upgrade(release) => release.fits(&state.model),
        }
    }

    fn apply(mut state: Reference, step: &Step) -> Reference {
        let model = &mut state.model;
        match step {
            Step::Block(messages, budget) => model.block(messages, *budget),
            Step::Upgrade(release) => {
                let withdrawn = release.withdrawn.is_some();
                model.upgrade(&release.kinds(), &release.restart, withdrawn);
            }
        }
        state
    }
}

fn message(engines: Vec<EngineId>) -> impl Strategy<Value = (EngineId, Message)> {
    let forward = (prop::sample::select(engines.clone()), 0..100_u64, 1..4_u64);
    let forward = forward.prop_map(|(to, number, times)| Message::Forward { to, number, times });
    let message = prop_oneof![
        4 => (0..100_u64).prop_map(Message::Add),
        6 => forward,
        2 => (0..WAKES_MAX).prop_map(|height| Message::Wake(Height(height))),
        2 => Just(Message::Bear),
        1 => Just(Message::Stop),
    ];
    (prop::sample::select(engines), message)
}

/// What the next transitions do: scripts, one in thirty with a failure at its end.
fn plans() -> impl Strategy<Value = Step> {
    let plan = (0..ENGINES).prop_flat_map(|whose| {
        let fails = prop::bool::weighted(1.0 / 30.0);
        (Just(peer(whose)), script(whose, ENGINES, 3), fails)
    });
    let plan = plan.prop_map(|(whose, mut ops, fails)| {
        ops.extend(fails.then_some(Op::Fail));
        (whose, Message::Plan(ops))
    });
    prop::collection::vec(plan, 1..6).prop_map(|plans| Step::Block(plans, UNBOUNDED))
}

fn release(model: &Model) -> impl Strategy<Value = Release> + use<> {
    // Mostly all kinds: a message to one that stays would often abort.
    let kinds = prop_oneof![
        3 => Just(INCOMING.to_vec()),
        1 => prop::sample::subsequence(INCOMING.to_vec(), 1..=INCOMING.len()),
    ];
    let phase = prop::sample::select(vec![Phase::Quiesced, Phase::Transitioned]);
    let withdrawn = prop::option::weighted(0.15, phase);
    let afresh = prop::sample::subsequence(vec!["alpha", "plain", "fresh", "same"], 0..=2);
    let afresh = prop_oneof![4 => Just(Vec::new()), 1 => afresh];
    let code = model.code.clone();
    let release = (kinds, 2..=3_u32, afresh, withdrawn);
    release.prop_map(move |(kinds, version, afresh, withdrawn)| {
        // One that has a later version already comes in again as it is.
        let to = |kind: Kind| match kind {
            "same" | "new" => (kind, 2),
            _ => (kind, version.max(code[kind])),
        };
        let mut release = Release {
            modules: kinds.into_iter().map(to).collect(),
            restart: BTreeSet::new(),
            withdrawn,
        };
        let comes = |kind: &Kind| release.kinds().iter().any(|(comes, _)| comes == kind);
        let known = afresh.into_iter().filter(|kind| code.contains_key(kind));
        release.restart = known.filter(comes).collect();
        release
    })
}

impl Release {
    /// Each kind's version.
    fn kinds(&self) -> Vec<(Kind, u32)> {
        let kinds = self.modules.iter().flat_map(|(kind, version)| match *kind {
            "new" => vec![("fresh", *version), ("leaf", *version)],
            kind => vec![(kind, *version)],
        });
        kinds.collect()
    }

    /// No version goes back, and what starts afresh is there.
    fn fits(&self, model: &Model) -> bool {
        let forward = |(kind, to): &(Kind, u32)| model.code.get(kind).is_none_or(|from| from <= to);
        let known = |kind: &Kind| model.code.contains_key(kind);
        self.kinds().iter().all(forward) && self.restart.iter().all(known)
    }
}
