//! What a shadow replay found: which replies the new code would have given otherwise.

use crate::show::safe::line;
use refit_abi::codes;
use refit_admin::api::ShadowReport;
use refit_upgrade::{Finding, Level, Plan};
use std::fmt::Write;

/// What the operator should know of it.
pub(super) fn findings(shadow: &ShadowReport, plan: &Plan) -> Vec<Finding> {
    let differ = |(kind, count): (&String, &u64)| {
        let is_meant = plan.directives.expected.contains(kind);
        Finding {
            code: codes::REPLIES_DIFFER.to_owned(),
            level: match is_meant {
                true => Level::Note,
                false => Level::Warning,
            },
            kind: kind.clone(),
            reason: format!(
                "{count} of the {} replies of the last {} blocks come out differently from `{kind}`{}",
                replies(shadow),
                shadow.blocks,
                if is_meant { ", as is expected" } else { "" },
            ),
            next: match is_meant {
                true => "nothing, if it is these that are meant".to_owned(),
                false => format!(
                    "look at them; if they are meant, plan with --expect-differences {kind}"
                ),
            },
        }
    };
    let differ = shadow.different.iter().map(differ);
    let poisoned = shadow.poisoned.iter().map(|engine| Finding {
        code: codes::SHADOW_POISONED.to_owned(),
        level: Level::Warning,
        kind: String::new(),
        reason: format!(
            "engine `{engine}` panics under the new code on what clients asked last, and not under the live code"
        ),
        next: "mend it, and plan again".to_owned(),
    });
    poisoned.chain(differ).collect()
}

/// It for people: how far it came, and the replies that differ.
pub(super) fn text(shadow: &ShadowReport) -> String {
    let ended = shadow.ended.as_deref().map(line);
    let mut text = match (shadow.blocks, &ended) {
        (0, Some(why)) => return format!("no shadow replay: {why}\n"),
        (blocks, ended) => format!(
            "shadow replay: {} of {} replies alike, in {blocks} blocks behind block {}{}\n",
            shadow.same,
            replies(shadow),
            shadow.after,
            ended
                .as_ref()
                .map_or_else(String::new, |why| format!("; not of all: {why}")),
        ),
    };
    for shown in &shadow.shown {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  block {}, {}\n    live  {}\n    new   {}",
            shown.height,
            line(&shown.engine),
            line(&shown.live),
            line(&shown.new)
        );
    }
    text
}

/// All that were compared.
fn replies(shadow: &ShadowReport) -> u64 {
    shadow.same + shadow.different.values().sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::{Generation, Height};
    use refit_admin::api::ShadowDifference;
    use refit_upgrade::{Directives, PLAN_FORMAT};

    fn plan(expected: &[&str]) -> Plan {
        Plan {
            format: PLAN_FORMAT,
            base: Generation(1),
            base_code: String::new(),
            at_height: None,
            modules: Vec::new(),
            carried: Vec::new(),
            directives: Directives {
                expected: expected.iter().map(ToString::to_string).collect(),
                ..Directives::default()
            },
            findings: Vec::new(),
            release: None,
            predicted_pause_us: None,
        }
    }

    #[test]
    fn differences_are_warned_of_unless_they_are_expected_and_a_panic_always() {
        let shadow = ShadowReport {
            after: Height(4),
            blocks: 3,
            same: 7,
            different: [("kv".to_owned(), 2)].into(),
            shown: vec![ShadowDifference {
                height: Height(5),
                engine: "kv".to_owned(),
                live: "{\"n\":1}".to_owned(),
                new: "{\"n\":2}".to_owned(),
            }],
            poisoned: vec!["kv".to_owned()],
            ended: None,
        };
        let levels = |expected: &[&str]| {
            let found = findings(&shadow, &plan(expected)).into_iter();
            found.map(|it| (it.code, it.level)).collect::<Vec<_>>()
        };
        let poisoned = ("shadow-poisoned".to_owned(), Level::Warning);
        let differ = |level| ("replies-differ".to_owned(), level);
        assert_eq!(levels(&[]), [poisoned.clone(), differ(Level::Warning)]);
        assert_eq!(levels(&["kv"]), [poisoned, differ(Level::Note)]);
        assert_eq!(
            text(&shadow),
            "shadow replay: 7 of 9 replies alike, in 3 blocks behind block 4\n  \
             block 5, kv\n    live  {\"n\":1}\n    new   {\"n\":2}\n"
        );
    }

    #[test]
    fn it_is_said_why_nothing_was_compared() {
        let shadow = ShadowReport {
            ended: Some("the node keeps no blocks".to_owned()),
            ..ShadowReport::default()
        };
        assert_eq!(
            text(&shadow),
            "no shadow replay: the node keeps no blocks\n"
        );
        assert_eq!(findings(&shadow, &plan(&[])), []);
    }
}
