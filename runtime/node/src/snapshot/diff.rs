//! [`diff`]: how two snapshots differ: in their headers, in their engines, and in the entries of the engines' states.

use super::difference::{Entries, Entry, compare};
use super::walk::walk;
use super::{SnapshotEngine, SnapshotFile, SnapshotFileError, SnapshotKind};
use refit_abi::EngineId;
use refit_abi::host::shown;
use refit_kernel::{EngineImage, StateImage};
use refit_store::Sort;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Longest state that is compared entry by entry, in bytes.
pub const WALKED_BYTES_MAX: u64 = 16 << 20;

/// Entries of one engine that are named, unless more are asked for.
pub const DIFFERENCES_MAX: usize = 20;

/// Longest text of a fact that is shown, in bytes.
const FACT_BYTES_MAX: usize = 160;

/// Tables that differ whenever something else does: the image's header and its end.
const FRAME: [&str; 2] = ["beginning", "end"];

/// How two snapshots differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SnapshotDifference {
    /// Facts of the headers that differ: a name, and both values.
    pub facts: Vec<Entry>,
    /// Names of tables beside the engines that differ: keys of clients, timers, causes …
    pub tables: Vec<String>,
    /// The engines that differ, in the order of the first snapshot.
    pub engines: Vec<EngineDifference>,
}

/// How an engine differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EngineDifference {
    /// The engine.
    pub engine: String,
    /// What of it is not the same.
    pub changed: BTreeSet<Part>,
    /// How it is in the first snapshot, if it is there.
    pub a: Option<EngineFacts>,
    /// The same in the second.
    pub b: Option<EngineFacts>,
    /// The entries in which its state differs, if both can be read by their descriptions.
    pub entries: Option<Entries>,
    /// Else the first byte in which it differs.
    pub first_byte: Option<u64>,
}

/// An engine in one snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EngineFacts {
    /// Its kind.
    pub kind: String,
    /// The version of its state.
    pub version: u32,
    /// Bytes of its state; none if it was poisoned.
    pub state_bytes: Option<u64>,
    /// Messages that wait for it.
    pub letters: u64,
}

/// A part of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// All of it: the other snapshot does not have it.
    Engine,
    /// Its kind, or the schema of its state.
    Schema,
    /// Its state.
    State,
    /// The messages that wait for it.
    Mail,
    /// Its configuration.
    Configuration,
    /// How much it has handled, sent, started.
    Counters,
}

/// Compares two snapshots; names at most `most` entries of each engine.
///
/// # Errors
/// [`SnapshotFileError`], of the first record that is needed and damaged.
pub fn diff(
    a: &mut SnapshotFile,
    b: &mut SnapshotFile,
    most: usize,
) -> Result<SnapshotDifference, SnapshotFileError> {
    let mut difference = SnapshotDifference {
        facts: facts(a, b),
        tables: tables(a, b),
        engines: Vec::new(),
    };
    let in_b: BTreeMap<EngineId, SnapshotEngine> = b
        .engines()
        .iter()
        .map(|engine| (engine.id, engine.clone()))
        .collect();
    let in_a: BTreeSet<EngineId> = a.engines().iter().map(|engine| engine.id).collect();
    for one in a.engines().to_vec() {
        let Some(other) = in_b.get(&one.id) else {
            let engine = alone(&one);
            let a = Some(facts_of(a, &one));
            difference.engines.push(EngineDifference { a, ..engine });
            continue;
        };
        let is_same_code = kind(a, &one).schema == kind(b, other).schema;
        if is_same_code && one.record.hash == other.record.hash {
            continue;
        }
        let mut images = (a.engine(&one)?, b.engine(other)?);
        // In which block it has handled how many is a fact of blocks.
        images.1.ordinal = images.0.ordinal;
        if is_same_code && images.0 == images.1 {
            continue;
        }
        let one = Seen {
            file: a,
            engine: &one,
            image: images.0,
        };
        let other = Seen {
            file: b,
            engine: other,
            image: images.1,
        };
        difference.engines.push(both(&one, &other, most));
    }
    for other in b.engines() {
        if !in_a.contains(&other.id) {
            let engine = alone(other);
            let b = Some(facts_of(b, other));
            difference.engines.push(EngineDifference { b, ..engine });
        }
    }
    Ok(difference)
}

/// An engine of one of the snapshots.
struct Seen<'a> {
    file: &'a SnapshotFile,
    engine: &'a SnapshotEngine,
    image: EngineImage,
}

fn kind<'a>(file: &'a SnapshotFile, engine: &SnapshotEngine) -> &'a SnapshotKind {
    &file.header().kinds[engine.kind]
}

fn facts_of(file: &SnapshotFile, engine: &SnapshotEngine) -> EngineFacts {
    let kind = kind(file, engine);
    EngineFacts {
        kind: kind.kind.clone(),
        version: kind.version,
        state_bytes: engine.state_bytes,
        letters: engine.letters,
    }
}

/// An engine that only one snapshot has.
fn alone(engine: &SnapshotEngine) -> EngineDifference {
    EngineDifference {
        engine: engine.id.to_string(),
        changed: BTreeSet::from([Part::Engine]),
        a: None,
        b: None,
        entries: None,
        first_byte: None,
    }
}

