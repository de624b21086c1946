//! Releases are built confined, to the same bytes wherever and by whomever, and never from stale code.

use crate::release_tree::Tree;
use refit_abi::host::Explain;
use refit_build::{BuildError, BuiltRelease, Clean, ReleaseBuilder, Stage, TreeMismatch};
use refit_sandbox::{Launcher, Level, Limits, Policy, User};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

const LAUNCHER: &str = env!("CARGO_BIN_EXE_refit-build-launcher");

/// An ordinary user where the tests are root's.
const ORDINARY: u32 = 61_000;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::set_permissions(place.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn builder(&self, root: &str) -> ReleaseBuilder {
        ReleaseBuilder::new(self.path(root), Launcher::new(LAUNCHER, [""; 0]))
    }

    fn build(&self, tree: &Tree, folder: &str, root: &str) -> BuiltRelease {
        let tree = tree.at(&self.path(folder));
        self.builder(root).build(&tree, "").unwrap()
    }
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// A launcher that another user than root starts. Where the toolchain is in root's own folder, it sees another one there, with
/// nothing in it but the toolchain.
fn others_launcher(place: &Place) -> Launcher {
    let launcher = place.path("launcher");
    fs::copy(LAUNCHER, &launcher).unwrap();
    let asked = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .unwrap();
    let toolchain = String::from_utf8(asked.stdout).unwrap();
    let (toolchain, shown) = (toolchain.trim(), place.path("toolchain"));
    fs::create_dir(&shown).unwrap();
    let show = match Path::new(toolchain).starts_with("/root") {
        true => format!(
            "mount --bind {toolchain} {0} && mount -t tmpfs -o mode=755 root /root && mkdir -p {toolchain} && \
             mount --bind {0} {toolchain} &&",
            shown.display()
        ),
        false => String::new(),
    };
    let script = format!(
        "PATH=/usr/bin:/bin:/usr/sbin:/sbin; {show} \
         exec setpriv --reuid={ORDINARY} --regid={ORDINARY} --clear-groups {}",
        launcher.display()
    );
    Launcher::new(
        "/usr/bin/unshare",
        ["--mount", "--", "/bin/sh", "-c", &script],
    )
}

fn has(library: &Path, text: &str) -> bool {
    let bytes = fs::read(library).unwrap();
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn the_next_version_takes_the_dependencies_of_the_one_before_and_gives_the_bytes_of_a_first_build()
{
    let place = Place::new();
    let first = place.build(&Tree::new(), "one", "root");
    let next = ["Cargo.toml", "Cargo.lock"]
        .into_iter()
        .fold(Tree::new(), |tree, file| {
            tree.replacing(file, "\"1.2.3\"", "\"1.3.0\"")
        });
    let mut next = next.replacing("src/lib.rs", "code-1", "code-2");
    next.0.insert("src/more.rs".to_owned(), String::new());
    let second = place.build(&next, "two", "root");
    assert_eq!((first.filled, second.filled), (true, false));
    assert_eq!(second.version, "1.3.0");
    let anew = place.build(&next, "three", "another");
    assert_eq!(second.artifact, anew.artifact);
    // What a dependency is of is no matter of its version alone.
    let other = next.replacing("Cargo.toml", "edition = \"2024\"", "edition = \"2021\"");
    assert!(place.build(&other, "four", "root").filled);
}

#[test]
fn an_engine_beside_it_in_the_tree_is_no_matter_of_its_dependencies() {
    let place = Place::new();
    let alone = place.build(&Tree::new(), "alone", "root");
    let mut tree = Tree::new();
    for (file, text) in Tree::new().0 {
        if !file.contains('/') || file.starts_with("src/") {
            let text = text.replace("small-engine", "other-engine");
            let text = text.replace("\"abi\"", "\"../abi\"");
            let text = text.replace("\"fees\" }", "\"../fees\" }");
            tree.0.insert(format!("other/{file}"), text);
        }
    }
    let beside = place.build(&tree, "beside", "root");
    assert_eq!((alone.filled, beside.filled), (true, false));
    // A member of its own workspace is read by cargo.
    let member = Tree::new().replacing(
        "Cargo.toml",
        "[workspace]",
        "[workspace]\nmembers = [\"more\"]",
    );
    let mut member = member.replacing(
        "Cargo.lock",
        "[[package]]\nname = \"refit-abi\"",
        "[[package]]\nname = \"more\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"refit-abi\"",
    );
    let manifest = "[package]\nname = \"more\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    member
        .0
        .insert("more/Cargo.toml".to_owned(), manifest.to_owned());
    member.0.insert("more/src/lib.rs".to_owned(), String::new());
    assert!(place.build(&member, "member", "root").filled);
}

#[test]
fn two_folders_users_and_numbers_of_jobs_give_the_same_bytes() {
    let place = Place::new();
    let tree = Tree::new();
    let first = place.build(&tree, "one", "root-one");
    assert_eq!(
        first.level,
        Level::L3,
        "this kernel lacks what makes builds the same"
    );
    assert!(first.is_reproducible && first.filled);
    let (package, version) = (first.package.as_str(), first.version.as_str());
    assert_eq!((package, version), ("small-engine", "1.2.3"));
    let two = tree.at(&place.path("another/folder"));
    let second = place
        .builder("root-two")
        .with_jobs(1)
        .build(&two, "")
        .unwrap();
    assert_eq!(first.artifact, second.artifact);
    let third = place.builder("root-three").with_jobs(7);
    let third = third.with_user(User {
        uid: 61_001,
        gid: 61_002,
    });
    assert_eq!(third.build(&two, "").unwrap().artifact, first.artifact);
    if is_root() {
        let launcher = others_launcher(&place);
        let other = ReleaseBuilder::new(place.path("root-four"), launcher);
        assert_eq!(other.build(&two, "").unwrap().artifact, first.artifact);
    }
    assert_eq!(
        blake3::hash(&fs::read(&first.library).unwrap())
            .to_hex()
            .as_str(),
        first.artifact
    );
    assert!(has(&first.library, &first.build_id) && has(&first.library, "/build/source"));
    assert!(
        !has(&first.library, place.0.path().to_str().unwrap()),
        "no path of this machine"
    );
}

#[test]
fn below_the_level_of_own_paths_a_release_is_built_and_nobody_is_promised_its_bytes() {
    let place = Place::new();
    let rooms = place.path("root/rooms");
    let left = rooms.join("refit-4194305-0");
    fs::create_dir_all(left.join("a/folder")).unwrap();
    // Names that no build gives are somebody else's.
    let others = ["101", "4194305-0", "refit-4194305", "refit-x-0"].map(|name| rooms.join(name));
    for other in &others {
        fs::create_dir(other).unwrap();
    }
    fs::write(rooms.join("stray"), "no room").unwrap();
    let tree = Tree::new().at(&place.path("tree"));
    let builder = weak_builder(&place);
    for filled in [true, false] {
        let built = builder.build(&tree, "").unwrap();
        assert_eq!((built.level, built.filled), (Level::L2, filled));
        assert!(!built.is_reproducible);
        assert!(has(&built.library, &built.build_id) && !has(&built.library, "/build/source"));
    }
    assert!(
        !left.exists(),
        "a killed build's room goes with the next build"
    );
    let stray = rooms.join("stray");
    assert!(others.iter().chain([&stray]).all(|other| other.exists()));
}

/// Builds below the level of own paths.
fn weak_builder(place: &Place) -> ReleaseBuilder {
    let builder = match is_root() {
        true => {
            let builder = ReleaseBuilder::new(place.path("root"), others_launcher(place));
            builder.with_user(User {
                uid: ORDINARY,
                gid: ORDINARY,
            })
        }
        false => place.builder("root"),
    };
    builder.with_policy(Policy {
        at_most: Level::L2,
        ..Policy::default()
    })
}

#[test]
fn what_lies_above_a_tree_is_no_part_of_it() {
    let place = Place::new();
    let above = Tree(
        [
            ("Cargo.toml", "[workspace]\nmembers = [\"other\"]\n"),
            ("Cargo.lock", "version = 4\n"),
            (
                ".cargo/config.toml",
                "[build]\nrustflags = [\"--nonsense\"]\n",
            ),
        ]
        .map(|(file, text)| (file.to_owned(), text.to_owned()))
        .into(),
    );
    above.write(&place.path(""));
    let tree = Tree::new().replacing("Cargo.toml", "[workspace]\n", "");
    let mut unlocked = tree.clone();
    unlocked.0.remove("Cargo.lock");
    let unlocked = unlocked.at(&place.path("unlocked"));
    let strong = place.builder("strong");
    let error = strong.build(&unlocked, "").unwrap_err();
    assert_eq!(error.code(), refit_abi::codes::NO_LOCK, "{error}");
    // Its own settings are read.
    let set = |flag: &str| {
        let mut tree = tree.clone();
        let text = format!("[build]\nrustflags = [\"--cfg\", \"{flag}\"]\n");
        tree.0.insert(".cargo/config.toml".to_owned(), text);
        tree.replacing(
            "src/lib.rs",
            "\"code-1\"",
            "if cfg!(plain) { \"code-plain\" } else { \"code-set\" }",
        )
    };
    let weak = weak_builder(&place);
    for flag in ["plain", "other"] {
        let tree = set(flag).at(&place.path(flag));
        let strong = strong.build(&tree, "").unwrap();
        let weak = weak.build(&tree, "").unwrap();
        assert_eq!((strong.level, weak.level), (Level::L3, Level::L2));
        for built in [strong, weak] {
            assert_eq!(has(&built.library, "code-plain"), flag == "plain");
        }
    }
    let rooms = fs::read_dir(place.path("root/rooms")).unwrap();
    assert_eq!(rooms.count(), 0, "nothing is left");
}

#[test]
fn what_builds_leave_is_cleaned_away_but_for_what_is_in_use() {
    let place = Place::new();
    let built = place.build(&Tree::new(), "tree", "root");
    let root = place.path("root");
    let left = root.join("rooms/refit-4194305-0");
    let live = root.join(format!("rooms/{}9", ReleaseBuilder::prefix_of_rooms()));
    for room in [&left, &live] {
        fs::create_dir(room).unwrap();
    }
    let clean = |clean: &Clean, dry_run| {
        let cleaned = ReleaseBuilder::clean(&root, clean, dry_run).unwrap();
        cleaned.into_iter().map(|one| one.path).collect::<Vec<_>>()
    };
    let recent = Clean::Down { bytes_max: 0 };
    assert!(
        !clean(&recent, false).contains(&built.library),
        "it was just used"
    );
    let told = clean(&Clean::All, true);
    let sets = fs::read_dir(root.join("dependencies")).unwrap();
    let sets: Vec<_> = sets.map(|set| set.unwrap().path()).collect();
    assert_eq!(sets.len(), 1);
    for part in [&sets[0], &built.library, &built.log, &left] {
        assert!(told.contains(part) && part.exists(), "{part:?}: {told:?}");
    }
    assert_eq!(clean(&Clean::All, false), told);
    assert!(told.iter().all(|part| !part.exists()) && live.exists());
    fs::remove_dir(live).unwrap();
    assert!(place.build(&Tree::new(), "again", "root").filled);
}

#[test]
fn dependencies_are_compiled_once_and_own_code_always() {
    let place = Place::new();
    let tree = Tree::new();
    let first = place.build(&tree, "one", "root");
    let own = ["build-script-build (", "fees (fees)", "small_engine ("];
    let is_own = |built: &BuiltRelease| {
        let compiled = built.compiled.iter();
        compiled
            .filter(|unit| !own.iter().any(|own| unit.starts_with(own)))
            .count()
            == 0
            && built.compiled.len() == 3
    };
    assert!(
        is_own(&first),
        "the cache has the others: {:?}",
        first.compiled
    );
    let again = place.build(&tree, "two", "root");
    assert!(!again.filled && is_own(&again), "{:?}", again.compiled);
    assert_eq!(again.artifact, first.artifact);
    for (file, old, new) in [
        ("src/lib.rs", "code-1", "code-2"),
        ("build.rs", "made-1", "made-2"),
        ("fees/src/lib.rs", "fee-1", "fee-2"),
    ] {
        let other = tree.clone().replacing(file, old, new);
        let built = place.build(&other, &format!("with-{new}"), "root");
        assert!(!built.filled, "{file} is no dependency");
        assert!(
            has(&built.library, new) && !has(&built.library, old),
            "{file} is stale"
        );
        assert_ne!(built.build_id, first.build_id);
    }
    for (file, old, new) in [
        ("abi/src/lib.rs", "contract-1", "contract-2"),
        ("vendor/tiny/script.rs", "tiny-1", "tiny-22"),
    ] {
        let other = tree.clone().replacing(file, old, new);
        let built = place.build(&other, &format!("with-{new}"), "root");
        assert!(built.filled, "{file} is a dependency");
        assert_ne!(built.artifact, first.artifact, "{file}");
    }
    let rooms = fs::read_dir(place.path("root/rooms")).unwrap();
    assert_eq!(rooms.count(), 0, "nothing is left");
}

#[test]
fn a_release_cannot_write_what_others_are_built_from() {
    let place = Place::new();
    let attack = "fn main() {\n    println!(\"cargo:rustc-env=MADE=made-1\");\n    \
         let out = std::env::var(\"OUT_DIR\").unwrap();\n    \
         let target = std::path::Path::new(&out).ancestors().nth(3).unwrap();\n    \
         for entry in std::fs::read_dir(target.join(\"deps\")).unwrap() {\n        \
             let path = entry.unwrap().path();\n        \
             let _ = std::fs::remove_file(&path);\n        std::fs::write(path, \"evil\").unwrap();\n    }\n\
         }\n";
    let mut evil = Tree::new();
    evil.0.insert("build.rs".to_owned(), attack.to_owned());
    let evil = evil.at(&place.path("evil"));
    // It breaks its own build, and nobody else's.
    assert!(place.builder("root").build(&evil, "").is_err());
    let good = place.build(&Tree::new(), "good", "root");
    assert!(!good.filled, "the same dependencies");
    let alone = place.build(&Tree::new(), "alone", "root-alone");
    assert_eq!(good.artifact, alone.artifact);
}

#[test]
fn a_tree_that_is_not_the_one_that_is_listed_is_not_built() {
    let place = Place::new();
    let tree = Tree::new();
    let spoilt = |name: &str, spoil: &dyn Fn(&Path)| {
        let folder = place.path(name);
        tree.write(&folder);
        spoil(&folder);
        match tree.check(&folder).unwrap_err() {
            BuildError::Tree { mismatch, .. } => mismatch,
            error => panic!("{error}"),
        }
    };
    let write =
        |file: &'static str| move |folder: &Path| fs::write(folder.join(file), "x").unwrap();
    assert_eq!(
        spoilt("changed", &write("src/lib.rs")),
        TreeMismatch::Content
    );
    assert_eq!(spoilt("more", &write("src/more.rs")), TreeMismatch::Extra);
    let less = |folder: &Path| fs::remove_file(folder.join("vendor/tiny/script.rs")).unwrap();
    assert_eq!(spoilt("less", &less), TreeMismatch::Missing);
    let link = |folder: &Path| {
        less(folder);
        std::os::unix::fs::symlink("src/lib.rs", folder.join("vendor/tiny/script.rs")).unwrap();
    };
    assert_eq!(spoilt("link", &link), TreeMismatch::Kind);
}

#[test]
fn what_lies_outside_of_the_tree_is_refused_before_anything_is_run() {
    let place = Place::new();
    Tree::new().write(&place.path("beside"));
    let outside = Tree::new().replacing("Cargo.toml", "\"fees\" }", "\"../beside/fees\" }");
    let outside = outside.at(&place.path("outside"));
    let error = place.builder("root").build(&outside, "").unwrap_err();
    assert_eq!(error.code(), refit_abi::codes::PATH_OUTSIDE, "{error}");
    let error = place
        .builder("root")
        .build(&outside, "../beside")
        .unwrap_err();
    assert!(matches!(error, BuildError::NotAPackage { .. }), "{error}");
    // A crate that is not vendored is not fetched.
    let mut missing = Tree::new();
    missing.0.retain(|file, _| !file.starts_with("vendor/"));
    let missing = missing.at(&place.path("missing"));
    let error = place.builder("root").build(&missing, "").unwrap_err();
    assert!(matches!(error, BuildError::CargoFailed { .. }), "{error}");
    // An old lock is not mended.
    let stale = Tree::new().replacing("Cargo.lock", " \"tiny\",\n", "");
    let stale = stale.at(&place.path("stale"));
    let error = place.builder("root").build(&stale, "").unwrap_err();
    assert!(error.to_string().contains("--locked"), "{error}");
}

#[test]
fn limits_and_levels_are_kept_and_said() {
    let place = Place::new();
    let tree = Tree::new().at(&place.path("tree"));
    let policy = Policy {
        at_least: Level::L3,
        at_most: Level::L2,
    };
    let error = place
        .builder("weak")
        .with_policy(policy)
        .build(&tree, "")
        .unwrap_err();
    assert_eq!(error.code(), refit_abi::codes::SANDBOX_TOO_WEAK, "{error}");
    assert!(
        error.to_string().contains("level=L3 ns=ok"),
        "what is there is said: {error}"
    );
    let limits = Limits {
        target_bytes: 1 << 20,
        ..Limits::default()
    };
    let error = place
        .builder("small")
        .with_limits(limits)
        .build(&tree, "")
        .unwrap_err();
    assert_eq!(error.code(), refit_abi::codes::BUILD_OVER_LIMIT, "{error}");
    let limits = Limits {
        wall_ms: 50,
        ..Limits::default()
    };
    let error = place
        .builder("short")
        .with_limits(limits)
        .build(&tree, "")
        .unwrap_err();
    assert_eq!(error.code(), refit_abi::codes::BUILD_OVER_LIMIT, "{error}");
}

#[test]
fn progress_is_told_errors_are_the_compilers_and_the_log_is_kept() {
    let place = Place::new();
    let stages = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&stages);
    let builder = place.builder("root").with_listener(move |progress| {
        heard.lock().unwrap().push(progress.stage);
    });
    let warned = Tree::new()
        .replacing("src/lib.rs", "//! An", "fn unused() {}\n//! An")
        .at(&place.path("bad"));
    let error = builder.build(&warned, "").unwrap_err();
    assert!(
        matches!(error, BuildError::DoesNotCompile { .. }),
        "{error}"
    );
    let logs: Vec<_> = fs::read_dir(place.path("root/logs")).unwrap().collect();
    assert_eq!(logs.len(), 1, "of the build that failed");
    let good = Tree::new().replacing("src/lib.rs", "#[used]", "fn never_called() {}\n#[used]");
    let built = builder.build(&good.at(&place.path("good")), "").unwrap();
    assert!(
        fs::read_to_string(built.log)
            .unwrap()
            .contains("never_called")
    );
    let stages = stages.lock().unwrap();
    assert!(stages.contains(&Stage::Dependencies) && stages.contains(&Stage::Engine));
    drop(stages);
    let canceller = builder.clone();
    let cancelling = builder.clone().with_listener(move |_| canceller.cancel());
    let other = Tree::new().replacing("abi/src/lib.rs", "contract-1", "contract-3");
    let error = cancelling
        .build(&other.at(&place.path("cancelled")), "")
        .unwrap_err();
    assert!(matches!(error, BuildError::Cancelled), "{error}");
    assert_eq!(fs::read_dir(place.path("root/rooms")).unwrap().count(), 0);
}
