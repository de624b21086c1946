//! Real saves in real folders.

use super::gathered::QUIET_WAIT_MAX;
use super::*;
use notify::{Event, EventKind};

fn package() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("Cargo.toml"), "").unwrap();
    folder
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// The files of the next save, which must come soon.
async fn next(saves: &mut Saves) -> Vec<String> {
    let wait = Duration::from_secs(10);
    let save = tokio::time::timeout(wait, saves.next()).await;
    let files = save.unwrap().unwrap().files;
    files
        .iter()
        .map(|file| file.display().to_string())
        .collect()
}

#[test]
fn what_is_saved_meanwhile_is_one_save_afterwards() {
    let folder = package();
    let root = folder.path().canonicalize().unwrap();
    block_on(async {
        let mut saves = Saves::of(&root).unwrap();
        fs::write(root.join("src/a.rs"), "1").unwrap();
        fs::write(root.join("src/a.rs.new"), "2").unwrap();
        fs::rename(root.join("src/a.rs.new"), root.join("src/a.rs")).unwrap();
        fs::write(root.join("Cargo.toml"), "[package]").unwrap();
        let files = next(&mut saves).await;
        assert_eq!(files, ["Cargo.toml", "src/a.rs"]);
        fs::remove_file(root.join("src/a.rs")).unwrap();
        assert_eq!(next(&mut saves).await, ["src/a.rs"]);
    });
}

#[test]
fn folders_that_come_later_or_again_are_watched_too() {
    let folder = package();
    let root = folder.path().canonicalize().unwrap();
    block_on(async {
        let mut saves = Saves::of(&root).unwrap();
        fs::create_dir(root.join("part")).unwrap();
        next(&mut saves).await;
        fs::write(root.join("part/b.rs"), "").unwrap();
        assert_eq!(next(&mut saves).await, ["part/b.rs"]);
        fs::remove_dir_all(root.join("src")).unwrap();
        fs::create_dir(root.join("src")).unwrap();
        next(&mut saves).await;
        fs::write(root.join("src/c.rs"), "").unwrap();
        assert_eq!(next(&mut saves).await, ["src/c.rs"]);
    });
}

#[test]
fn a_package_that_is_swapped_for_another_is_watched_again() {
    let folder = package();
    let parent = folder.path().canonicalize().unwrap();
    let (root, aside) = (parent.join("engine"), parent.join("aside"));
    for place in [&root, &aside] {
        fs::create_dir_all(place.join("src")).unwrap();
        fs::write(place.join("src/lib.rs"), "").unwrap();
    }
    block_on(async {
        let mut saves = Saves::of(&root).unwrap();
        fs::remove_dir_all(&root).unwrap();
        let back = tokio::task::spawn_blocking({
            let (root, aside) = (root.clone(), aside.clone());
            move || {
                std::thread::sleep(QUIET_WAIT_MAX);
                fs::rename(aside, root).unwrap();
            }
        });
        next(&mut saves).await;
        back.await.unwrap();
        fs::write(root.join("src/lib.rs"), "1").unwrap();
        assert_eq!(next(&mut saves).await, ["src/lib.rs"]);
    });
}

#[test]
fn a_package_that_is_swapped_at_once_is_watched_again() {
    let folder = package();
    let parent = folder.path().canonicalize().unwrap();
    let (root, aside) = (parent.join("engine"), parent.join("aside"));
    for place in [&root, &aside] {
        fs::create_dir_all(place.join("src")).unwrap();
    }
    block_on(async {
        let mut saves = Saves::of(&root).unwrap();
        fs::rename(&root, parent.join("old")).unwrap();
        fs::rename(&aside, &root).unwrap();
        assert_eq!(next(&mut saves).await, ["."]);
        fs::write(root.join("src/lib.rs"), "1").unwrap();
        assert_eq!(next(&mut saves).await, ["src/lib.rs"]);
    });
}

