//! The functions of a step from an older state.

use super::guard::{Failure, guarded, let_go};
use super::instance::{decode, discard, discard_if, encode, hand_over};
use crate::chain::{Chain, Here};
use crate::export::History;
use crate::migrate::Assemble;
use crate::raw::{self, CallStatus, MigrationVtable, RawBus, Sink};
use crate::rest::Rest;
use crate::{State, UpgradeBus};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

/// Writes the step at `index` of a kind's history.
///
/// # Safety
/// `out` has as many writable bytes as its `size` says.
pub(super) unsafe extern "C" fn lookup<H: History>(
    index: usize,
    out: *mut MigrationVtable,
) -> bool {
    let step = catch_unwind(|| H::steps().into_iter().nth(index));
    match step {
        Ok(Some(step)) => {
            // SAFETY: the host made the room and wrote its size.
            unsafe { raw::write(&step.vtable, out) }.is_ok()
        }
        Ok(None) => false,
        Err(panic) => {
            let_go(panic);
            false
        }
    }
}

/// Some steps, run as one function.
pub(crate) fn by_hand<C: Chain>() -> MigrationVtable {
    MigrationVtable {
        size: size_of::<MigrationVtable>(),
        from_schema: C::From::schema_id(),
        from_layout: C::From::layout_id(),
        defaults_only: false,
        defaults: no_defaults,
        prepare: make_whole::<C>,
        settle: settle_by_hand,
        discard_rest: discard::<C::From>,
        discard: discard::<C::To>,
        whole: make_whole::<C>,
        decode_old: decode::<C::From>,
        encode_old: encode::<C::From>,
        discard_old: discard::<C::From>,
    }
}

pub(crate) fn assembled<N: Assemble>(defaults_only: bool) -> MigrationVtable {
    MigrationVtable {
        size: size_of::<MigrationVtable>(),
        from_schema: N::From::schema_id(),
        from_layout: N::From::layout_id(),
        defaults_only,
        defaults: make_defaults::<N>,
        prepare: prepare_fresh::<N>,
        settle: settle_fresh::<N>,
        discard_rest: discard_rest::<N>,
        discard: discard_fresh::<N>,
        whole: make_whole::<(N, Here<N>)>,
        decode_old: decode::<N::From>,
        encode_old: encode::<N::From>,
        discard_old: discard::<N::From>,
    }
}

unsafe extern "C" fn no_defaults(_: *mut *mut c_void, _: Sink) -> CallStatus {
    CallStatus::Ok
}

/// # Safety
/// `out` is a variable that holds null.
unsafe extern "C" fn make_defaults<N: Assemble>(out: *mut *mut c_void, sink: Sink) -> CallStatus {
    guarded(sink, || {
        if let Some(fresh) = N::defaults() {
            // SAFETY: `out` is a variable of `Migration::defaults`.
            unsafe { hand_over(fresh, out) };
        }
        Ok::<(), Failure>(())
    })
}

/// # Safety
/// `old` is a `C::From` by schema and layout and is not changed during the call.
unsafe extern "C" fn make_whole<C: Chain>(
    old: *const c_void,
    bus: *mut RawBus,
    out: *mut *mut c_void,
    sink: Sink,
) -> CallStatus {
    guarded(sink, || {
        // SAFETY: `Migration::prepare` and `whole` have compared the tag with `from`, whose hashes are those of
        // `C::From` here, and hold the instance borrowed; the bus is on their stack.
        let (old, bus) = unsafe { (&*old.cast::<C::From>(), &mut *bus) };
        let new = C::begin(old, &mut UpgradeBus::new(bus))?;
        // SAFETY: `out` is a variable of `Migration::prepare` or `whole`.
        unsafe { hand_over(new, out) };
        Ok::<(), Failure>(())
    })
}

/// # Safety
/// As `make_whole`, for `N::From`.
unsafe extern "C" fn prepare_fresh<N: Assemble>(
    old: *const c_void,
    bus: *mut RawBus,
    out: *mut *mut c_void,
    sink: Sink,
) -> CallStatus {
    guarded(sink, || {
        // SAFETY: as in `make_whole`, with `N::From`.
        let (old, bus) = unsafe { (&*old.cast::<N::From>(), &mut *bus) };
        let fresh = N::prepare(old, &mut UpgradeBus::new(bus))?;
        // SAFETY: `out` is a variable of `Migration::prepare`.
        unsafe { hand_over(fresh, out) };
        Ok::<(), Failure>(())
    })
}

/// # Safety
/// `old` is the state that `new` was made of by `make_whole`; `rest` is a variable.
unsafe extern "C" fn settle_by_hand(
    old: *mut c_void,
    new: *mut c_void,
    rest: *mut *mut c_void,
) -> *mut c_void {
    // SAFETY: `rest` is a variable of `Migration::settled`.
    unsafe { rest.write(old) };
    new
}

/// # Safety
/// `old` is an `N::From`; `fresh` came from `prepare_fresh` or `make_defaults`; neither is used again. `rest` is a
/// variable that holds null.
unsafe extern "C" fn settle_fresh<N: Assemble>(
    old: *mut c_void,
    fresh: *mut c_void,
    rest: *mut *mut c_void,
) -> *mut c_void {
    let settle = || {
        // SAFETY: `Migration::settle` has compared the tag of `old` and consumes it.
        let old = *unsafe { Box::from_raw(old.cast::<N::From>()) };
        // SAFETY: `Migration::settle` has compared the step that prepared it, this one, whose `prepare_fresh` and
        // `make_defaults` box an `N::Fresh`, and consumes it.
        let fresh = *unsafe { Box::from_raw(fresh.cast::<N::Fresh>()) };
        let mut left = Rest::default();
        let new = Box::new(N::assemble(old, fresh, &mut left));
        if !left.is_empty() {
            // SAFETY: `rest` is a variable of `Migration::settled`.
            unsafe { hand_over(left, rest) };
        }
        Box::into_raw(new).cast()
    };
    catch_unwind(AssertUnwindSafe(settle)).unwrap_or_else(|panic| {
        let_go(panic);
        null_mut()
    })
}

/// As `discard`, for what `settle_fresh` left over.
///
/// # Safety
/// `rest` came from `settle_fresh` and, if the answer is yes, is not used again.
unsafe extern "C" fn discard_rest<N: Assemble>(rest: *mut c_void) -> bool {
    let may_drop = || {
        // SAFETY: as below; it is only read.
        !N::From::nature().is_deep() || unsafe { &*rest.cast::<Rest>() }.may_drop()
    };
    // SAFETY: `Migration::discard_rest` has compared the step that left it over, this one, whose `settle_fresh` boxed
    // a `Rest`, and consumes it, or asks again after a no.
    let drop_it = || drop(unsafe { Box::from_raw(rest.cast::<Rest>()) });
    discard_if(may_drop, drop_it)
}

/// As `discard`, for what `prepare_fresh` made.
///
/// # Safety
/// `fresh` came from `prepare_fresh` and, if the answer is yes, is not used again.
unsafe extern "C" fn discard_fresh<N: Assemble>(fresh: *mut c_void) -> bool {
    let may_drop = || {
        // SAFETY: as below; it is only read.
        !N::nature().is_deep() || N::may_drop_fresh(unsafe { &*fresh.cast::<N::Fresh>() })
    };
    // SAFETY: `Migration::discard` has compared the step that prepared it, this one, whose `prepare_fresh` boxed
    // an `N::Fresh`, and consumes it, or asks again after a no.
    let drop_it = || drop(unsafe { Box::from_raw(fresh.cast::<N::Fresh>()) });
    discard_if(may_drop, drop_it)
}
