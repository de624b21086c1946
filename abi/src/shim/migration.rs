//! The functions of a step from an older state.

use super::guard::{Failure, guarded, let_go};
use super::instance::{decode, discard, discard_if, encode, hand_over};
use crate::chain::{Chain, Here};
use crate::export::History;
use crate::migrate::Assemble;
use crate::raw::{self, CallStatus, MigrationVtable, RawBus, Settled, Sink};
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
        trial: nothing_to_try,
        prepare: make_whole::<C>,
        settle: settle_by_hand::<C>,
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
        trial: try_defaults::<N>,
        prepare: prepare_fresh::<N>,
        settle: settle_fresh::<N>,
        discard: discard_fresh::<N>,
        whole: make_whole::<(N, Here<N>)>,
        decode_old: decode::<N::From>,
        encode_old: encode::<N::From>,
        discard_old: discard::<N::From>,
    }
}

unsafe extern "C" fn nothing_to_try(_: Sink) -> CallStatus {
    CallStatus::Ok
}

unsafe extern "C" fn try_defaults<N: Assemble>(sink: Sink) -> CallStatus {
    guarded(sink, || {
        drop(N::defaults());
        Ok(())
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
/// `old` is a `C::From`, `new` came from `make_whole`; neither is used again, unless `old` is too deep for
/// this thread's stack: then nothing is done, but with `leak`.
unsafe extern "C" fn settle_by_hand<C: Chain>(
    old: *mut c_void,
    new: *mut c_void,
    leak: bool,
) -> Settled {
    // SAFETY: `Migration::settle` has compared the tag of `old` and consumes it, or asks again after a no.
    if leak || unsafe { discard::<C::From>(old) } {
        Settled::to(new)
    } else {
        Settled::too_deep()
    }
}

/// # Safety
/// `old` is an `N::From`; `fresh` came from `prepare_fresh`, or is null if the step is of defaults
/// only; neither is used again, unless what is dropped of `old` is too deep for this thread's stack: then
/// nothing is done, but with `leak`.
unsafe extern "C" fn settle_fresh<N: Assemble>(
    old: *mut c_void,
    fresh: *mut c_void,
    leak: bool,
) -> Settled {
    let settle = || {
        // SAFETY: as below; it is only read.
        let rest = unsafe { &*old.cast::<N::From>() };
        if !leak && N::From::nature().is_deep() && !N::may_drop_rest(rest) {
            return Settled::too_deep();
        }
        // SAFETY: `Migration::settle` and `settle_defaults` have compared the tag of `old` and consume it.
        let old = *unsafe { Box::from_raw(old.cast::<N::From>()) };
        let fresh = if fresh.is_null() {
            N::defaults()
        } else {
            // SAFETY: `Migration::settle` has compared the step that prepared it, this one, whose
            // `prepare_fresh` boxed an `N::Fresh`, and consumes it.
            Some(*unsafe { Box::from_raw(fresh.cast::<N::Fresh>()) })
        };
        match fresh {
            Some(fresh) => {
                let new = Box::new(N::assemble(old, fresh, leak));
                Settled::to(Box::into_raw(new).cast())
            }
            None => Settled::to(null_mut()),
        }
    };
    match catch_unwind(AssertUnwindSafe(settle)) {
        Ok(settled) => settled,
        Err(panic) => {
            let_go(panic);
            Settled::to(null_mut())
        }
    }
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
