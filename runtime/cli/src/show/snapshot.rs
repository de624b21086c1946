//! What is in a snapshot, and how two of them differ, for people and programs.

use super::table::{facts, several, table};
use crate::units::{shown_bytes, shown_moment};
use refit_abi::schema::SchemaId;
use refit_abi::{BlockTime, Generation, Height};
use refit_node::snapshot::{
    EngineDifference, EngineFacts, Entry, KeysetFacts, Part, SnapshotDifference, SnapshotFile,
    SnapshotFileError, SnapshotState, TrustFacts,
};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A snapshot in a line, and the stable shape of `--json` of those who make or verify one.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) file: PathBuf,
    bytes: u64,
    chain: String,
    pub(crate) branch: u64,
    pub(crate) height: Height,
    pub(crate) generation: Generation,
    /// The hash of the states; none in one of an older release.
    state: Option<SnapshotState>,
    engines: usize,
    /// Libraries in it.
    libraries: usize,
}

impl Summary {
    pub(crate) fn of(path: &Path, file: &SnapshotFile) -> Self {
        let header = file.header();
        Self {
            file: path.to_owned(),
            bytes: file.bytes(),
            chain: header.chain_name(),
            branch: header.branch,
            height: header.height,
            generation: header.generation,
            state: header.state.clone(),
            engines: file.engines().len(),
            libraries: file.libraries().count(),
        }
    }

    /// The same with the hash of the states, which was found by reading them.
    pub(crate) fn found(self, state: SnapshotState) -> Self {
        let state = Some(state);
        Self { state, ..self }
    }

    /// The hash of the states.
    pub(crate) fn state(&self) -> &str {
        self.state.as_ref().map_or("-", |state| &state.hash)
    }

    pub(crate) fn line(&self) -> String {
        let code = match self.libraries {
            0 => "without code",
            _ => "with code",
        };
        format!(
            "chain `{}` after block {} on branch {}: {}, {}, {code}",
            self.chain,
            self.height,
            self.branch,
            engines(self.engines),
            shown_bytes(self.bytes),
        )
    }
}

/// A number of engines.
pub(crate) fn engines(count: usize) -> String {
    match count {
        1 => "1 engine".to_owned(),
        count => format!("{count} engines"),
    }
}

/// The stable shape of `refit snapshot inspect --json`.
#[derive(Debug, Serialize)]
pub(crate) struct Shown<'a> {
    #[serde(flatten)]
    summary: Summary,
    time: BlockTime,
    refit: &'a str,
    abi_epoch: u32,
    parameters: &'a serde_json::Value,
    /// Whom its node trusts, as it says itself; none in one of an older release.
    trust: Option<TrustFacts>,
    kinds: Vec<ShownKind<'a>>,
    each_engine: Vec<ShownEngine<'a>>,
}

/// The code of a kind.
#[derive(Debug, Serialize)]
struct ShownKind<'a> {
    kind: &'a str,
    version: u32,
    schema: SchemaId,
    package: &'a str,
    package_version: &'a str,
    artifact: &'a str,
    toolchain: &'a str,
    abi_epoch: u32,
    has_way_back: bool,
    /// Whether its library is in the snapshot.
    is_embedded: bool,
}

/// An engine.
#[derive(Debug, Serialize)]
struct ShownEngine<'a> {
    engine: String,
    kind: &'a str,
    version: u32,
    /// None: it was poisoned.
    state_bytes: Option<u64>,
    letters: u64,
}

impl<'a> Shown<'a> {
    pub(crate) fn of(path: &'a Path, file: &'a SnapshotFile) -> Result<Self, SnapshotFileError> {
        let header = file.header();
        let trust = file.trust()?;
        let embedded: BTreeSet<&str> = file.libraries().collect();
        let kinds = header.kinds.iter().map(|kind| ShownKind {
            kind: &kind.kind,
            version: kind.version,
            schema: kind.schema,
            package: &kind.package,
            package_version: &kind.package_version,
            artifact: &kind.artifact,
            toolchain: &kind.toolchain,
            abi_epoch: kind.abi_epoch,
            has_way_back: kind.has_way_back,
            is_embedded: embedded.contains(kind.artifact.as_str()),
        });
        let engines = file.engines().iter().map(|engine| {
            let kind = &header.kinds[engine.kind];
            ShownEngine {
                engine: engine.id.to_string(),
                kind: &kind.kind,
                version: kind.version,
                state_bytes: engine.state_bytes,
                letters: engine.letters,
            }
        });
        Ok(Self {
            summary: Summary::of(path, file),
            time: header.time,
            refit: &header.refit,
            abi_epoch: header.abi_epoch,
            parameters: &header.parameters,
            trust,
            kinds: kinds.collect(),
            each_engine: engines.collect(),
        })
    }

