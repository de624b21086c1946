//! [`Instance`]: one engine's state, without its code.

use crate::schema::{LayoutId, SchemaId};
use std::ffi::c_void;
use std::ptr::NonNull;

/// The type and memory layout of a state, so that only fitting code touches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StateTag {
    /// The meaning of its fields, as a hash.
    pub schema: SchemaId,
    /// The memory layout of its fields, as a hash.
    pub layout: LayoutId,
    /// The one loaded module that may touch it, if the state has fields off the closed list; else 0.
    pub(super) module: u64,
}

/// One engine's state. Holds no code pointer; see [`StateTag`].
#[derive(Debug)]
#[must_use = "a dropped instance leaks its memory; give it to a kind's `discard`"]
pub struct Instance {
    state: NonNull<c_void>,
    tag: StateTag,
}

// SAFETY: `State` requires `Send`, and only `Kind` and `Migration` make instances, of `State`s.
unsafe impl Send for Instance {}
// SAFETY: `State` requires `Sync`; through `&Instance` only `&State` is reached.
unsafe impl Sync for Instance {}

impl Instance {
    /// Wraps a state that a module made.
    ///
    /// # Safety
    /// `state` is what `tag` says, owned by nobody else.
    pub(super) unsafe fn new(state: NonNull<c_void>, tag: StateTag) -> Self {
        Self { state, tag }
    }

    /// The type and memory layout of the state.
    pub fn tag(&self) -> StateTag {
        self.tag
    }

    pub(super) fn as_ptr(&self) -> *mut c_void {
        self.state.as_ptr()
    }

    /// Gives up the state's pointer.
    pub(super) fn into_ptr(self) -> *mut c_void {
        self.state.as_ptr()
    }
}
