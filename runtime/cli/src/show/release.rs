//! The releases that are kept, for people.

use super::imported::named;
use super::status::short;
use super::table::table_of;
use crate::units::shown_bytes;
use refit_admin::api::{KeptLibrary, KeptRelease, ReleaseState, WhyKept};

/// A line for each library of each release.
pub(crate) fn text(releases: &[KeptRelease]) -> String {
    let mut rows = Vec::new();
    let has_names = releases.iter().any(|kept| kept.release.is_some());
    for release in releases {
        for (place, library) in release.libraries.iter().enumerate() {
            // The first line says what the release is.
            let once = |text: String| if place == 0 { text } else { String::new() };
            let named = release.release.as_ref().map_or_else(String::new, named);
            let id = release.release.as_ref().map_or("", |name| &name.id);
            let mut row = vec![
                once(generation(release)),
                once(state(release)),
                code(library),
                short(&library.artifact),
                library
                    .bytes
                    .map_or_else(|| "not kept".to_owned(), shown_bytes),
                once(why(release)),
            ];
            if has_names {
                row.insert(2, once(short(id)));
                row.insert(2, once(named));
            }
            rows.push(row);
        }
    }
    let mut head = vec![
        "GENERATION",
        "STATE",
        "CODE",
        "ARTIFACT",
        "SIZE",
        "KEPT BECAUSE",
    ];
    if has_names {
        head.insert(2, "ID");
        head.insert(2, "RELEASE");
    }
    table_of(&head, &rows)
}

fn generation(release: &KeptRelease) -> String {
    let known = release.generation;
    known.map_or_else(|| "-".to_owned(), |it| it.to_string())
}

fn state(release: &KeptRelease) -> String {
    match (release.state, release.until) {
        (ReleaseState::Current, _) => "current, permanent".to_owned(),
        (ReleaseState::OnProbation, Some(until)) => {
            format!("current, on probation until block {until}")
        }
        (ReleaseState::OnProbation, None) => "current, on probation".to_owned(),
        (ReleaseState::Old, _) => "old".to_owned(),
        (ReleaseState::Armed, _) => "armed".to_owned(),
        (ReleaseState::Unpacked, _) => "unpacked".to_owned(),
        (ReleaseState::Staged, _) => "staged".to_owned(),
        (ReleaseState::Revoked, _) => "revoked".to_owned(),
        (ReleaseState::Failed, _) => "failed".to_owned(),
        (ReleaseState::Quarantined, _) => "quarantined".to_owned(),
        (ReleaseState::Damaged, _) => "damaged".to_owned(),
        _ => "unknown".to_owned(),
    }
}

fn code(library: &KeptLibrary) -> String {
    let name = format!("{} {}", library.package, library.version);
    match library.kinds.as_slice() {
        [] => name.trim().to_owned(),
        kinds => format!("{}: {}", kinds.join(", "), name.trim()),
    }
}

fn why(release: &KeptRelease) -> String {
    let words: Vec<_> = release.why.iter().map(reason).collect();
    words.join("; ")
}

fn reason(why: &WhyKept) -> String {
    match why {
        WhyKept::Live => "it is live".to_owned(),
        WhyKept::WayBack => "the way back from the live one".to_owned(),
        WhyKept::Checkpoint { height } => format!("the checkpoint of block {height} needs it"),
        WhyKept::Replay { from } => format!("the log is executed again from block {from}"),
        WhyKept::Armed { at_height: None } => "its upgrade is armed".to_owned(),
        WhyKept::Armed {
            at_height: Some(height),
        } => format!("its upgrade is armed for block {height}"),
        WhyKept::Imported => "it was imported".to_owned(),
        WhyKept::Damaged { id, why } => {
            format!("release {}: {}; {}", short(id), why.detail, why.next)
        }
        WhyKept::Verdict { code } => format!("known as {code}"),
        _ => "the node says so".to_owned(),
    }
}
