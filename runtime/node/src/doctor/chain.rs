//! The chain in a store: log, checkpoints, kept code, upgrades that were armed, and the code that a start comes to.

use super::checkpoints::{self, Looked};
use super::facts::{
    ArmedFacts, AsideFacts, ChainFacts, CodeFacts, ImageState, LiveFacts, LiveKindFacts, LogFacts,
    OpenUpgrade, UpgradeEnded,
};
use super::library;
use super::walk::Walk;
use crate::code::armed::{self, Recorded};
use crate::recovery::about::About;
use crate::recovery::attempts::{self, REPLAY_STARTS_MAX};
use crate::recovery::genesis::Genesis;
use crate::recovery::restoring;
use crate::start::identity::Identity;
use crate::upgrade::Next;
use refit_abi::Height;
use refit_loader::ProbeCommand;
use refit_store::{ArchiveView, Fault, LogEnds, StoreReader};
use std::collections::BTreeSet;

/// The beginning of the names of records that were blocks.
const ASIDE: &str = "aside/";

/// How a store is looked at.
pub(super) struct How<'a> {
    /// All blocks of the log, however many.
    pub(super) all: bool,
    /// How libraries are loaded in a process of their own, to see what they are called.
    pub(super) probe: &'a ProbeCommand,
}

/// A store, looked at.
pub(super) struct LookedChain {
    pub(super) facts: ChainFacts,
    pub(super) identity: Option<Identity>,
}

pub(super) fn look(store: &StoreReader, how: &How<'_>) -> Result<LookedChain, Fault> {
    let identity = Identity::read(store)?;
    let checkpoints = store.checkpoints()?;
    let checkpoints: Vec<_> = checkpoints.iter().map(checkpoints::look).collect();
    let genesis = Genesis::read(store)?.filter(|_| checkpoints.is_empty());
    let first = genesis.as_ref().and_then(|genesis| genesis.about().ok());
    let log = match store.log()? {
        Some(ends) => Some(walk(store, ends, &checkpoints, how.all)?),
        None => None,
    };
    let armed = armed::all(store)?;
    let begins = start_of(&checkpoints).or(first.as_ref());
    let live = begins.map(|about| live(about, log.as_ref(), &armed));
    let last = log.as_ref().map(|log| log.last);
    let facts = ChainFacts {
        chain: identity.as_ref().map(|it| it.chain().to_owned()),
        restoring: restoring::of(store)?,
        code: code(store, &checkpoints, first.as_ref(), &armed, how.probe),
        starts_at_last: last.map_or(Ok(0), |last| attempts::of(last, store))?,
        starts_max: REPLAY_STARTS_MAX,
        aside: aside(store)?,
        armed: armed
            .iter()
            .map(|it| shown(it, live.as_ref(), last))
            .collect(),
        checkpoints: checkpoints.into_iter().map(|it| it.facts).collect(),
        is_by_log_alone: genesis.is_some(),
        log,
        live,
    };
    Ok(LookedChain { facts, identity })
}

/// What stands beside the checkpoint that a start begins with.
fn start_of(checkpoints: &[Looked]) -> Option<&About> {
    let mut newest = checkpoints.iter().rev();
    let whole = newest.find(|it| it.facts.image == ImageState::Whole);
    whole.and_then(|it| it.about.as_ref())
}

fn walk(
    store: &StoreReader,
    ends: LogEnds,
    checkpoints: &[Looked],
    all: bool,
) -> Result<LogFacts, Fault> {
    let abouts = || checkpoints.iter().filter_map(|it| it.about.as_ref());
    let known = abouts().map(|about| about.ground().tip);
    let known = known.map(|tip| (tip.height, tip.hash)).collect();
    let mut walk = Walk::knowing(known);
    if let Some(about) = abouts().next_back() {
        walk.is_of(about.ground().chain);
    }
    for height in (ends.first.0..=ends.last.0).rev().map(Height) {
        if walk.has_enough() && !all {
            break;
        }
        walk.block(height, store.block(height)?.as_deref());
    }
    let walked = walk.end();
    Ok(LogFacts {
        first: ends.first,
        last: ends.last,
        count: ends.count,
        looked: walked.looked,
        faults: walked.faults,
        ends: walked.ends,
    })
}

