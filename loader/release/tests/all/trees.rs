//! Trees of source: one listing for each, and none that leads elsewhere.

use refit_release::canonical::encode;
use refit_release::tree::{
    Listing, ListingError, TREE_BYTES_MAX, TREE_FILES_MAX, TreeError, TreeFile,
};
use refit_release::{FileId, SourceRoot};

fn file(path: &str) -> TreeFile {
    TreeFile {
        path: path.to_owned(),
        executable: false,
        bytes: 3,
        content: FileId::of(path.as_bytes()),
    }
}

fn tree(paths: &[&str]) -> Result<Listing, TreeError> {
    Listing::of(paths.iter().map(|path| file(path)).collect())
}

#[test]
fn a_tree_has_one_listing_in_whatever_order_its_files_are_found() {
    let listing = tree(&["src/lib.rs", "Cargo.toml", "src/a/b.rs"]).unwrap();
    assert_eq!(
        listing,
        tree(&["src/a/b.rs", "src/lib.rs", "Cargo.toml"]).unwrap()
    );
    let bytes = listing.write().unwrap();
    let root = SourceRoot::of(&bytes);
    assert_eq!(Listing::read(&bytes, root), Ok(listing.clone()));
    assert_eq!(listing.bytes(), 9);
    let other = SourceRoot::of(b"other");
    let refused = Listing::read(&bytes, other);
    assert_eq!(
        refused,
        Err(ListingError::Root {
            found: root,
            expected: other
        })
    );
}

#[test]
fn what_a_file_has_and_whether_it_is_a_program_is_in_the_root() {
    let root = |change: fn(&mut TreeFile)| {
        let mut file = file("a");
        change(&mut file);
        SourceRoot::of(&Listing::of(vec![file]).unwrap().write().unwrap())
    };
    let roots = [
        root(|_| ()),
        root(|file| file.executable = true),
        root(|file| file.bytes = 4),
        root(|file| file.content = FileId::of(b"x")),
        root(|file| file.path = "b".to_owned()),
    ];
    let different: std::collections::BTreeSet<_> = roots.iter().collect();
    assert_eq!(different.len(), roots.len());
}

#[test]
fn no_path_leads_out_of_the_tree() {
    for path in [
        "../a",
        "/etc/passwd",
        "a/../../b",
        "",
        "a//b",
        "./a",
        "a\\b",
    ] {
        let refused = tree(&[path]);
        assert!(
            matches!(refused, Err(TreeError::Path { .. })),
            "{path}: {refused:?}"
        );
    }
}

#[test]
fn paths_that_some_file_system_does_not_keep_apart_clash() {
    for paths in [
        &["a", "A"][..],
        &["src/lib.rs", "SRC/main.rs"],
        &["a", "a/b"],
        &["A", "a/b"],
        &["Ä/x", "ä/y"],
    ] {
        let refused = tree(paths);
        assert!(
            matches!(refused, Err(TreeError::Clash { .. })),
            "{paths:?}: {refused:?}"
        );
    }
    assert!(tree(&["a/b", "a/c", "a.b"]).is_ok());
    assert!(matches!(tree(&["a", "a"]), Err(TreeError::Order { .. })));
}

#[test]
fn a_tree_is_bounded() {
    assert_eq!(tree(&[]), Err(TreeError::Files { files: 0 }));
    let many = (0..=TREE_FILES_MAX).map(|number| file(&format!("f{number}")));
    assert!(matches!(
        Listing::of(many.collect()),
        Err(TreeError::Files { .. })
    ));
    for sizes in [[TREE_BYTES_MAX, 1], [u64::MAX, u64::MAX]] {
        let files = ["a", "b"].iter().zip(sizes);
        let files = files.map(|(path, bytes)| TreeFile {
            bytes,
            ..file(path)
        });
        assert_eq!(Listing::of(files.collect()), Err(TreeError::Bytes));
    }
}

#[test]
fn a_listing_out_of_order_or_of_another_form_is_refused_where_it_is_read() {
    let read = |format: u8, paths: &[&str]| {
        let files: Vec<_> = paths.iter().map(|path| file(path)).collect();
        let bytes = encode(&(format, files)).unwrap();
        Listing::read(&bytes, SourceRoot::of(&bytes))
    };
    assert!(read(1, &["a", "b"]).is_ok());
    for (format, paths) in [
        (2, &["a", "b"]),
        (1, &["b", "a"]),
        (1, &["a", "a"]),
        (1, &["a", "../b"]),
    ] {
        assert!(
            matches!(read(format, paths), Err(ListingError::Decode(_))),
            "{paths:?}"
        );
    }
}
