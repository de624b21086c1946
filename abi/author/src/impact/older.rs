//! The messages of versions before the baseline: a conversion that gets lost on the way is seen only when such a
//! message waits, so it is said before.

use crate::lock::{LockedKind, Published};
use refit_abi::descriptor::KindDescriptor;
use refit_abi::schema::SchemaId;

/// A message from before the baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OlderMessage {
    /// The published version that has it; `None` where only its conversion is known.
    pub version: Option<u32>,
    /// Its schema.
    pub schema: SchemaId,
}

/// The older messages that a built kind converts.
pub(super) fn converted(kind: &KindDescriptor) -> Vec<OlderMessage> {
    let older = kind.older_messages.iter();
    let older = older.map(|older| OlderMessage {
        version: None,
        schema: older.schema,
    });
    older.collect()
}

/// The messages of all that was published of the kind, but for the newest one's present message.
pub(super) fn before(locked: &LockedKind, newest: &Published) -> Vec<OlderMessage> {
    let mut found: Vec<OlderMessage> = Vec::new();
    for published in &locked.versions {
        let parts = [published.frozen_message(), &published.interface.message];
        for part in parts {
            let is_known = found.iter().any(|older| older.schema == part.schema);
            if !is_known && part.schema != newest.interface.message.schema {
                found.push(OlderMessage {
                    version: Some(published.version),
                    schema: part.schema,
                });
            }
        }
    }
    found
}

/// What is said of each older message that this build does not understand any more.
pub(super) fn lost(older: &[OlderMessage], now: &KindDescriptor) -> Vec<String> {
    let lost = older.iter().filter(|older| !now.accepts(older.schema));
    lost.map(|older| {
        let of = match older.version {
            Some(version) => format!("version {version}'s messages are"),
            None => "an older message that the baseline converts is".to_owned(),
        };
        format!(
            "`{}`: {of} not understood any more. One that waits, as a timer may, aborts the upgrade of a node that \
             holds it, unless the plan has --dead-letters {}. Keep the `impl MigrateMessage` of the frozen type \
             that came after it",
            now.kind, now.kind
        )
    })
    .collect()
}
