//! The order of transitions: kinds that others name in `AFTER` go first. A cycle has no order. Only kinds
//! that run a transition ask anything: what the others name in `AFTER` is of another upgrade.

use crate::class::Class;
use refit_abi::descriptor::KindDescriptor;
use std::collections::BTreeSet;

/// A kind of the new generation and how its state crosses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crossing<'a> {
    pub(crate) kind: &'a KindDescriptor,
    pub(crate) class: Class,
}

/// The kinds whose states are copied whole though fields of them could move over after the commit, because the whole
/// new states must be at hand while the upgrade runs: they handle upgrade messages, or a kind that runs a transition
/// names them in `AFTER`.
pub(crate) fn copied(crossings: &[Crossing<'_>]) -> BTreeSet<String> {
    let asks = crossings.iter().filter(|one| one.class.runs());
    let asked: BTreeSet<&String> = asks.flat_map(|one| &one.kind.after).collect();
    let whole = |one: &&Crossing<'_>| {
        let is_asked = asked.contains(&one.kind.kind) || one.kind.upgrade_message.is_some();
        // Of the other classes nothing moves over: they are whole anyway.
        one.class == Class::Migrate && is_asked
    };
    let copied = crossings.iter().filter(whole);
    copied.map(|one| one.kind.kind.clone()).collect()
}

/// The stage of each kind: one more than the last stage among those it comes after.
///
/// # Errors
/// The kinds of a cycle, in order, the first again at the end.
pub(crate) fn stages(crossings: &[Crossing<'_>]) -> Result<Vec<usize>, Vec<String>> {
    let mut stages = vec![None; crossings.len()];
    for number in 0..crossings.len() {
        stage(crossings, number, &mut stages, &mut Vec::new())?;
    }
    Ok(stages.into_iter().map(Option::unwrap_or_default).collect())
}

fn stage(
    crossings: &[Crossing<'_>],
    number: usize,
    stages: &mut Vec<Option<usize>>,
    open: &mut Vec<usize>,
) -> Result<usize, Vec<String>> {
    if let Some(stage) = stages[number] {
        return Ok(stage);
    }
    if let Some(start) = open.iter().position(|other| *other == number) {
        let cycle = open[start..].iter().chain([&number]);
        let names = cycle.map(|number| crossings[*number].kind.kind.clone());
        return Err(names.collect());
    }
    open.push(number);
    let Crossing { kind, class } = crossings[number];
    let mut own = 0;
    // A kind that does not run a transition asks nothing: what it names holds for another upgrade.
    for name in kind.after.iter().filter(|_| class.runs()) {
        if let Some(before) = crossings.iter().position(|other| other.kind.kind == *name) {
            own = own.max(stage(crossings, before, stages, open)? + 1);
        }
    }
    // Only those on the way count as a circle: two that come after the same third are none.
    open.pop();
    stages[number] = Some(own);
    Ok(own)
}
