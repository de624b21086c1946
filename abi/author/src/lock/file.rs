//! The text of `schema.lock`: TOML, with each described type as JSON inside.

use super::{Interface, LockError, LockedKind, Part, Published, SchemaLock};
use crate::attributes::SerdeAttributes;
use refit_abi::schema::{LayoutId, SchemaId, Type};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// The format that this program writes and reads.
pub(super) const FORMAT: u32 = 1;

/// The first lines of the file.
const HEADER: &str = "\
# What this package has published: the states that nodes may hold. `refit engine freeze` writes it,
# every build is compared with it. Do not edit it; keep it in version control with the source.

";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LockText {
    format: u32,
    #[serde(default, rename = "kind", skip_serializing_if = "Vec::is_empty")]
    kinds: Vec<KindEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KindEntry {
    name: String,
    #[serde(default, rename = "version", skip_serializing_if = "Vec::is_empty")]
    versions: Vec<VersionEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionEntry {
    version: u32,
    package_version: String,
    module: String,
    schema: SchemaId,
    layout: LayoutId,
    compiler: String,
    config: SchemaId,
    message: SchemaId,
    reply: SchemaId,
    query: SchemaId,
    answer: SchemaId,
    /// The description of the state, as JSON in a text.
    state: String,
    /// JSON, by the part's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    described: BTreeMap<String, String>,
    /// The message in the frozen module, if it is another than the interface's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frozen_message: Option<PartEntry>,
    /// The contents of `#[serde(…)]`, by type, variant and field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    serde: SerdeAttributes,
    /// Those of the message, if they are others since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_serde: Option<SerdeAttributes>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartEntry {
    schema: SchemaId,
    /// The description, as JSON in a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    described: Option<String>,
}

/// The file's text.
pub(super) fn write(lock: &SchemaLock) -> Result<String, LockError> {
    let kinds = lock.kinds.iter().map(|kind| {
        let versions = kind.versions.iter().map(entry);
        Ok(KindEntry {
            name: kind.kind.clone(),
            versions: versions.collect::<Result<_, LockError>>()?,
        })
    });
    let file = LockText {
        format: FORMAT,
        kinds: kinds.collect::<Result<_, LockError>>()?,
    };
    let text = toml::to_string_pretty(&file).map_err(|error| unwritable(&error))?;
    Ok(format!("{HEADER}{text}"))
}

fn unwritable(reason: &impl ToString) -> LockError {
    LockError::Unwritable {
        reason: reason.to_string(),
    }
}

fn entry(published: &Published) -> Result<VersionEntry, LockError> {
    let interface = &published.interface;
    let described = interface.parts().into_iter().filter_map(|(name, part)| {
        let ty = part.described.as_ref()?;
        Some(json(ty).map(|text| (name.to_owned(), text)))
    });
    let frozen_message = published.frozen_message.as_ref().map(|part| {
        Ok(PartEntry {
            schema: part.schema,
            described: part.described.as_ref().map(json).transpose()?,
        })
    });
    Ok(VersionEntry {
        version: published.version,
        package_version: published.package_version.clone(),
        module: published.module.clone(),
        schema: published.schema,
        layout: published.layout,
        compiler: published.compiler.clone(),
        config: interface.config.schema,
        message: interface.message.schema,
        reply: interface.reply.schema,
        query: interface.query.schema,
        answer: interface.answer.schema,
        state: json(&published.state)?,
        described: described.collect::<Result<_, LockError>>()?,
        frozen_message: frozen_message.transpose()?,
        serde: published.serde.clone(),
        message_serde: published.message_serde.clone(),
    })
}

/// Reads the file's text; what was edited by hand is found by its hash.
pub(super) fn parse(path: &Path, text: &str) -> Result<SchemaLock, LockError> {
    let unreadable = |reason: String| LockError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    // The format first: another one may have other fields.
    let table: toml::Table =
        toml::from_str(text).map_err(|error| unreadable(reason(text, &error)))?;
    match table.get("format").and_then(toml::Value::as_integer) {
        Some(found) if found == i64::from(FORMAT) => {}
        Some(found) => {
            return Err(LockError::Format {
                path: path.to_owned(),
                found: u32::try_from(found).unwrap_or(u32::MAX),
            });
        }
        None => return Err(unreadable("it does not say its `format`".to_owned())),
    }
    let file: LockText = toml::from_str(text).map_err(|error| unreadable(reason(text, &error)))?;
    let kinds = file.kinds.into_iter().map(|kind| {
        let versions = kind.versions.into_iter();
        let versions = versions.map(|version| published(path, &kind.name, version));
        let mut versions = versions.collect::<Result<Vec<_>, _>>()?;
        versions.sort_by_key(|version| version.version);
        Ok(LockedKind {
            kind: kind.name.clone(),
            versions,
        })
    });
    Ok(SchemaLock {
        kinds: kinds.collect::<Result<_, _>>()?,
    })
}

/// The start of a line that version control leaves where it could not merge.
const CONFLICT: &str = "<<<<<<< ";

/// Why the text is no lock, and in which line.
fn reason(text: &str, error: &toml::de::Error) -> String {
    let conflict = text.lines().position(|line| line.starts_with(CONFLICT));
    if let Some(above) = conflict {
        return format!(
            "line {}: a merge left both sides of a conflict; take one side, build, and freeze again",
            above + 1
        );
    }
    let start = error.span().map_or(0, |span| span.start);
    let line = text.get(..start).unwrap_or(text).matches('\n').count() + 1;
    format!("line {line}: {}", error.message())
}

fn published(path: &Path, kind: &str, entry: VersionEntry) -> Result<Published, LockError> {
    let read = |what: &str, text: &str, schema: SchemaId| {
        let ty = from_json(text).map_err(|reason| LockError::Unreadable {
            path: path.to_owned(),
            reason: format!("{what} of `{kind}` version {}: {reason}", entry.version),
        })?;
        if ty.schema_id() == schema {
            return Ok(ty);
        }
        Err(LockError::Edited {
            path: path.to_owned(),
            what: what.to_owned(),
            kind: kind.to_owned(),
            version: entry.version,
        })
    };
    let part_of = |name: &str, text: Option<&String>, schema: SchemaId| {
        let described = text.map(|text| read(name, text, schema)).transpose()?;
        Ok(Part { schema, described })
    };
    let part = |name: &str, schema| part_of(name, entry.described.get(name), schema);
    let frozen = entry.frozen_message.as_ref();
    let frozen =
        frozen.map(|part| part_of("the frozen message", part.described.as_ref(), part.schema));
    Ok(Published {
        state: read("the state", &entry.state, entry.schema)?,
        interface: Interface {
            config: part("config", entry.config)?,
            message: part("message", entry.message)?,
            reply: part("reply", entry.reply)?,
            query: part("query", entry.query)?,
            answer: part("answer", entry.answer)?,
        },
        frozen_message: frozen.transpose()?,
        version: entry.version,
        package_version: entry.package_version,
        module: entry.module,
        schema: entry.schema,
        layout: entry.layout,
        compiler: entry.compiler,
        serde: entry.serde,
        message_serde: entry.message_serde,
    })
}

/// The keys of a described type that belong to one compiler.
const OF_A_COMPILER: [&str; 3] = ["shape", "offset", "identity"];

fn json(ty: &Type) -> Result<String, LockError> {
    let mut value = serde_json::to_value(ty).map_err(|error| unwritable(&error))?;
    without_layout(&mut value);
    // With a line for each of its parts, so that a difference is read in version control.
    let mut text = serde_json::to_string_pretty(&value).map_err(|error| unwritable(&error))?;
    text.push('\n');
    Ok(text)
}

fn from_json(text: &str) -> Result<Type, String> {
    let mut value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    with_empty_layout(&mut value);
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn without_layout(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(without_layout),
        Value::Object(object) => {
            object.retain(|key, _| !OF_A_COMPILER.contains(&key.as_str()));
            object.values_mut().for_each(without_layout);
        }
        _ => {}
    }
}

/// Puts back what the types of `refit_abi` want to have read.
fn with_empty_layout(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(with_empty_layout),
        Value::Object(object) => {
            object.values_mut().for_each(with_empty_layout);
            for sized in ["Scalar", "Container", "Struct", "Enum"] {
                if let Some(Value::Object(inner)) = object.get_mut(sized) {
                    let shape = [("size", 0), ("align", 0)];
                    let shape = shape.map(|(key, zero)| (key.to_owned(), Value::from(zero)));
                    inner.insert("shape".to_owned(), Map::from_iter(shape).into());
                }
            }
            if let Some(Value::Object(inner)) = object.get_mut("Serde") {
                inner.insert("identity".to_owned(), Value::from(0));
            }
            if object.contains_key("ty") {
                object.insert("offset".to_owned(), Value::from(0));
            }
        }
        _ => {}
    }
}
