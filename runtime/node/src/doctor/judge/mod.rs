//! The judgement: facts in, findings out.

mod chain;
mod code;
mod folder;

use super::facts::{Facts, LockFacts, StoreFacts};
use super::finding::Finding;
use refit_abi::codes;

/// What the facts mean, in the order in which a reader needs it.
pub fn judge(facts: &Facts) -> Vec<Finding> {
    if !facts.is_data_folder {
        let refused = facts.refused.iter().chain(&facts.distrusted);
        let refused = refused.map(Finding::explained);
        return std::iter::once(folder::none(facts))
            .chain(refused)
            .collect();
    }
    let mut findings = vec![folder::lock(&facts.lock)];
    findings.extend(facts.node.as_ref().map(folder::node));
    findings.extend(facts.rights.as_ref().and_then(folder::rights));
    findings.extend(facts.space.as_ref().map(folder::space));
    findings.extend(facts.refused.iter().map(Finding::explained));
    match &facts.store {
        StoreFacts::None => findings.push(Finding::note(
            codes::STORE_NONE,
            "no chain has begun here, or it was kept in memory alone",
        )),
        StoreFacts::InUse => {}
        StoreFacts::Unreadable(why) => findings.push(Finding::explained(why)),
        StoreFacts::Read(chain) => {
            findings.push(Finding::ok(codes::STORE_SOUND, "the store can be read"));
            findings.extend(chain::all(chain));
            findings.extend(code::all(chain));
            let configured = facts.configured.as_ref();
            findings.extend(
                configured
                    .into_iter()
                    .flat_map(|it| code::configured(it, chain)),
            );
        }
    }
    findings.extend(facts.distrusted.as_ref().map(Finding::explained));
    findings.push(folder::quarantine(&facts.quarantine));
    // What a node that runs is just writing is none of it.
    if facts.lock == LockFacts::Free {
        findings.extend(facts.stray.iter().map(folder::stray));
    }
    findings
}

#[cfg(test)]
mod tests;
