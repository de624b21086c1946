//! Tests that a library is built from content, whatever the times say, and from nothing else. The contract here
//! is a tiny one, so that these builds take little.

use refit_abi::host::Explain;
use refit_build::{Builder, Built, Features, Options, Profile};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A place with a contract, an engine's package `eng`, and a package `fees` that it depends on.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        place.write(
            "abi/Cargo.toml",
            &package("refit-abi", "[features]\nmodule = []\n"),
        );
        place.write(
            "abi/src/lib.rs",
            "pub fn contract() -> &'static str { \"contract-1\" }\n",
        );
        place.write("fees/Cargo.toml", &package("fees", ""));
        place.write("fees/build.rs", FEES_SCRIPT);
        place.write("fees/input.txt", "script-1");
        place.write("fees/src/lib.rs", FEES);
        place.write("outside.txt", "outside-1");
        place.engine("eng");
        place
    }

    fn engine(&self, name: &str) {
        let manifest = package(name, ENGINE_MANIFEST);
        self.write(&format!("{name}/Cargo.toml"), &manifest);
        self.write(&format!("{name}/Cargo.lock"), &lock(name));
        self.write(&format!("{name}/src/lib.rs"), ENGINE);
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces a file's content by another with a time long ago, as an archive does that is unpacked.
    fn unpack(&self, file: &str, text: &str) {
        self.write(file, text);
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000);
        let file = fs::File::options().append(true).open(self.path(file));
        file.unwrap().set_modified(long_ago).unwrap();
    }

    /// A builder with a root of its own and the place's store.
    fn builder(&self, root: &str) -> Builder {
        Builder::new(self.path(root)).with_store(self.path("store"))
    }

    fn build(&self, engine: &str, options: impl Into<Options>) -> Built {
        let builder = self.builder(&format!("{engine}-data"));
        builder.build(&self.path(engine), options).unwrap()
    }

    fn dev(&self, engine: &str) -> Built {
        self.build(engine, Profile::Dev)
    }
}

fn package(name: &str, more: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}\n[workspace]\n"
    )
}

fn lock(name: &str) -> String {
    format!(
        "version = 4\n\n\
         [[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\ndependencies = [\n \"fees\",\n \"refit-abi\",\n]\n\n\
         [[package]]\nname = \"fees\"\nversion = \"0.1.0\"\n\n\
         [[package]]\nname = \"refit-abi\"\nversion = \"0.1.0\"\n"
    )
}

const ENGINE_MANIFEST: &str = r#"
[lib]
crate-type = ["cdylib", "rlib"]
[features]
module = ["refit-abi/module"]
more = []
[dependencies]
refit-abi = { path = "../abi" }
fees = { path = "../fees" }
"#;

