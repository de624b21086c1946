//! The order of transitions: kinds that others name in `AFTER` go first. A cycle has no order. Only kinds
//! that run a transition ask anything: what the others name in `AFTER` is of another upgrade.

use crate::class::Class;
use refit_abi::descriptor::KindDescriptor;
use std::collections::BTreeSet;

/// A kind of the new generation and how its state crosses.
pub(crate) type Crossing<'a> = (&'a KindDescriptor, Class);

/// The kinds whose whole new states must be at hand while the upgrade runs: they handle upgrade messages,
/// or a kind that runs a transition names them in `AFTER`.
pub(crate) fn copied(kinds: &[Crossing<'_>]) -> BTreeSet<String> {
    let asks = kinds.iter().filter(|(_, class)| class.runs());
    let asked = asks.flat_map(|(kind, _)| kind.after.iter().cloned());
    let handlers = kinds
        .iter()
        .filter(|(kind, _)| kind.upgrade_message.is_some())
        .map(|(kind, _)| kind.kind.clone());
    asked.chain(handlers).collect()
}

/// The stage of each kind: one more than the last stage among those it comes after.
///
/// # Errors
/// The kinds of a cycle, in order, the first again at the end.
pub(crate) fn stages(kinds: &[Crossing<'_>]) -> Result<Vec<usize>, Vec<String>> {
    let mut stages = vec![None; kinds.len()];
    for kind in 0..kinds.len() {
        stage(kinds, kind, &mut stages, &mut Vec::new())?;
    }
    Ok(stages.into_iter().map(Option::unwrap_or_default).collect())
}

fn stage(
    kinds: &[Crossing<'_>],
    number: usize,
    stages: &mut Vec<Option<usize>>,
    open: &mut Vec<usize>,
) -> Result<usize, Vec<String>> {
    if let Some(stage) = stages[number] {
        return Ok(stage);
    }
    if let Some(start) = open.iter().position(|other| *other == number) {
        let cycle = open[start..].iter().chain([&number]);
        return Err(cycle.map(|kind| kinds[*kind].0.kind.clone()).collect());
    }
    open.push(number);
    let (kind, class) = kinds[number];
    let mut own = 0;
    for name in kind.after.iter().filter(|_| class.runs()) {
        if let Some(before) = kinds.iter().position(|(other, _)| other.kind == *name) {
            own = own.max(stage(kinds, before, stages, open)? + 1);
        }
    }
    open.pop();
    stages[number] = Some(own);
    Ok(own)
}