#[test]
fn lost_events_are_a_save_of_the_package() {
    let folder = package();
    let root = folder.path().canonicalize().unwrap();
    block_on(async {
        let mut saves = Saves::of(&root).unwrap();
        let lost = Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        saves.gathered.notice(Ok(lost));
        assert_eq!(next(&mut saves).await, ["."]);
    });
}

#[test]
fn what_is_made_inside_the_package_is_no_save() {
    let folder = package();
    let root = folder.path().canonicalize().unwrap();
    block_on(async {
        let mut saves = Saves::of(&root).unwrap();
        let made = root.join("refit-data/build");
        refit_build::make_output(&made, |path| fs::create_dir_all(path)).unwrap();
        fs::write(made.join("x.so"), "").unwrap();
        let quiet = tokio::time::timeout(QUIET_WAIT_MAX * 2, saves.next()).await;
        assert!(quiet.is_err(), "{quiet:?}");
        fs::write(made.join("y.so"), "").unwrap();
        fs::write(root.join("src/a.rs"), "").unwrap();
        assert_eq!(next(&mut saves).await, ["src/a.rs"]);
    });
}

#[test]
fn what_cargo_and_editors_write_is_no_save() {
    let folder = package();
    let root = folder.path();
    for file in [
        "target/debug/x",
        ".git/index",
        "src/.lib.rs.swp",
        "src/a.rs~",
    ] {
        assert!(!is_source(root, Path::new(file)), "{file}");
    }
    for file in ["src/lib.rs", "Cargo.toml", "src/target/mod.rs", "build.rs"] {
        assert!(is_source(root, Path::new(file)), "{file}");
    }
}

#[test]
fn a_save_in_a_package_that_it_is_built_from_or_of_a_file_elsewhere_is_a_save() {
    let place = tempfile::tempdir().unwrap();
    let parent = place.path().canonicalize().unwrap();
    let (own, fees) = (parent.join("engine"), parent.join("fees"));
    for root in [&own, &fees] {
        fs::create_dir_all(root.join("src")).unwrap();
        fs::write(root.join("Cargo.toml"), "").unwrap();
    }
    fs::create_dir(parent.join("texts")).unwrap();
    let text = parent.join("texts/read.txt");
    fs::write(&text, "1").unwrap();
    let watched = |folders: &[&PathBuf]| Watched {
        folders: folders.iter().map(|&folder| folder.clone()).collect(),
        files: vec![text.clone()],
    };
    block_on(async {
        let mut saves = Saves::of(&own).unwrap();
        let new = saves.look_at(&watched(&[&own, &fees])).unwrap();
        assert!(new.len() == 1 && new[0] == fees);
        fs::write(fees.join("src/lib.rs"), "1").unwrap();
        assert_eq!(next(&mut saves).await, ["../fees/src/lib.rs"]);
        fs::write(parent.join("texts/other.txt"), "1").unwrap();
        fs::write(&text, "2").unwrap();
        assert_eq!(next(&mut saves).await, ["../texts/read.txt"]);
        assert!(saves.look_at(&watched(&[&own])).unwrap().is_empty());
        fs::write(fees.join("src/lib.rs"), "2").unwrap();
        fs::write(own.join("src/lib.rs"), "2").unwrap();
        assert_eq!(next(&mut saves).await, ["src/lib.rs"]);
    });
}

#[test]
fn what_is_ignored_is_no_save() {
    let folder = package();
    let root = folder.path().canonicalize().unwrap();
    fs::write(root.join(".gitignore"), "/notes\n").unwrap();
    block_on(async {
        let mut saves = Saves::of(&root).unwrap();
        fs::write(root.join("notes"), "").unwrap();
        fs::write(root.join("node.log"), "").unwrap();
        let quiet = tokio::time::timeout(QUIET_WAIT_MAX * 2, saves.next()).await;
        assert!(quiet.is_err(), "{quiet:?}");
        fs::write(root.join("src/a.rs"), "").unwrap();
        assert_eq!(next(&mut saves).await, ["src/a.rs"]);
    });
}