const ENGINE: &str = r#"
/// All that it says, with its stamp.
pub static SAYS: [fn() -> &'static str; 5] =
    [refit_abi::contract, fees::code, fees::script, fees::outside, own];
fn own() -> &'static str { if cfg!(feature = "more") { "own-more" } else { "own-1" } }
#[unsafe(no_mangle)]
pub extern "C" fn say(index: usize) -> usize { SAYS[index]().len() + STAMP.len() }
static STAMP: &str = match option_env!("REFIT_BUILD_ID") { Some(id) => id, None => "" };
#[unsafe(no_mangle)]
pub extern "C" fn stamp() -> *const u8 { STAMP.as_ptr() }
#[unsafe(no_mangle)]
pub extern "C" fn add(a_name_for_debuggers: u64) -> u64 { a_name_for_debuggers + 10 }
"#;

const FEES: &str = r#"
pub fn code() -> &'static str { "fees-1" }
pub fn script() -> &'static str { env!("FEES_INPUT") }
pub fn outside() -> &'static str { include_str!("../../outside.txt") }
"#;

const FEES_SCRIPT: &str = r#"
fn main() {
    println!("cargo:rerun-if-changed=input.txt");
    let input = std::fs::read_to_string("input.txt").unwrap();
    println!("cargo:rustc-env=FEES_INPUT={input}");
}
"#;

fn says(built: &Built, text: &str) -> bool {
    let library = fs::read(&built.library).unwrap();
    library
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[test]
fn what_changed_in_content_alone_is_built_anew_wherever_it_lies() {
    let place = Place::new();
    let mut before = place.dev("eng");
    for text in ["contract-1", "fees-1", "script-1", "outside-1", "own-1"] {
        assert!(says(&before, text), "{text}");
    }
    for (file, old, new) in [
        ("fees/src/lib.rs", "fees-1", "fees-2"),
        ("fees/input.txt", "script-1", "script-2"),
        ("outside.txt", "outside-1", "outside-2"),
        ("abi/src/lib.rs", "contract-1", "contract-2"),
        ("eng/src/lib.rs", "own-1", "own-2"),
    ] {
        let text = fs::read_to_string(place.path(file)).unwrap();
        place.unpack(file, &text.replace(old, new));
        let built = place.dev("eng");
        assert!(says(&built, new) && !says(&built, old), "{file}");
        assert_ne!(built.build_id, before.build_id, "{file}");
        assert!(says(&built, &built.build_id), "{file}");
        place.unpack(file, &text);
        let back = place.dev("eng");
        assert!(says(&back, old) && !says(&back, new), "{file}");
        assert_eq!(back.build_id, before.build_id, "{file}");
        before = back;
    }
}

#[test]
fn the_contract_is_compiled_once_for_all_and_an_engines_own_packages_never_are() {
    let place = Place::new();
    let of = |built: &Built, folder: &str| {
        let ending = format!("({folder})");
        built
            .compiled
            .iter()
            .filter(|unit| unit.ends_with(&ending))
            .count()
    };
    place.dev("eng");
    place.engine("other");
    let other = place.dev("other");
    assert_eq!(of(&other, "abi"), 0, "{:?}", other.compiled);
    assert!(
        of(&other, "fees") > 0 && of(&other, "other") > 0,
        "{:?}",
        other.compiled
    );
    place.engine("loose");
    fs::remove_file(place.path("loose/Cargo.lock")).unwrap();
    let loose = place.dev("loose");
    assert_eq!(of(&loose, "abi"), 0, "without a lock: {:?}", loose.compiled);
    assert!(!place.path("loose/Cargo.lock").exists());

    place.unpack(
        "abi/src/lib.rs",
        "pub fn contract() -> &'static str { \"contract-2\" }\n",
    );
    place.engine("third");
    assert!(
        says(&place.dev("third"), "contract-2"),
        "the store's is another"
    );
    assert!(says(&place.dev("eng"), "contract-2"));
    place.unpack(
        "abi/src/lib.rs",
        "pub fn contract() -> &'static str { \"contract-1\" }\n",
    );
    for engine in ["third", "other", "eng"] {
        assert!(says(&place.dev(engine), "contract-1"), "{engine}");
    }
}

#[test]
fn what_no_build_reads_changes_nothing() {
    let place = Place::new();
    let first = place.dev("eng");
    for file in [
        "eng/node.log",
        "eng/src/#lib.rs#",
        "eng/src/lib.rs~",
        "eng/README.md",
    ] {
        place.write(file, "x");
    }
    place.write("eng/tests/engine.rs", "x");
    place.write("eng/notes/todo.txt", "x");
    place.write("eng/.gitignore", "/notes\n");
    let again = place.dev("eng");
    assert_eq!(again.compiled, Vec::<String>::new());
    assert_eq!(
        (&again.artifact, &again.build_id),
        (&first.artifact, &first.build_id)
    );

    let source = place.path("eng/src/lib.rs");
    let text = fs::read_to_string(&source).unwrap();
    place.write("eng/src/lib.rs", &format!("{text}// A remark.\n"));
    let remark = place.dev("eng");
    assert!(!remark.compiled.is_empty(), "it is another source");
    assert!(!remark.is_new);
    assert_eq!(
        (&remark.artifact, &remark.build_id),
        (&first.artifact, &first.build_id)
    );
}

#[test]
fn features_are_built_with_and_told_apart() {
    let place = Place::new();
    let with = |named: &[&str], all| Options {
        profile: Profile::Dev,
        features: Features {
            named: named.iter().map(|&name| name.to_owned()).collect(),
            all,
            no_default: false,
        },
        debug_info: false,
    };
    let plain = place.dev("eng");
    let more = place.build("eng", with(&["more"], false));
    assert!(says(&more, "own-more") && !says(&plain, "own-more"));
    assert_ne!(more.build_id, plain.build_id);
    assert_eq!(
        place.build("eng", with(&[], true)).artifact.len(),
        more.artifact.len()
    );
    assert!(says(&place.build("eng", with(&[], true)), "own-more"));
    assert_eq!(
        place.dev("eng").artifact,
        plain.artifact,
        "the one does not stand for the other"
    );
    let builder = place.builder("eng-data");
    let error = builder
        .build(&place.path("eng"), with(&["nonsense"], false))
        .unwrap_err();
    assert!(error.to_string().contains("nonsense"), "{error}");
}

#[test]
fn a_release_build_panics_where_a_number_overflows_and_is_stripped_unless_asked_otherwise() {
    let place = Place::new();
    let release = place.build("eng", Profile::Release);
    assert!(says(&release, "attempt to add with overflow"));
    assert!(!says(&release, "a_name_for_debuggers"));
    let debug = place.build(
        "eng",
        Options {
            debug_info: true,
            ..Options::default()
        },
    );
    assert!(says(&debug, "a_name_for_debuggers"));
    assert_ne!(debug.build_id, release.build_id);
}

#[test]
fn a_member_of_a_workspace_is_built_from_the_members_that_it_names() {
    let place = Place::new();
    place.write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"eng\", \"fees\", \"abi\"]\n\
         [workspace.dependencies]\nfees = { path = \"fees\" }\n",
    );
    for member in ["eng", "fees", "abi"] {
        let path = format!("{member}/Cargo.toml");
        let text = fs::read_to_string(place.path(&path)).unwrap();
        let text = text.replace("\n[workspace]\n", "\n");
        place.write(
            &path,
            &text.replace("fees = { path = \"../fees\" }", "fees.workspace = true"),
        );
    }
    fs::rename(place.path("eng/Cargo.lock"), place.path("Cargo.lock")).unwrap();
    let first = place.dev("eng");
    let text = fs::read_to_string(place.path("fees/src/lib.rs")).unwrap();
    place.unpack("fees/src/lib.rs", &text.replace("fees-1", "fees-2"));
    let second = place.dev("eng");
    assert!(says(&second, "fees-2") && first.build_id != second.build_id);
    let watched = place
        .builder("eng-data")
        .watched(&place.path("eng"))
        .unwrap();
    let whole = |path: &str| place.path(path).canonicalize().unwrap();
    assert_eq!(watched.folders, [whole("eng"), whole("abi"), whole("fees")]);
    let expected = [
        whole("Cargo.lock"),
        whole("Cargo.toml"),
        whole("outside.txt"),
    ];
    let outside: Vec<_> = watched
        .files
        .iter()
        .filter(|file| expected.contains(file))
        .collect();
    assert_eq!(outside.len(), 3, "{:?}", watched.files);
}

#[test]
fn what_the_machine_refuses_is_not_the_sources_fault() {
    let place = Place::new();
    for (message, code) in [
        (
            "error: failed to write x: No space left on device (os error 28)",
            "no-space",
        ),
        (
            "error: failed to map segment from shared object",
            "no-execution",
        ),
    ] {
        let script = format!("fn main() {{ eprintln!({message:?}); std::process::exit(1) }}\n");
        place.write("fees/build.rs", &script);
        let builder = place.builder("eng-data");
        let error = builder.build(&place.path("eng"), Profile::Dev).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(!error.next().contains("correct the source"));
    }
}

/// The two paths are told apart by the folder alone.
#[test]
fn a_source_that_moved_is_the_same_source() {
    let place = Place::new();
    let first = place.dev("eng");
    let moved: &Path = &place.path("elsewhere");
    fs::create_dir(moved).unwrap();
    for package in ["eng", "fees", "abi"] {
        fs::rename(place.path(package), moved.join(package)).unwrap();
    }
    fs::rename(place.path("outside.txt"), moved.join("outside.txt")).unwrap();
    let builder = place.builder("moved-data");
    let second = builder.build(&moved.join("eng"), Profile::Dev).unwrap();
    assert_eq!(second.build_id, first.build_id);
}

#[test]
fn a_target_folder_that_is_not_whole_is_emptied_and_the_build_goes_on() {
    let place = Place::new();
    let whole = place.dev("eng");
    let mut torn = 0;
    let targets = place.path("eng-data/targets");
    for target in fs::read_dir(&targets).unwrap() {
        let deps = target.unwrap().path().join("debug/deps");
        for file in fs::read_dir(&deps).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with("libfees-") {
                // Never in place: what is compiled is linked to the shared store.
                let time = path.metadata().unwrap().modified().unwrap();
                fs::remove_file(&path).unwrap();
                fs::write(&path, "not whole").unwrap();
                let file = fs::File::options().append(true).open(&path);
                file.unwrap().set_modified(time).unwrap();
                torn += 1;
            }
        }
    }
    assert!(torn > 0, "{targets:?}");
    place.write("eng/src/lib.rs", &format!("{ENGINE}pub fn later() {{}}\n"));
    let again = place.dev("eng");
    assert_ne!(again.build_id, "");
    assert!(again.library.is_file() && whole.library.is_file());
}
