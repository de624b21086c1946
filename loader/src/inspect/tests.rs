//! The rules against real files, made here by the system's compiler.

use super::*;
use proptest::prelude::*;
use refit_abi::host::Explain;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// A C file that exports the root symbol and asks for the allocator, so that only the rule under test can
/// refuse it.
const ROOTED: &str = "int root __asm__(\"_1as_0lib_1header_0root_bmodule_bloader\") = 1;\n\
    void malloc(void), calloc(void), realloc(void), free(void), posix_memalign(void);\n\
    void (*allocator[])(void) = { malloc, calloc, realloc, free, posix_memalign };\n";

/// Compiles C with these flags and gives the bytes.
fn compiled(source: &str, flags: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (source_path, out) = (folder.path().join("a.c"), folder.path().join("a.so"));
    std::fs::write(&source_path, source).unwrap();
    let mut cc = Command::new("cc");
    let status = cc
        .args(["-w", "-o"])
        .arg(&out)
        .arg(&source_path)
        .args(flags)
        .status()
        .unwrap();
    assert!(status.success(), "cc {flags:?}");
    std::fs::read(&out).unwrap()
}

fn shared(source: &str, flags: &[&str]) -> Result<Inspection, InspectError> {
    inspect(&compiled(source, &[&["-shared", "-fPIC"], flags].concat()))
}

fn sound() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| compiled(ROOTED, &["-shared", "-fPIC", "-Wl,-soname,libengine.so"]))
}

#[test]
fn a_sound_library_passes_and_its_names_are_read() {
    let inspection = inspect(sound()).unwrap();
    assert_eq!(inspection.soname.as_deref(), Some("libengine.so"));
    assert!(
        inspection
            .needed
            .iter()
            .all(|library| library == "libc.so.6"),
        "{inspection:?}"
    );
}

#[test]
fn what_is_no_shared_library_is_refused_by_name() {
    assert_eq!(inspect(b""), Err(InspectError::NotElf));
    assert_eq!(inspect(b"#!/bin/sh\necho no\n"), Err(InspectError::NotElf));
    let object = compiled(ROOTED, &["-c"]);
    assert_eq!(
        inspect(&object),
        Err(InspectError::NotShared {
            found: "an object file"
        })
    );
    for program in [
        std::fs::read(Path::new("/bin/true")).unwrap(),
        compiled("int main(void) { return 0; }", &["-no-pie"]),
    ] {
        assert_eq!(
            inspect(&program),
            Err(InspectError::NotShared { found: "a program" })
        );
    }
}

#[test]
fn another_machine_class_or_system_is_refused() {
    let spoilt = |at: usize, value: u8| {
        let mut bytes = sound().to_vec();
        bytes[at] = value;
        inspect(&bytes).unwrap_err().code().to_owned()
    };
    assert_eq!(spoilt(4, 1), "wrong-class");
    assert_eq!(spoilt(5, 2), "wrong-class");
    assert_eq!(spoilt(18, 243), "wrong-machine");
    assert_eq!(spoilt(7, 9), "wrong-system");
}

#[test]
fn what_could_not_be_unmapped_is_refused() {
    for (flag, name) in [
        ("nodelete", "NODELETE"),
        ("initfirst", "INITFIRST"),
        ("nodlopen", "NOOPEN"),
    ] {
        let error = shared(ROOTED, &["-z", flag]).unwrap_err();
        assert_eq!(error, InspectError::Flagged { flag: name });
    }
    let unique = format!("{ROOTED}.set\n").replace(
        ".set\n",
        "__asm__(\".type once, @gnu_unique_object\\n.globl once\\n.data\\nonce: .long 1\\n.size once, 4\\n\");\n",
    );
    let error = shared(&unique, &[]).unwrap_err();
    assert_eq!(
        error,
        InspectError::UniqueSymbol {
            symbol: "once".to_owned()
        }
    );
}

#[test]
fn static_tls_is_refused_and_dynamic_tls_is_not() {
    let tls = format!("{ROOTED}__thread int counter = 1; int next(void) {{ return counter++; }}\n");
    assert_eq!(
        shared(&tls, &["-ftls-model=initial-exec"]),
        Err(InspectError::StaticTls)
    );
    shared(&tls, &["-ftls-model=global-dynamic"]).unwrap();
}