    pub(crate) fn text(&self) -> String {
        let summary = &self.summary;
        let mut rows = vec![
            ("chain", summary.chain.clone()),
            ("branch", summary.branch.to_string()),
            ("after block", summary.height.to_string()),
            (
                "of",
                shown_moment(self.time.0).unwrap_or_else(|| "-".to_owned()),
            ),
            ("generation", summary.generation.to_string()),
            ("state hash", summary.state().to_owned()),
            ("size", shown_bytes(summary.bytes)),
            ("written by", format!("refit {}", self.refit)),
        ];
        rows.extend(trusted(self.trust.as_ref()));
        let mut text = facts(&rows);
        let kinds = self.kinds.iter().map(|kind| {
            [
                kind.kind.to_owned(),
                kind.version.to_string(),
                kind.schema.to_string(),
                format!("{} {}", kind.package, kind.package_version),
                kind.artifact.to_owned(),
                if kind.is_embedded { "yes" } else { "no" }.to_owned(),
            ]
        });
        let head = ["kind", "state", "schema", "package", "library", "embedded"];
        text.push('\n');
        text.push_str(&table(head, &kinds.collect::<Vec<_>>()));
        let engines = self.each_engine.iter().map(|engine| {
            let state = engine.state_bytes.map(shown_bytes);
            [
                engine.engine.clone(),
                engine.kind.to_owned(),
                engine.version.to_string(),
                state.unwrap_or_else(|| "poisoned".to_owned()),
                engine.letters.to_string(),
            ]
        });
        text.push('\n');
        let head = ["engine", "kind", "version", "state", "mail"];
        text.push_str(&table(head, &engines.collect::<Vec<_>>()));
        text
    }
}

/// Whom a snapshot's node trusts.
fn trusted(trust: Option<&TrustFacts>) -> Vec<(&'static str, String)> {
    let Some(trust) = trust else {
        return vec![("keyset", "not said: it is of an older refit".to_owned())];
    };
    let none = || "none".to_owned();
    let keyset = trust.keyset.as_ref().map_or_else(none, in_words);
    let newest = trust.newest.as_ref().map_or_else(none, |newest| {
        format!("{}.{} {}", newest.epoch, newest.sequence, newest.id)
    });
    vec![
        ("keyset", keyset),
        ("newest release", newest),
        ("revoked", trust.revoked.to_string()),
    ]
}

fn in_words(keyset: &KeysetFacts) -> String {
    let KeysetFacts {
        id,
        network,
        version,
    } = keyset;
    format!("{id}, version {version} of the network `{network}`")
}

/// How two snapshots differ.
pub(crate) fn difference(difference: &SnapshotDifference) -> String {
    let mut text = String::new();
    let changes: Vec<_> = difference.facts.iter().map(change).collect();
    let rows: Vec<_> = changes
        .iter()
        .map(|[path, change]| (path.as_str(), change.clone()))
        .collect();
    text.push_str(&facts(&rows));
    if !difference.tables.is_empty() {
        let tables: Vec<_> = several("tables", vec![difference.tables.join(", ")]).collect();
        text.push_str(&facts(&tables));
    }
    for engine in &difference.engines {
        text.push_str(&of_engine(engine));
    }
    text
}

fn change(entry: &Entry) -> [String; 2] {
    let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let change = format!("{} → {}", side(&entry.a), side(&entry.b));
    [entry.path.clone(), change]
}

fn of_engine(engine: &EngineDifference) -> String {
    let changed: Vec<_> = engine.changed.iter().map(|part| name(*part)).collect();
    let words = match (&engine.a, &engine.b) {
        (Some(a), None) => format!("only in A ({})", code(a)),
        (None, Some(b)) => format!("only in B ({})", code(b)),
        (Some(a), Some(b)) if code(a) == code(b) => {
            format!("({}) {}", code(a), changed.join(", "))
        }
        (Some(a), Some(b)) => format!("({} → {}) {}", code(a), code(b), changed.join(", ")),
        (None, None) => changed.join(", "),
    };
    let mut text = facts(&[("engine", format!("{} {words}", engine.engine))]);
    if let Some(entries) = &engine.entries {
        for entry in &entries.first {
            let [path, change] = change(entry);
            text.push_str(&facts(&[("  entry", format!("{path}: {change}"))]));
        }
        let more = entries.count - entries.first.len();
        if more > 0 {
            // A string takes all that is written to it.
            let _ = writeln!(
                text,
                "  and {more} more; see them with --entries {}",
                entries.count
            );
        }
    }
    if let Some(byte) = engine.first_byte {
        // As above.
        let _ = writeln!(text, "  its states differ from byte {byte} on");
    }
    text
}

fn code(facts: &EngineFacts) -> String {
    format!("{} {}", facts.kind, facts.version)
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Engine => "all of it",
        Part::Schema => "schema",
        Part::State => "state",
        Part::Mail => "mail",
        Part::Configuration => "configuration",
        Part::Counters => "counters",
    }
}
