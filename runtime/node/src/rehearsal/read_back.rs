//! Checks that the states that will cross as bytes read back unchanged.
//!
//! A derive checks the types that it sees; a type behind `#[state(serde)]`, or with a hand-written `Serialize`, may
//! write other bytes than it reads. So each such state is read from its bytes, by the code that wrote them and by the
//! code that comes, and written again.

use super::wire::Failed;
use refit_abi::EngineId;
use refit_abi::codes;
use refit_abi::host::{CallError, Instance, Kind, Module};
use refit_abi::schema::{Field, Type};
use refit_kernel::{EngineImage, GenerationTable, KindImage, StateImage};
use refit_upgrade::{Class, Plan};

/// How often a state is read and written, to find one without an order: each reading of a hash map gives it another.
const READINGS: usize = 4;

/// The next step for a type whose bytes do not read back.
const SERDE: &str = "look at the serde attributes and the hand-written `Serialize` and `Deserialize` of the named fields' types: postcard must read back what it writes";

/// The next step for a type without an order.
pub(super) const ORDER: &str = "keep a `BTreeMap` or a `BTreeSet` in place of the `HashMap` or `HashSet` in the state: each reading of one gives it another order";

/// The kinds whose states cross as bytes in an upgrade, by their places in the image: their old and new code.
pub(super) struct Crossing(Vec<Option<(Kind, Kind)>>);

impl Crossing {
    pub(super) fn new(
        kinds: &[KindImage],
        table: &GenerationTable,
        modules: &[Module],
        plan: &Plan,
    ) -> Self {
        let pair = |kind: &KindImage| {
            let new = modules.iter().find_map(|module| module.kind(&kind.name))?;
            let (_, entry) = table.find(&kind.name)?;
            let crosses = plan.class_of(&kind.name) == Class::Translate;
            crosses.then(|| (entry.kind.clone(), new))
        };
        Self(kinds.iter().map(pair).collect())
    }

    /// Reads the state of an engine as often as needed, if it will cross as bytes.
    pub(super) fn check(&self, engine: &EngineImage) -> Result<(), Failed> {
        let kinds = self.0.get(engine.kind as usize).and_then(Option::as_ref);
        match (&engine.state, kinds) {
            (StateImage::Live(bytes), Some((old, new))) => crosses(engine, bytes, old, new),
            _ => Ok(()),
        }
    }
}

fn crosses(engine: &EngineImage, bytes: &[u8], old: &Kind, new: &Kind) -> Result<(), Failed> {
    reads_back(engine.id, old, bytes, |bytes| {
        let state = old.decode(bytes);
        state.and_then(|state| written(old, state))
    })?;
    // Two values may have the same bytes; the witness is taken of the value.
    witnessed(engine, bytes, old)?;
    if old.descriptor().schema == new.descriptor().schema {
        return reads_back(engine.id, new, bytes, |bytes| {
            let state = new.decode(bytes);
            state.and_then(|state| written(new, state))
        });
    }
    let Some(step) = new.migration_from_schema(old.descriptor().schema) else {
        return Ok(());
    };
    reads_back(engine.id, old, bytes, |bytes| {
        let state = step.decode_old(bytes)?;
        let mut again = Vec::new();
        let encoded = step.encode_old(&state, &mut again);
        drop(step.discard_old(state));
        encoded.map(|()| again)
    })
}

fn written(kind: &Kind, state: Instance) -> Result<Vec<u8>, CallError> {
    let mut again = Vec::new();
    let encoded = kind.encode(&state, &mut again);
    // It fits: the kind itself has read it.
    drop(kind.discard(state));
    encoded.map(|()| again)
}

