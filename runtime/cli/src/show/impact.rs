//! The changes of an engine, for people.

use super::safe::line;
use super::table::facts;
use refit_author::impact::Impact;

/// The comparison on one screen.
pub(crate) fn text(impact: &Impact) -> String {
    let Impact {
        package,
        from_version,
        to_version,
        needs,
        declared,
        changes,
        notes,
        ..
    } = impact;
    let needed = match (changes.is_empty(), declared) {
        (true, _) => "nothing: code only".to_owned(),
        (false, true) => format!("{needs}, which it has"),
        (false, false) => format!("{needs}, which it does not have"),
    };
    let mut text = facts(&[
        ("package", package.clone()),
        ("version", format!("{from_version} → {to_version}")),
        ("needs", needed),
    ]);
    for change in changes {
        let said = format!(
            "{} {} ({}): {}",
            change.kind, change.part, change.needs, change.means
        );
        text.push_str(&format!("\n{}\n", line(&said)));
        for difference in &change.differences {
            text.push_str(&format!("  {}\n", line(difference)));
        }
    }
    for note in notes {
        text.push_str(&format!("\nnote: {}\n", line(note)));
    }
    text
}
