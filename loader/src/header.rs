//! A mapped library's root: abi_stable's header, found by name.
//!
//! None of abi_stable's own loading functions is used: they never unmap, and give the first library
//! for every later path.

use abi_stable::library::{
    AbiHeaderRef, LibHeader, LibraryError, ROOT_MODULE_LOADER_NAME_WITH_NUL,
};
use libloading::os::unix::Library;

/// The header of a library, with the C-ABI self-test of both sides passed.
///
/// The text of an error holds nothing of the library.
///
/// # Safety
/// The library is an engine module, and stays mapped as long as the header is used.
pub(crate) unsafe fn header(library: &Library) -> Result<&'static LibHeader, String> {
    let name = ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes();
    // SAFETY: under this name abi_stable's macros and ours export a `LibHeader`, to whose address
    // `AbiHeaderRef` is a pointer (caller: it is an engine module).
    let symbol = unsafe { library.get::<AbiHeaderRef>(name) }.map_err(|error| whole(&error))?;
    (*symbol).upgrade().map_err(|error| text(&error))
}

/// The text of an error and of its causes.
pub(crate) fn whole(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .take(CAUSES_MAX)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// The most causes of an error that are shown.
const CAUSES_MAX: usize = 4;

/// The message of abi_stable, shortened to one paragraph.
pub(crate) fn text(error: &LibraryError) -> String {
    let text = error.to_string();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut text = lines.take(LINES_MAX).collect::<Vec<_>>().join("; ");
    if let Some((end, _)) = text.char_indices().nth(CHARACTERS_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Lines of a layout error that are kept.
const LINES_MAX: usize = 40;

/// Characters of a layout error that are kept.
const CHARACTERS_MAX: usize = 2000;
