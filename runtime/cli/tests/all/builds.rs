//! `refit engine build` and `clean`: what is refused, what is chosen by flags, what goes away again.

use crate::served::{Folder, Ran, compiled};
use std::path::Path;

/// `refit` in this folder, with the author's environment; its data stay between runs.
fn refit(folder: &Folder, arguments: &[&str]) -> Ran {
    let mut command = folder.command(arguments);
    command
        .env_clear()
        .envs(std::env::vars_os())
        .env("REFIT_CACHE_DIR", compiled())
        .env(
            "REFIT_DATA_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("built"),
        );
    Ran::of(command.output().unwrap())
}

#[test]
fn what_no_node_takes_is_no_build_and_what_is_built_can_be_cleaned_away() {
    let folder = Folder::named("builds-plain");
    assert_eq!(refit(&folder, &["engine", "new", "plain"]).exit, 0);
    let library = folder.path().join("plain/src/lib.rs");
    let source = std::fs::read_to_string(&library).unwrap();
    let build = [
        "engine",
        "build",
        "plain",
        "--profile",
        "dev",
        "--features",
        "extra",
    ];

    let ran = refit(&folder, &build);
    assert_ne!(ran.exit, 0);
    assert!(ran.stderr.contains("extra"), "{ran:?}");

    let manifest = folder.path().join("plain/Cargo.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(
        &manifest,
        text.replace("[features]", "[features]\nextra = []"),
    )
    .unwrap();
    std::fs::write(&library, "//! Nothing.\n").unwrap();
    let ran = refit(&folder, &build);
    assert!(ran.stderr.contains(" is refused: "), "{ran:?}");
    assert!(ran.stdout.is_empty() && ran.exit != 0, "{ran:?}");

    let source = source.replace(
        "Message::Reset => self.count = 0",
        "Message::Reset => self.count = if cfg!(feature = \"extra\") { 7 } else { 0 }",
    );
    std::fs::write(&library, source).unwrap();
    let ran = refit(&folder, &build);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(Path::new(ran.stdout.trim()).is_file(), "{ran:?}");

    let told = refit(&folder, &["engine", "clean", "plain", "--dry-run"]);
    assert!(told.stderr.contains("would remove 1 part,"), "{told:?}");
    let target = told.stdout.trim();
    assert!(Path::new(target).is_dir(), "{told:?}");
    let cleaned = refit(&folder, &["engine", "clean", "plain"]);
    assert_eq!(cleaned.stdout.trim(), target, "{cleaned:?}");
    assert!(!Path::new(target).exists());
}

#[test]
fn what_builds_of_releases_left_is_cleaned_away_too() {
    let folder = Folder::new();
    let parts = [
        "cache/releases/dependencies/key",
        "cache/releases/artifacts/library.so",
        "data/builds/logs/build.log",
    ];
    for part in parts {
        let part = folder.path().join(part);
        std::fs::create_dir_all(part.parent().unwrap()).unwrap();
        match part.extension() {
            None => std::fs::create_dir(part).unwrap(),
            Some(_) => std::fs::write(part, "12345").unwrap(),
        }
    }
    let clean = |more: &[&str]| {
        let mut command = folder.command(&[&["engine", "clean", "--all"], more].concat());
        command
            .env("REFIT_CACHE_DIR", folder.path().join("cache"))
            .env("REFIT_DATA_DIR", folder.path().join("data"));
        Ran::of(command.output().unwrap())
    };
    let told = clean(&["--dry-run"]);
    assert!(
        told.stderr.contains("would remove 3 parts, 10 B"),
        "{told:?}"
    );
    let listed: Vec<_> = told.stdout.lines().map(Path::new).collect();
    assert!(
        parts
            .iter()
            .all(|part| listed.iter().any(|line| line.ends_with(part))),
        "{told:?}"
    );
    assert!(listed.iter().all(|part| part.exists()));
    assert_eq!(clean(&[]).stdout, told.stdout);
    assert!(listed.iter().all(|part| !part.exists()));
}
