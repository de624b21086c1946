//! Keeps the name of each mapped library's code: a handler of signals that finds code there can name it.

use crate::loader::MAPPED_MAX;
use refit_abi::host::running::Label;
use std::ptr::{from_ref, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// The address where a library begins, and the name of its code.
struct Place {
    /// 0 where there is none.
    base: AtomicUsize,
    /// Null, or a `&'static Label`.
    label: AtomicPtr<Label>,
}

static PLACES: [Place; MAPPED_MAX] = [const {
    Place {
        base: AtomicUsize::new(0),
        label: AtomicPtr::new(null_mut()),
    }
}; MAPPED_MAX];

/// The library that begins at `base` is called so, until it is gone. One that finds no place has no name.
pub(crate) fn named(base: usize, label: &'static Label) {
    let free = PLACES.iter().find(|place| {
        let taken = place
            .base
            .compare_exchange(0, base, Ordering::AcqRel, Ordering::Relaxed);
        taken.is_ok()
    });
    if let Some(place) = free {
        place
            .label
            .store(from_ref(label).cast_mut(), Ordering::Release);
    }
}

/// The library is unmapped: its place may be another's. Before anything else is mapped, which may come to lie there:
/// the loader maps and unmaps one library at a time.
pub(crate) fn gone(base: usize) {
    for place in PLACES
        .iter()
        .filter(|place| place.base.load(Ordering::Acquire) == base)
    {
        place.label.store(null_mut(), Ordering::Release);
        place.base.store(0, Ordering::Release);
    }
}

/// The name of the library that begins at `base`. Async-signal-safe.
pub(super) fn label(base: usize) -> Option<&'static Label> {
    let at = |place: &&Place| place.base.load(Ordering::Acquire) == base;
    let place = PLACES.iter().find(at)?;
    // SAFETY: `named` alone stores here what is not null, always a `&'static Label`.
    unsafe { place.label.load(Ordering::Acquire).as_ref() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_has_its_name_until_it_is_gone() {
        let (base, other) = (0x5000_0000, 0x5000_1000);
        named(base, Label::unknown());
        assert_eq!(label(base), Some(Label::unknown()));
        assert_eq!(label(other), None);
        gone(base);
        assert_eq!(label(base), None);
    }
}
