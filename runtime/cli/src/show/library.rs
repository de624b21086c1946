//! A library's description of itself, for people.

use super::safe::line;
use super::status::short;
use super::table::{facts, table};
use crate::artifact::Examined;
use refit_abi::descriptor::{Descriptor, KindDescriptor, MigrationDescriptor};
use std::fmt::Write;

/// The library on one screen.
pub(crate) fn text(examined: &Examined) -> String {
    let Descriptor { kinds, .. } = &examined.descriptor;
    let mut text = head(examined);
    text.push('\n');
    let rows: Vec<_> = kinds.iter().map(row).collect();
    text.push_str(&table(
        ["KIND", "VERSION", "SCHEMA", "LAYOUT", "MESSAGE", "QUERY"],
        &rows,
    ));
    for kind in kinds {
        for step in &kind.migrations {
            text.push_str(&migration(kind, step));
        }
    }
    text
}

fn head(examined: &Examined) -> String {
    let Descriptor {
        abi_epoch,
        compiler_release,
        compiler_commit,
        layout_epoch,
        target,
        panic_mode,
        build_id,
        release_id,
        package,
        package_version,
        ..
    } = &examined.descriptor;
    let mut said = vec![
        ("file", examined.path.display().to_string()),
        ("artifact", examined.id.to_string()),
        ("package", format!("{package} {package_version}")),
        ("build", build_id.clone()),
        (
            "compiler",
            format!("{compiler_release} ({compiler_commit}), panic {panic_mode}"),
        ),
        (
            "target",
            format!("{target}, ABI epoch {abi_epoch}, layout epoch {layout_epoch}"),
        ),
        ("needs", examined.inspection.needed.join(", ")),
        ("outside", outside(examined)),
    ];
    if let Some(release) = release_id {
        said.insert(4, ("release", release.clone()));
    }
    facts(&said)
}

/// By what it reaches outside of the node.
fn outside(examined: &Examined) -> String {
    let words = examined.inspection.outside_words();
    if words.is_empty() {
        "nothing beyond what every engine asks the system for".to_owned()
    } else {
        words.join(", ")
    }
}

fn row(kind: &KindDescriptor) -> [String; 6] {
    [
        kind.kind.clone(),
        kind.version.to_string(),
        short(&kind.schema.to_string()),
        short(&kind.layout.to_string()),
        short(&kind.message.to_string()),
        short(&kind.query.to_string()),
    ]
}

fn migration(kind: &KindDescriptor, step: &MigrationDescriptor) -> String {
    let mut text = format!(
        "\n{} can start from schema {}",
        line(&kind.kind),
        short(&step.from_schema.to_string())
    );
    if step.by_hand {
        text.push_str(", by hand");
    }
    text.push('\n');
    for (name, fields) in [
        ("moved", &step.moved),
        ("fresh", &step.fresh),
        ("dropped", &step.dropped),
    ] {
        if !fields.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {name:8}{}", line(&fields.join(", ")));
        }
    }
    text
}
