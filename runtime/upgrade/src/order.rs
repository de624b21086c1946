//! The order of transitions: kinds that others name in `AFTER` go first. A cycle has no order.

use refit_abi::descriptor::KindDescriptor;
use std::collections::BTreeSet;

/// The kinds among those that come in whose whole new states must be at hand while the upgrade runs:
/// they handle upgrade messages, or another of them names them in `AFTER`.
pub(crate) fn copied(kinds: &[&KindDescriptor]) -> BTreeSet<String> {
    let asked = kinds.iter().flat_map(|kind| kind.after.iter().cloned());
    let handlers = kinds
        .iter()
        .filter(|kind| kind.upgrade_message.is_some())
        .map(|kind| kind.kind.clone());
    asked.chain(handlers).collect()
}

/// The stage of each kind: one more than the last stage among those it comes after.
///
/// # Errors
/// The kinds of a cycle, in order, the first again at the end.
pub(crate) fn stages(kinds: &[&KindDescriptor]) -> Result<Vec<usize>, Vec<String>> {
    let mut stages = vec![None; kinds.len()];
    for kind in 0..kinds.len() {
        stage(kinds, kind, &mut stages, &mut Vec::new())?;
    }
    Ok(stages.into_iter().map(Option::unwrap_or_default).collect())
}

fn stage(
    kinds: &[&KindDescriptor],
    kind: usize,
    stages: &mut Vec<Option<usize>>,
    open: &mut Vec<usize>,
) -> Result<usize, Vec<String>> {
    if let Some(stage) = stages[kind] {
        return Ok(stage);
    }
    if let Some(start) = open.iter().position(|other| *other == kind) {
        let cycle = open[start..].iter().chain([&kind]);
        return Err(cycle.map(|kind| kinds[*kind].kind.clone()).collect());
    }
    open.push(kind);
    let mut own = 0;
    for name in &kinds[kind].after {
        if let Some(before) = kinds.iter().position(|other| other.kind == *name) {
            own = own.max(stage(kinds, before, stages, open)? + 1);
        }
    }
    open.pop();
    stages[kind] = Some(own);
    Ok(own)
}
