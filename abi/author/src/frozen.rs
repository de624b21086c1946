//! The frozen modules that belong to a lock: their names, texts, and the names that their types have there.

use super::lock::{LockedKind, SchemaLock};
use super::render::{self, Module, RenderError, Request};
use refit_abi::schema::Type;

/// The frozen modules of all published versions of `kind`, oldest first; none of a kind that the lock
/// does not have.
///
/// # Errors
/// If a published type cannot be written as Rust.
pub fn modules(lock: &SchemaLock, kind: &str) -> Result<Vec<Module>, RenderError> {
    lock.kind(kind).map_or_else(|| Ok(Vec::new()), of_kind)
}

/// As [`modules`], of a kind that the lock has.
///
/// # Errors
/// As [`modules`].
pub fn of_kind(locked: &LockedKind) -> Result<Vec<Module>, RenderError> {
    let mut modules: Vec<Module> = Vec::new();
    for published in &locked.versions {
        let message = published.frozen_message().described.as_ref();
        let message = message.filter(|ty| matches!(ty, Type::Struct { .. } | Type::Enum { .. }));
        let mut roots = vec![("state", &published.state)];
        roots.extend(message.map(|message| ("message", message)));
        let request = Request {
            version: published.version,
            kind: &locked.kind,
            roots,
            earlier: modules.clone(),
            serde: &published.serde,
        };
        modules.push(render::module(&published.module, &request)?);
    }
    Ok(modules)
}
