//! How two releases differ: what somebody reads who is to sign the second one.

use refit_release::manifest::{KindEntry, Manifest, Module};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The stable shape of `--json`: lines for each thing that differs, by what it is about.
#[derive(Debug, Serialize)]
pub(crate) struct Difference {
    release: Vec<String>,
    modules: BTreeMap<String, Vec<String>>,
    kinds: BTreeMap<String, Vec<String>>,
}

/// One thing before and after.
fn changed(lines: &mut Vec<String>, what: &str, a: impl ToString, b: impl ToString) {
    let (a, b) = (a.to_string(), b.to_string());
    if a != b {
        lines.push(format!("{what}: {a} → {b}"));
    }
}

impl Difference {
    pub(crate) fn of(a: &Manifest, b: &Manifest) -> Self {
        let mut release = Vec::new();
        changed(&mut release, "name", &a.name, &b.name);
        changed(&mut release, "network", &a.network, &b.network);
        changed(&mut release, "place", a.position, b.position);
        let window = |it: &Manifest| format!("{} to {}", it.window.from, it.window.until);
        changed(&mut release, "blocks", window(a), window(b));
        let way_back = |it: &Manifest| if it.reversible { "yes" } else { "no" };
        changed(&mut release, "way back", way_back(a), way_back(b));
        let differences = |it: &Manifest| list(&it.expected_differences);
        changed(
            &mut release,
            "other replies",
            differences(a),
            differences(b),
        );
        let root = |it: &Manifest| {
            it.source
                .as_ref()
                .map_or_else(none, |it| it.root.to_string())
        };
        changed(&mut release, "source", root(a), root(b));
        let of = |it: &Module| (it.package.clone(), module(it));
        let modules = compared(a.modules.iter().map(of), b.modules.iter().map(of));
        let of = |it: &KindEntry| (it.kind.clone(), kind(it));
        let kinds = compared(a.kinds().map(of), b.kinds().map(of));
        Self {
            release,
            modules,
            kinds,
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut part = |title: &str, lines: &[String]| {
            // A string takes all that is written to it.
            let _ = writeln!(text, "{title}");
            for line in lines {
                let _ = writeln!(text, "  {}", super::safe::line(line));
            }
        };
        if !self.release.is_empty() {
            part("the release", &self.release);
        }
        for (name, lines) in &self.modules {
            part(&format!("module {name}"), lines);
        }
        for (name, lines) in &self.kinds {
            part(&format!("kind {name}"), lines);
        }
        match text.is_empty() {
            true => "nothing differs\n".to_owned(),
            false => text,
        }
    }
}

type Facts = Vec<(&'static str, String)>;

/// What is new, gone, or other.
fn compared(
    a: impl Iterator<Item = (String, Facts)>,
    b: impl Iterator<Item = (String, Facts)>,
) -> BTreeMap<String, Vec<String>> {
    let (a, mut b): (BTreeMap<_, _>, BTreeMap<_, _>) = (a.collect(), b.collect());
    let mut all = BTreeMap::new();
    for (name, before) in a {
        let mut lines = Vec::new();
        match b.remove(&name) {
            None => lines.push("is gone".to_owned()),
            Some(after) => {
                for ((what, before), (_, after)) in before.into_iter().zip(after) {
                    changed(&mut lines, what, before, after);
                }
            }
        }
        if !lines.is_empty() {
            all.insert(name, lines);
        }
    }
    for (name, facts) in b {
        let said = facts
            .into_iter()
            .map(|(what, value)| format!("{what}: {value}"));
        let lines = std::iter::once("is new".to_owned()).chain(said);
        all.insert(name, lines.collect());
    }
    all
}

fn module(module: &Module) -> Facts {
    let files = module.artifacts.iter();
    let files = files.map(|file| format!("{} {} ({})", file.file, file.target, file.toolchain));
    vec![
        ("version", module.version.clone()),
        ("ABI epoch", module.abi_epoch.to_string()),
        ("folder", module.folder.clone()),
        ("files", list(files)),
    ]
}

fn kind(kind: &KindEntry) -> Facts {
    let may = kind.capabilities.iter();
    let may = may.map(|may| format!("{} {}", may.ability, may.kind));
    vec![
        ("version", kind.version.to_string()),
        ("schema", kind.to.to_string()),
        ("takes over", list(&kind.from)),
        ("strategy", format!("{:?}", kind.strategy)),
        ("may", list(may)),
    ]
}

fn list<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    let all: Vec<_> = all.into_iter().map(|one| one.to_string()).collect();
    match all.is_empty() {
        true => none(),
        false => all.join(", "),
    }
}

fn none() -> String {
    "none".to_owned()
}