/// The code after the last block of the log: that of the checkpoint, and what was committed since.
fn live(about: &About, log: Option<&LogFacts>, armed: &[Recorded]) -> LiveFacts {
    let kinds = about.kinds.iter().map(|kind| LiveKindFacts {
        kind: kind.kind.clone(),
        artifact: kind.artifact.clone(),
        file: kind.file.clone(),
    });
    let mut live = LiveFacts {
        generation: about.generation,
        kinds: kinds.collect(),
    };
    let from = about.ground().tip.height;
    // The header that tells of an upgrade after the checkpoint's block is that of the next block.
    let since = |ended: &&UpgradeEnded| ended.is_committed && ended.height >= from;
    let ends = log.iter().flat_map(|log| &log.ends).filter(since);
    for ended in ends {
        let record = armed.iter().find(|it| it.digest() == ended.plan);
        if let Some(record) = record.filter(|it| it.armed.plan.base == live.generation) {
            comes_in(&mut live, record);
        }
    }
    live
}

/// A plan's code comes in.
fn comes_in(live: &mut LiveFacts, record: &Recorded) {
    live.generation = live.generation.next();
    for module in &record.armed.plan.modules {
        for planned in &module.kinds {
            let new = LiveKindFacts {
                kind: planned.kind.clone(),
                artifact: module.artifact.clone(),
                file: module.path.clone(),
            };
            match live.kinds.iter_mut().find(|it| it.kind == planned.kind) {
                Some(old) => *old = new,
                None => live.kinds.push(new),
            }
        }
    }
}

/// The libraries that checkpoints and armed upgrades need.
fn code(
    store: &StoreReader,
    checkpoints: &[Looked],
    first: Option<&About>,
    armed: &[Recorded],
    probe: &ProbeCommand,
) -> Vec<CodeFacts> {
    let mut artifacts: BTreeSet<String> = BTreeSet::new();
    let abouts = checkpoints.iter().filter_map(|it| it.about.as_ref());
    for about in abouts.chain(first) {
        artifacts.extend(about.artifacts());
    }
    for recorded in armed {
        artifacts.extend(recorded.armed.plan.artifacts());
    }
    let look = |artifact: &String| library::look(artifact, store, Some(probe));
    artifacts.iter().map(look).collect()
}

fn aside(store: &StoreReader) -> Result<Vec<AsideFacts>, Fault> {
    let fact = |(name, content): (String, Vec<u8>)| {
        let height = name.strip_prefix(ASIDE)?.parse().ok()?;
        Some(AsideFacts {
            height: Height(height),
            bytes: content.len() as u64,
        })
    };
    let records = store.records(ASIDE)?;
    Ok(records.into_iter().filter_map(fact).collect())
}

fn shown(recorded: &Recorded, live: Option<&LiveFacts>, last: Option<Height>) -> ArmedFacts {
    let plan = &recorded.armed.plan;
    let last = last.unwrap_or_default();
    let is_to_come = live.is_some_and(|live| live.generation == plan.base)
        && plan.at_height.is_none_or(|planned| planned >= last);
    let open = match Next::of(&recorded.armed, last) {
        _ if !is_to_come => OpenUpgrade::Over,
        Next::Waits => OpenUpgrade::Waits,
        Next::Again => OpenUpgrade::TriedAgain,
        Next::GivenUp => OpenUpgrade::GivenUp,
    };
    ArmedFacts {
        plan: recorded.digest().to_owned(),
        base: plan.base,
        packages: plan.packages(),
        artifacts: plan.artifacts(),
        open,
    }
}