/// Whether `again` gives the bytes that it reads.
fn reads_back(
    engine: EngineId,
    kind: &Kind,
    bytes: &[u8],
    again: impl Fn(&[u8]) -> Result<Vec<u8>, CallError>,
) -> Result<(), Failed> {
    for _ in 0..READINGS {
        let written = again(bytes).map_err(|error| {
            let (code, next) = error.of_the_state().unwrap_or((NOT_READ_BACK, SERDE));
            let detail = format!(
                "the state of engine `{engine}` does not read back from its bytes: {error}"
            );
            failed(engine, code, detail, next)
        })?;
        if written == bytes {
            // The order of a hash map may be the same by chance.
            if kind.descriptor().crosses_as_bytes {
                continue;
            }
            return Ok(());
        }
        return Err(differs(engine, kind, bytes, &written));
    }
    Ok(())
}

const NOT_READ_BACK: &str = codes::STATE_NOT_READ_BACK;

fn differs(engine: EngineId, kind: &Kind, bytes: &[u8], written: &[u8]) -> Failed {
    let fields = suspects(kind);
    if is_reordered(bytes, written) {
        let detail = format!(
            "two encodings of one state of engine `{engine}` differ: it holds a value without an order{fields}"
        );
        return failed(engine, codes::STATE_WITHOUT_ORDER, detail, ORDER);
    }
    // Where they part is the nearest that bytes can come to a field.
    let same = bytes.iter().zip(written).take_while(|(a, b)| a == b);
    let (at, before, after) = (same.count(), bytes.len(), written.len());
    let detail = format!(
        "the state of engine `{engine}` reads back from its {before} bytes as another one: written again it has {after} bytes and differs from byte {at} on{fields}"
    );
    failed(engine, NOT_READ_BACK, detail, SERDE)
}

/// Whether the old code reads the state that was written, where bytes alone do not show it.
fn witnessed(engine: &EngineImage, bytes: &[u8], old: &Kind) -> Result<(), Failed> {
    let Some(before) = engine.witness else {
        return Ok(());
    };
    let id = engine.id;
    let not_read = |error: CallError| {
        let detail =
            format!("the state of engine `{id}` does not read back from its bytes: {error}");
        failed(id, NOT_READ_BACK, detail, SERDE)
    };
    let state = old.decode(bytes).map_err(not_read)?;
    let after = old.witness(&state);
    drop(old.discard(state));
    if after.map_err(not_read)? == before {
        return Ok(());
    }
    let fields = suspects(old);
    let detail = format!(
        "the state of engine `{id}` reads back from its bytes as another one, which has the same bytes{fields}"
    );
    Err(failed(id, NOT_READ_BACK, detail, SERDE))
}

/// Whether the same bytes come in another order, as when entries of a map change places.
fn is_reordered(a: &[u8], b: &[u8]) -> bool {
    histogram(a) == histogram(b)
}

/// How often each byte occurs.
fn histogram(bytes: &[u8]) -> [u64; 256] {
    let mut counts = [0; 256];
    count(bytes, &mut counts);
    counts
}

/// Adds how often each byte occurs.
pub(super) fn count(bytes: &[u8], counts: &mut [u64; 256]) {
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
}

/// The fields whose types no derive has seen, as the end of a sentence.
fn suspects(kind: &Kind) -> String {
    let mut names = Vec::new();
    collect(&kind.descriptor().state, "", &mut names);
    match names.as_slice() {
        [] => String::new(),
        names => format!("; its #[state(serde)] fields: {}", names.join(", ")),
    }
}

fn collect(ty: &Type, path: &str, into: &mut Vec<String>) {
    let mut inside = |fields: &[Field]| {
        for field in fields {
            let path = match path {
                "" => field.name.clone(),
                path => format!("{path}.{}", field.name),
            };
            collect(&field.ty, &path, into);
        }
    };
    match ty {
        Type::Serde { name, .. } => into.push(format!("`{path}: {name}`")),
        Type::Struct { fields, .. } => inside(fields),
        Type::Enum { variants, .. } => variants.iter().for_each(|v| inside(&v.fields)),
        Type::Container { arguments, .. } => {
            arguments.iter().for_each(|ty| collect(ty, path, into));
        }
        _ => {}
    }
}

fn failed(engine: EngineId, code: &str, detail: String, next: &str) -> Failed {
    Failed {
        code: code.to_owned(),
        detail,
        next: next.to_owned(),
        engine: Some(engine.to_string()),
        key: None,
    }
}