#[test]
fn libraries_and_search_paths_are_limited() {
    let error = shared(ROOTED, &["-Wl,-rpath,/opt/lib"]).unwrap_err();
    assert_eq!(
        error,
        InspectError::FixedSearchPath {
            path: "/opt/lib".to_owned()
        }
    );
    let error = shared(ROOTED, &["-Wl,-rpath,$ORIGIN:lib"]).unwrap_err();
    assert_eq!(
        error,
        InspectError::FixedSearchPath {
            path: "lib".to_owned()
        }
    );
    shared(ROOTED, &["-Wl,-rpath,$ORIGIN/lib"]).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("libforeign.so");
    let bytes = compiled(
        "int f(void) { return 1; }",
        &["-shared", "-fPIC", "-Wl,-soname,libforeign.so"],
    );
    std::fs::write(&foreign, bytes).unwrap();
    let user = format!("{ROOTED}int f(void); int g(void) {{ return f(); }}\n");
    let error = shared(&user, &[foreign.to_str().unwrap()]).unwrap_err();
    assert_eq!(
        error,
        InspectError::ForeignLibrary {
            library: "libforeign.so".to_owned()
        }
    );
}

#[test]
fn an_allocator_that_is_linked_in_is_refused() {
    let own = format!("{ROOTED}__attribute__((visibility(\"hidden\"))) void realloc(void) {{}}\n");
    let error = shared(&own, &[]).unwrap_err();
    assert_eq!(error, InspectError::OwnAllocator { symbol: "realloc" });
    assert_eq!(error.code(), "own-allocator");
}

#[test]
fn makers_of_unseen_threads_are_refused_by_name() {
    for symbol in [
        "timer_create",
        "aio_read",
        "getaddrinfo_a",
        "mq_notify",
        "daemon",
        "on_exit",
    ] {
        let user = format!("{ROOTED}void {symbol}(void); void (*used)(void) = {symbol};\n");
        let error = shared(&user, &["-fno-builtin"]).unwrap_err();
        assert_eq!(error.code(), "refused-import");
        assert!(error.to_string().contains(symbol), "{error}");
    }
}

#[test]
fn what_reaches_outside_is_named_in_order_and_what_every_engine_has_is_not() {
    let user = format!(
        "{ROOTED}void socket(void), getrandom(void), connect(void), open64(void), getenv(void);\n\
         void (*used[])(void) = {{ socket, getrandom, connect, open64, getenv }};\n"
    );
    let inspection = shared(&user, &["-fno-builtin"]).unwrap();
    let named: Vec<_> = inspection
        .outside
        .iter()
        .map(|import| format!("{}: {}", import.outside, import.symbol))
        .collect();
    assert_eq!(
        named,
        [
            "randomness: getrandom",
            "network: connect",
            "network: socket"
        ]
    );
}

#[test]
fn a_library_without_engines_is_refused() {
    let error = shared("int nothing = 1;", &[]).unwrap_err();
    assert_eq!(error.code(), "no-root-symbol");
    assert!(error.next().contains("export_engines!"));
    let user =
        "extern int root __asm__(\"_1as_0lib_1header_0root_bmodule_bloader\"); int *p = &root;";
    assert_eq!(
        shared(user, &[]).unwrap_err().code(),
        "no-root-symbol",
        "using it is not having it"
    );
}

#[test]
fn section_tables_that_contradict_the_segments_are_refused() {
    use object::read::elf::SectionHeader as _;
    let elf = Elf::parse(sound()).unwrap();
    let index = elf.elf_dynamic_symbol_table().section().0;
    let at = elf.elf_header().e_shoff.get(LittleEndian) as usize + index * 64 + 16;
    let section = elf
        .elf_section_table()
        .section(object::SectionIndex(index))
        .unwrap();
    let mut bytes = sound().to_vec();
    assert_eq!(
        bytes[at..at + 8],
        section.sh_addr(LittleEndian).to_le_bytes()
    );
    bytes[at] ^= 8;
    assert_eq!(inspect(&bytes).unwrap_err().code(), "damaged-elf");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_cut_file_never_panics_and_never_passes_without_its_tables(end in 0usize..1 << 15) {
        let end = end % sound().len();
        prop_assert!(inspect(&sound()[..end]).is_err());
    }

    #[test]
    fn flipped_bits_never_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..32)) {
        let mut bytes = sound().to_vec();
        for (index, bit) in flips {
            let at = index.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        let _ = inspect(&bytes);
    }

    #[test]
    fn flipped_bits_in_the_headers_never_panic(flips in prop::collection::vec((0usize..1024, any::<u8>()), 1..8)) {
        let mut bytes = sound().to_vec();
        for (at, value) in flips {
            bytes[at] = value;
        }
        let _ = inspect(&bytes);
    }

    #[test]
    fn arbitrary_bytes_after_the_magic_never_panic(rest in prop::collection::vec(any::<u8>(), 0..512)) {
        let bytes = [b"\x7fELF\x02\x01\x01".as_slice(), &rest].concat();
        let _ = inspect(&bytes);
    }
}
