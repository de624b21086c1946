//! `/proc/self/maps`: what is mapped, and so whether a library is really gone.

use rustix::mm::{Advice, madvise};
use std::fs::File;
use std::io::{self, Read};

/// Longest listing that is read, in bytes: about 600,000 mappings, nine times what Linux allows.
pub const MAPS_BYTES_MAX: u64 = 64 << 20;

/// One mapping of `/proc/self/maps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The first address of the mapping.
    pub start: usize,
    /// First address past it.
    pub end: usize,
    /// Whether it may be read.
    pub readable: bool,
    /// Whether it may be written to.
    pub writable: bool,
    /// Whether it may be executed.
    pub executable: bool,
    /// The file, with the system's ` (deleted)` if it has no name any more; empty if it has none.
    pub path: String,
}

impl Mapping {
    /// Whether an address lies in it.
    pub fn contains(&self, address: usize) -> bool {
        (self.start..self.end).contains(&address)
    }

    /// Has the system enter its pages in the process's tables now, so that the first call into them takes no fault.
    /// A system that cannot (Linux before 5.14) does so at the first call.
    pub fn populate(&self) {
        if !self.readable {
            return;
        }
        let start = self.start as *mut std::ffi::c_void;
        // SAFETY: no byte is changed, and no page that was not readable becomes so. Where nothing is mapped any more
        // the call fails and does nothing.
        let _ = unsafe { madvise(start, self.end - self.start, Advice::LinuxPopulateRead) };
    }

    /// Whether it is of the file with this name, deleted or not.
    pub fn is_of(&self, name: &str) -> bool {
        self.path.strip_suffix(" (deleted)").unwrap_or(&self.path) == name
    }
}

/// All mappings of this process.
///
/// # Errors
/// If the listing cannot be read or is longer than [`MAPS_BYTES_MAX`].
pub fn read() -> io::Result<Vec<Mapping>> {
    let mut text = Vec::new();
    let length = File::open("/proc/self/maps")?
        .take(MAPS_BYTES_MAX + 1)
        .read_to_end(&mut text)?;
    if length as u64 > MAPS_BYTES_MAX {
        return Err(io::Error::other("the list of mappings is too long"));
    }
    Ok(parse(&String::from_utf8_lossy(&text)))
}

/// The mappings of the file with this name.
///
/// # Errors
/// As [`read`].
pub fn of(name: &str) -> io::Result<Vec<Mapping>> {
    let mut mappings = read()?;
    mappings.retain(|mapping| mapping.is_of(name));
    Ok(mappings)
}

/// The name of the staged file that an address lies in; `None` if it lies in none, or the system does not say.
pub fn library_at(address: usize) -> Option<String> {
    let mappings = read().ok()?;
    let found = mappings.iter().find(|mapping| mapping.contains(address))?;
    let path = found.path.strip_suffix(" (deleted)").unwrap_or(&found.path);
    let name = path.strip_prefix("/memfd:").or_else(|| {
        let name = path.rsplit('/').next()?;
        name.strip_suffix(".so")
    })?;
    Some(name.to_owned())
}

/// Reads the text of a `maps` file; lines that are not understood are left out.
pub fn parse(text: &str) -> Vec<Mapping> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Mapping> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?;
    Some(Mapping {
        start: usize::from_str_radix(start, 16).ok()?,
        end: usize::from_str_radix(end, 16).ok()?,
        readable: permissions.contains('r'),
        writable: permissions.contains('w'),
        executable: permissions.contains('x'),
        path: fields.nth(3).unwrap_or_default().trim_start().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_with_names_that_hold_spaces() {
        let text = "\
55d0c0000000-55d0c0001000 r--p 00000000 fe:00 12345                      /usr/bin/a b\n\
7f0000000000-7f0000002000 r-xp 00001000 00:01 77                         /memfd:refit-ab-1 (deleted)\n\
7f0000010000-7f0000020000 rw-p 00000000 00:00 0 \n\
not a line\n";
        let mappings = parse(text);
        assert_eq!(mappings.len(), 3);
        assert_eq!(mappings[0].path, "/usr/bin/a b");
        assert!(!mappings[0].executable);
        assert!(mappings[1].is_of("/memfd:refit-ab-1") && mappings[1].executable);
        assert!(!mappings[1].is_of("/memfd:refit-ab-12") && !mappings[1].is_of("/memfd:refit-ab"));
        assert!(mappings[1].contains(0x7f00_0000_1fff) && !mappings[1].contains(0x7f00_0000_2000));
        assert_eq!(mappings[2].path, "");
    }

    #[test]
    fn this_program_is_mapped() {
        let here = this_program_is_mapped as *const () as usize;
        assert!(
            read()
                .unwrap()
                .iter()
                .any(|mapping| mapping.contains(here) && mapping.executable)
        );
    }
}