/// An engine that both have.
fn both(one: &Seen<'_>, other: &Seen<'_>, most: usize) -> EngineDifference {
    let entries = entries(one, other, most);
    let first_byte = match (&entries, state(&one.image), state(&other.image)) {
        (None, Some(a), Some(b)) if a != b => Some(first_difference(a, b)),
        _ => None,
    };
    EngineDifference {
        changed: changed(one, other),
        a: Some(facts_of(one.file, one.engine)),
        b: Some(facts_of(other.file, other.engine)),
        entries,
        first_byte,
        ..alone(one.engine)
    }
}

fn state(image: &EngineImage) -> Option<&[u8]> {
    match &image.state {
        StateImage::Live(state) => Some(state),
        StateImage::Poisoned(_) | StateImage::Elsewhere => None,
    }
}

fn first_difference(a: &[u8], b: &[u8]) -> u64 {
    let same = a.iter().zip(b).take_while(|(one, other)| one == other);
    same.count() as u64
}

fn changed(one: &Seen<'_>, other: &Seen<'_>) -> BTreeSet<Part> {
    let (a, b) = (&one.image, &other.image);
    let (of_a, of_b) = (kind(one.file, one.engine), kind(other.file, other.engine));
    let configured = |image: &EngineImage| (image.config.clone(), image.config_schema);
    let letters = |image: &EngineImage| {
        let letters = image.mailbox.iter();
        // The causes are counted in each snapshot on its own.
        let letters = letters.map(|letter| (letter.envelope.sender, letter.payload.clone()));
        letters.collect::<Vec<_>>()
    };
    let parts = [
        (
            Part::Schema,
            (&of_a.kind, of_a.schema) != (&of_b.kind, of_b.schema),
        ),
        (Part::State, a.state != b.state || a.kept != b.kept),
        (Part::Mail, letters(a) != letters(b)),
        (Part::Configuration, configured(a) != configured(b)),
    ];
    let mut changed: BTreeSet<_> = parts
        .into_iter()
        .filter_map(|(part, differs)| differs.then_some(part))
        .collect();
    let counters =
        |image: &EngineImage| (image.sent, image.children, image.timers_set, image.handled);
    if counters(a) != counters(b) || changed.is_empty() {
        changed.insert(Part::Counters);
    }
    changed
}

/// The entries in which the states differ; `None` if they are the same, or cannot be read by their descriptions.
fn entries(one: &Seen<'_>, other: &Seen<'_>, most: usize) -> Option<Entries> {
    let walked = |seen: &Seen<'_>| {
        let state = state(&seen.image)?;
        let is_short = state.len() as u64 <= WALKED_BYTES_MAX;
        let ty = &kind(seen.file, seen.engine).state;
        is_short.then(|| walk(ty, state).ok()).flatten()
    };
    if state(&one.image) == state(&other.image) {
        return None;
    }
    let entries = compare(&walked(one)?, &walked(other)?, most);
    (entries.count > 0).then_some(entries)
}

/// The tables that differ, by the hashes of their records.
fn tables(a: &SnapshotFile, b: &SnapshotFile) -> Vec<String> {
    let tables = |file: &SnapshotFile| {
        let mut tables: BTreeMap<String, Vec<[u8; 32]>> = BTreeMap::new();
        let records = file.reader.records().iter();
        for record in records.filter(|record| record.name.sort == Sort::Table) {
            let name = record.name.name.clone();
            tables.entry(name).or_default().push(record.hash);
        }
        tables
    };
    let (a, b) = (tables(a), tables(b));
    let names: BTreeSet<_> = a.keys().chain(b.keys()).cloned().collect();
    let differs = |name: &String| a.get(name) != b.get(name) && !FRAME.contains(&name.as_str());
    names.into_iter().filter(differs).collect()
}

/// What the headers say of the two snapshots, where it differs.
fn facts(a: &SnapshotFile, b: &SnapshotFile) -> Vec<Entry> {
    let (a, b) = (facts_in(a), facts_in(b));
    let names: BTreeSet<_> = a.keys().chain(b.keys()).collect();
    let shown = |value: Option<&String>| value.map(|value| shown(value, FACT_BYTES_MAX));
    let differs = names
        .into_iter()
        .filter(|name| a.get(*name) != b.get(*name));
    let entry = |name: &String| Entry {
        path: name.clone(),
        a: shown(a.get(name)),
        b: shown(b.get(name)),
    };
    differs.map(entry).collect()
}

fn facts_in(file: &SnapshotFile) -> BTreeMap<String, String> {
    let header = file.header();
    let mut facts = BTreeMap::from([
        ("chain".to_owned(), header.chain.clone()),
        ("branch".to_owned(), header.branch.to_string()),
        ("height".to_owned(), header.height.to_string()),
        ("time".to_owned(), header.time.to_string()),
        ("block".to_owned(), header.block.clone()),
        ("generation".to_owned(), header.generation.to_string()),
        ("refit".to_owned(), header.refit.clone()),
    ]);
    for kind in &header.kinds {
        let name = |fact: &str| format!("kinds.{}.{fact}", kind.kind);
        facts.insert(name("version"), kind.version.to_string());
        facts.insert(name("schema"), kind.schema.to_string());
        facts.insert(name("artifact"), kind.artifact.clone());
    }
    leaves("parameters", &header.parameters, &mut facts);
    facts
}

/// The numbers and texts of a JSON value, by their places.
fn leaves(path: &str, value: &Json, into: &mut BTreeMap<String, String>) {
    match value {
        Json::Object(fields) => {
            for (name, value) in fields {
                leaves(&format!("{path}.{name}"), value, into);
            }
        }
        other => drop(into.insert(path.to_owned(), other.to_string())),
    }
}
