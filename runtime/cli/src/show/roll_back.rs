//! What a roll-back has come to, or would, for people.

use super::table::facts;
use refit_admin::api::{RevisedReply, RollBackReport};

/// The facts of it, for the report of its upgrade.
pub(super) fn rows(report: &RollBackReport) -> Vec<(&'static str, String)> {
    let (after, through) = (report.after, report.through);
    let mut rows = vec![
        (
            "branch",
            format!(
                "{} begins after block {after}; blocks {} to {through} are made anew",
                report.branch,
                after.next()
            ),
        ),
        ("replies", replies(report)),
    ];
    rows.extend(report.shown.iter().map(|reply| ("revised", revised(reply))));
    let more = report.revised.saturating_sub(report.shown.len() as u64);
    if more > 0 {
        rows.push(("", format!("and {more} more")));
    }
    rows
}

/// What a trial says.
pub(crate) fn text(report: &RollBackReport) -> String {
    facts(&rows(report))
}

fn replies(report: &RollBackReport) -> String {
    let RollBackReport {
        same,
        revised,
        lost,
        ..
    } = report;
    let known = match report.is_whole {
        true => "",
        false => "; of others, told before the node was started last, nothing is known",
    };
    format!(
        "{same} as clients were told, {revised} revised, {lost} that no message has any more{known}"
    )
}

fn revised(reply: &RevisedReply) -> String {
    let key = reply.key.as_deref().unwrap_or("a message without a key");
    format!("block {}, engine {}: {key}", reply.height, reply.engine)
}
