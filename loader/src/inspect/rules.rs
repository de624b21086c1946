//! The rules, one function each.

use super::imports::{self, Import};
use super::{Dynamic, Elf, Header, InspectError, ROOT_SYMBOL, damage};
use object::LittleEndian;
use object::elf;
use object::read::elf::{FileHeader as _, ProgramHeader as _, Sym as _};

/// The machine this node runs on.
const MACHINE: elf::Machine = if cfg!(target_arch = "aarch64") {
    elf::EM_AARCH64
} else {
    elf::EM_X86_64
};

/// The libraries that an engine may need: the C library in all its parts, and the unwinder. All are in the
/// process already, so none of them is loaded twice or pinned by an engine.
const LIBRARIES: [&str; 6] = [
    "libc.so.6",
    "libm.so.6",
    "libgcc_s.so.1",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
];

/// The first bytes: magic number, class, byte order.
pub(super) fn identification(bytes: &[u8]) -> Result<(), InspectError> {
    if !bytes.starts_with(&elf::ELFMAG) {
        return Err(InspectError::NotElf);
    }
    let expected = "64-bit little-endian";
    match (bytes.get(4), bytes.get(5)) {
        (Some(2), Some(1)) => Ok(()),
        (Some(1), Some(_)) => Err(InspectError::WrongClass {
            found: "32-bit",
            expected,
        }),
        (Some(2), Some(2)) => Err(InspectError::WrongClass {
            found: "big-endian",
            expected,
        }),
        _ => Err(damage("its first bytes name no class and byte order")),
    }
}

/// Machine, operating system, and what kind of file it is.
pub(super) fn header(header: &Header) -> Result<(), InspectError> {
    let machine = header.e_machine(LittleEndian);
    if machine != MACHINE {
        return Err(InspectError::WrongMachine {
            found: machine.0,
            expected: MACHINE.0,
        });
    }
    let system = header.e_ident().os_abi;
    if system != elf::ELFOSABI_SYSV && system != elf::ELFOSABI_GNU {
        return Err(InspectError::WrongSystem { found: system.0 });
    }
    let found = match header.e_type(LittleEndian) {
        elf::ET_DYN => return Ok(()),
        elf::ET_REL => "an object file",
        elf::ET_EXEC => "a program",
        elf::ET_CORE => "a core dump",
        _ => "of an unknown type",
    };
    Err(InspectError::NotShared { found })
}

/// A position-independent program is a shared object to ELF: its interpreter or flag tells.
pub(super) fn is_library(elf: &Elf<'_>, dynamic: &Dynamic<'_>) -> Result<(), InspectError> {
    let headers = elf.elf_program_headers();
    let interpreted = headers
        .iter()
        .any(|header| header.p_type(LittleEndian) == elf::PT_INTERP);
    let marked = dynamic
        .values(elf::DT_FLAGS_1)
        .any(|flags| flags & elf::DF_1_PIE.0 != 0);
    if interpreted || marked {
        return Err(InspectError::NotShared { found: "a program" });
    }
    if dynamic.entries.is_empty() {
        return Err(InspectError::NotShared {
            found: "without a dynamic table",
        });
    }
    Ok(())
}

/// Static TLS, text relocations, and what would keep it mapped.
pub(super) fn flags(dynamic: &Dynamic<'_>) -> Result<(), InspectError> {
    let flags = dynamic
        .values(elf::DT_FLAGS)
        .fold(0, |all, flags| all | flags);
    let flags_1 = dynamic
        .values(elf::DT_FLAGS_1)
        .fold(0, |all, flags| all | flags);
    if flags & elf::DF_STATIC_TLS.0 != 0 {
        return Err(InspectError::StaticTls);
    }
    if flags & elf::DF_TEXTREL.0 != 0 || dynamic.values(elf::DT_TEXTREL).next().is_some() {
        return Err(InspectError::TextRelocations);
    }
    let refused = [
        (elf::DF_1_NODELETE, "NODELETE"),
        (elf::DF_1_INITFIRST, "INITFIRST"),
        (elf::DF_1_GLOBAL, "GLOBAL"),
        (elf::DF_1_NOOPEN, "NOOPEN"),
    ];
    match refused.into_iter().find(|(flag, _)| flags_1 & flag.0 != 0) {
        Some((_, flag)) => Err(InspectError::Flagged { flag }),
        None => Ok(()),
    }
}

/// RPATH and RUNPATH: nothing absolute, nothing relative to a working folder.
pub(super) fn search_paths(dynamic: &Dynamic<'_>) -> Result<(), InspectError> {
    let mut paths = dynamic.texts(elf::DT_RPATH)?;
    paths.extend(dynamic.texts(elf::DT_RUNPATH)?);
    let fixed = |path: &&str| !path.starts_with("$ORIGIN") && !path.starts_with("${ORIGIN}");
    match paths.iter().flat_map(|path| path.split(':')).find(fixed) {
        Some(path) => Err(InspectError::FixedSearchPath {
            path: path.to_owned(),
        }),
        None => Ok(()),
    }
}

/// NEEDED: only the allowed libraries.
pub(super) fn needed(dynamic: &Dynamic<'_>) -> Result<(), InspectError> {
    let foreign = |library: &String| {
        !LIBRARIES.contains(&library.as_str()) && !library.starts_with("ld-linux")
    };
    match dynamic.texts(elf::DT_NEEDED)?.into_iter().find(foreign) {
        Some(library) => Err(InspectError::ForeignLibrary { library }),
        None => Ok(()),
    }
}

/// The root symbol is defined, no symbol is unique, and what it asks of the C library is allowed. Gives
/// what of that reaches outside of the node.
pub(super) fn symbols(elf: &Elf<'_>) -> Result<Vec<Import>, InspectError> {
    let table = elf.elf_dynamic_symbol_table();
    let (mut has_root, mut outside) = (false, Vec::new());
    let mut allocator = imports::ALLOCATOR.to_vec();
    for symbol in table.iter() {
        let name = table.symbol_name(LittleEndian, symbol);
        let name = name.map_err(|_| damage("a symbol's name lies outside its string table"))?;
        if symbol.st_shndx(LittleEndian) != elf::SHN_UNDEF {
            if symbol.st_bind() == elf::STB_GNU_UNIQUE {
                let symbol = String::from_utf8_lossy(name).into_owned();
                return Err(InspectError::UniqueSymbol { symbol });
            }
            has_root |= name == ROOT_SYMBOL.as_bytes();
        } else if let Ok(name) = str::from_utf8(name) {
            allocator.retain(|wanted| *wanted != name);
            outside.extend(import(name)?);
        }
    }
    if !has_root {
        return Err(InspectError::NoRoot {
            symbol: ROOT_SYMBOL,
        });
    }
    if let Some(symbol) = allocator.first() {
        return Err(InspectError::OwnAllocator { symbol });
    }
    outside.sort_unstable();
    outside.dedup();
    Ok(outside)
}

/// One function that a module asks for: refused, or named if it reaches outside.
fn import(symbol: &str) -> Result<Option<Import>, InspectError> {
    if let Some(why) = imports::refused(symbol) {
        let symbol = symbol.to_owned();
        return Err(InspectError::RefusedImport { symbol, why });
    }
    Ok(imports::outside(symbol).map(|outside| Import {
        outside,
        symbol: symbol.to_owned(),
    }))
}
