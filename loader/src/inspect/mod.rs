//! Inspects a file before anything of it runs: the ELF rules.
//!
//! Pure over bytes: no file is opened, nothing is mapped, and no input makes it panic. Each rule
//! stands for a way in which a library could not be unmapped again, or would take the process down.
//! The rules look at what the dynamic linker will look at: the section tables are used for names
//! only after they were found to describe the same tables as the program headers.

mod error;
mod imports;
mod rules;

pub use error::InspectError;
pub use imports::{ALWAYS, Import, Outside};

use crate::artifact::{ArtifactId, Candidate};
use object::LittleEndian;
use object::elf::{self, FileHeader64};
use object::read::elf::{Dyn as _, ElfFile64, ProgramHeader as _};

/// The symbol that `export_engines!` exports.
pub const ROOT_SYMBOL: &str = refit_abi::export::ROOT_MODULE_LOADER_NAME;

/// Most entries of a dynamic table that are read.
pub const DYNAMIC_ENTRIES_MAX: usize = 4096;

/// The facts that the ELF tables give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The shared libraries it needs, in the file's order.
    pub needed: Vec<String>,
    /// Its own name for the dynamic linker, if it has one.
    pub soname: Option<String>,
    /// The functions by which it reaches outside of the node, in order: what every engine asks for
    /// ([`ALWAYS`]) is not among them.
    pub outside: Vec<Import>,
}

impl Inspection {
    /// By what it reaches outside, as words for people.
    pub fn outside_words(&self) -> Vec<String> {
        self.outside.iter().map(Import::to_string).collect()
    }
}

/// A [`Candidate`] that obeys the ELF rules.
#[derive(Clone, Debug)]
pub struct InspectedArtifact {
    candidate: Candidate,
    inspection: Inspection,
}

impl InspectedArtifact {
    pub(crate) fn new(candidate: Candidate, inspection: Inspection) -> Self {
        Self {
            candidate,
            inspection,
        }
    }

    /// The id.
    pub fn id(&self) -> ArtifactId {
        self.candidate.id()
    }

    /// The result of the inspection.
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.candidate.bytes()
    }
}

/// A parsed 64-bit little-endian file.
type Elf<'a> = ElfFile64<'a, LittleEndian>;

/// Checks all rules.
///
/// # Errors
/// [`InspectError`] names the first rule that does not hold.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, InspectError> {
    rules::identification(bytes)?;
    let elf = Elf::parse(bytes).map_err(damaged)?;
    rules::header(elf.elf_header())?;
    let dynamic = Dynamic::read(&elf)?;
    rules::is_library(&elf, &dynamic)?;
    rules::flags(&dynamic)?;
    rules::search_paths(&dynamic)?;
    rules::needed(&dynamic)?;
    let outside = rules::symbols(&elf)?;
    Ok(Inspection {
        needed: dynamic.texts(elf::DT_NEEDED)?,
        soname: dynamic.texts(elf::DT_SONAME)?.into_iter().next(),
        outside,
    })
}

fn damaged(error: object::Error) -> InspectError {
    InspectError::Damaged {
        reason: error.to_string(),
    }
}

fn damage(reason: &str) -> InspectError {
    InspectError::Damaged {
        reason: reason.to_owned(),
    }
}

/// One entry of the dynamic table.
#[derive(Clone, Copy)]
struct DynamicEntry {
    tag: elf::DynamicTag,
    value: u64,
}

/// The dynamic table, as the dynamic linker will see it.
struct Dynamic<'a> {
    entries: Vec<DynamicEntry>,
    strings: &'a [u8],
}

impl<'a> Dynamic<'a> {
    /// Reads the table that PT_DYNAMIC names, and its strings through PT_LOAD.
    fn read(elf: &Elf<'a>) -> Result<Self, InspectError> {
        let entries = Self::entries(elf)?;
        let value = |wanted| value_of(&entries, wanted);
        let strings = match (value(elf::DT_STRTAB), value(elf::DT_STRSZ)) {
            (Some(address), Some(size)) => loaded(elf, address, size)?,
            _ => &[],
        };
        same_tables(elf, &entries)?;
        Ok(Self { entries, strings })
    }

    fn entries(elf: &Elf<'a>) -> Result<Vec<DynamicEntry>, InspectError> {
        let endian = elf.endian();
        for segment in elf.elf_program_headers() {
            let Some(table) = segment.dynamic(endian, elf.data()).map_err(damaged)? else {
                continue;
            };
            let end = table
                .iter()
                .position(|entry| entry.d_tag(endian) == elf::DT_NULL);
            let end = end.ok_or_else(|| damage("its dynamic table has no end"))?;
            if end > DYNAMIC_ENTRIES_MAX {
                return Err(damage("its dynamic table is too long"));
            }
            let entry = |entry: &elf::Dyn64<LittleEndian>| DynamicEntry {
                tag: entry.d_tag(endian),
                value: entry.d_val(endian),
            };
            return Ok(table[..end].iter().map(entry).collect());
        }
        Ok(Vec::new())
    }

    /// The values of a tag.
    fn values(&self, wanted: elf::DynamicTag) -> impl Iterator<Item = u64> + '_ {
        self.entries
            .iter()
            .filter(move |entry| entry.tag == wanted)
            .map(|entry| entry.value)
    }

    /// The texts of a tag whose values are offsets into the strings.
    fn texts(&self, wanted: elf::DynamicTag) -> Result<Vec<String>, InspectError> {
        self.values(wanted)
            .map(|offset| self.text(offset))
            .collect()
    }

    fn text(&self, offset: u64) -> Result<String, InspectError> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.strings.get(offset..));
        let text = rest.and_then(|rest| rest.split(|byte| *byte == 0).next());
        let text = text.ok_or_else(|| damage("a name lies outside its string table"))?;
        Ok(String::from_utf8_lossy(text).into_owned())
    }
}

/// The first value of a tag: the one that the dynamic linker goes by.
fn value_of(entries: &[DynamicEntry], wanted: elf::DynamicTag) -> Option<u64> {
    let mut entries = entries.iter();
    let entry = entries.find(|entry| entry.tag == wanted)?;
    Some(entry.value)
}

/// The file's bytes that will lie at an address.
fn loaded<'a>(elf: &Elf<'a>, address: u64, size: u64) -> Result<&'a [u8], InspectError> {
    let endian = elf.endian();
    let segments = elf.elf_program_headers().iter();
    for segment in segments.filter(|segment| segment.p_type(endian) == elf::PT_LOAD) {
        if let Ok(Some(bytes)) = segment.data_range(endian, elf.data(), address, size) {
            return Ok(bytes);
        }
    }
    Err(damage("its string table is not in a loaded segment"))
}

/// Sections and program headers must name the same symbol table, else a name found in one would
/// prove nothing about the other.
fn same_tables(elf: &Elf<'_>, entries: &[DynamicEntry]) -> Result<(), InspectError> {
    use object::read::elf::SectionHeader as _;
    let loaded = value_of(entries, elf::DT_SYMTAB);
    let section = elf.elf_dynamic_symbol_table().section();
    let Ok(section) = elf.elf_section_table().section(section) else {
        return Ok(());
    };
    let address = section.sh_addr(elf.endian());
    if section.sh_type(elf.endian()) == elf::SHT_DYNSYM && Some(address) != loaded {
        return Err(damage(
            "its section and segment tables name different symbol tables",
        ));
    }
    Ok(())
}

/// The header's type for the rules.
type Header = FileHeader64<LittleEndian>;

#[cfg(test)]
mod tests;
