//! Archives: what a verified release names, each byte of it, and nothing else.

use crate::support::{artifact, first, manifest, signed};
use refit_abi::Height;
use refit_fuzzing::each_case;
use refit_release::archive::{
    Archive, ArchiveError, ArchiveWriter, Item, PackError, Sink, Unpacked,
};
use refit_release::manifest::{Artifact, Place, Source};
use refit_release::tree::{Listing, TreeFile};
use refit_release::{FileId, Frame, ReleaseBytes, SourceRoot, VerifiedRelease};
use std::collections::BTreeMap;
use std::io;

/// Cases of hostile bytes.
const CASES: u64 = 2_000;

/// Keeps what was ended.
#[derive(Default)]
struct Kept {
    begun: Vec<u8>,
    ended: BTreeMap<Item, Vec<u8>>,
}

impl Sink for Kept {
    fn begin(&mut self, _: Item, _: u64) -> io::Result<()> {
        self.begun.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.begun.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self, item: Item) -> io::Result<()> {
        self.ended.insert(item, std::mem::take(&mut self.begun));
        Ok(())
    }
}

const LIBRARY: &[u8] = b"the library";
const MAIN: &[u8] = b"fn main() {}";

fn listing() -> Listing {
    let file = |path: &str, content: &[u8]| TreeFile {
        path: path.to_owned(),
        executable: false,
        bytes: content.len() as u64,
        content: FileId::of(content),
    };
    // One content at two places, and one with nothing in it.
    let files = [("a.rs", MAIN), ("b.rs", MAIN), ("empty", b"")];
    Listing::of(files.map(|(path, content)| file(path, content)).to_vec()).unwrap()
}

/// A release of one library and a source with one content.
fn release() -> Frame {
    let mut manifest = manifest();
    let root = SourceRoot::of(&listing().write().unwrap());
    manifest.source = Some(Source {
        root,
        places: vec![Place::Inline],
    });
    manifest.modules[0].artifacts = vec![Artifact {
        file: FileId::of(LIBRARY),
        bytes: LIBRARY.len() as u64,
        ..artifact("x86_64-unknown-linux-gnu")
    }];
    let bytes = signed(manifest.unsigned().unwrap(), &[11, 12]);
    ReleaseBytes::read(&bytes).unwrap().into_frame()
}

/// The contents in the order of their ids.
fn contents() -> Vec<&'static [u8]> {
    let mut contents = vec![LIBRARY, MAIN];
    contents.sort_by_key(|content| FileId::of(content));
    contents
}

fn packed() -> Vec<u8> {
    let mut writer = ArchiveWriter::begin(Vec::new(), &release()).unwrap();
    writer.listing(&listing()).unwrap();
    for content in contents() {
        let (id, bytes) = (FileId::of(content), content.len() as u64);
        writer.file(id, bytes, &mut &content[..]).unwrap();
    }
    writer.end().unwrap()
}

fn verified(release: ReleaseBytes) -> VerifiedRelease {
    release.verify(&first(), Height(5)).unwrap()
}

fn unpacked(bytes: &[u8]) -> Result<(Unpacked, Kept), ArchiveError> {
    let (release, archive) = Archive::open(bytes)?;
    // One that nobody has signed is read no further.
    let Ok(release) = release.verify(&first(), Height(5)) else {
        return Err(ArchiveError::Magic);
    };
    let mut kept = Kept::default();
    let unpacked = archive.unpack(&release, &mut kept)?;
    Ok((unpacked, kept))
}

/// The archive up to its contents, with these items behind.
fn with(items: &[(u8, [u8; 32], &[u8])]) -> Vec<u8> {
    let empty = ArchiveWriter::begin(Vec::new(), &release()).unwrap();
    let mut bytes = empty.end().unwrap();
    bytes.pop();
    for (kind, id, content) in items {
        bytes.push(*kind);
        bytes.extend_from_slice(id);
        bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
        bytes.extend_from_slice(content);
    }
    bytes.push(0);
    bytes
}

fn file(content: &[u8]) -> (u8, [u8; 32], &[u8]) {
    (2, FileId::of(content).to_bytes(), content)
}

#[test]
fn what_was_packed_comes_out() {
    let (found, kept) = unpacked(&packed()).unwrap();
    assert_eq!(
        found,
        Unpacked {
            source: Some(listing()),
            missing: Vec::new()
        }
    );
    let files = [LIBRARY, MAIN].map(|content| (Item::File(FileId::of(content)), content.to_vec()));
    for (item, content) in files {
        assert_eq!(kept.ended[&item], content);
    }
    assert_eq!(kept.ended.len(), 3);
}

#[test]
fn the_release_is_had_before_anything_behind_it_is_there() {
    let bytes = packed();
    let head = with(&[]).len() - 1;
    let (release, _) = Archive::open(&bytes[..head]).unwrap();
    assert_eq!(verified(release).manifest().name, "kv 2");
    assert!(Archive::open(&bytes[..head - 1]).is_err());
}

#[test]
fn files_may_be_missing_and_are_named_and_a_source_comes_as_a_whole() {
    let (found, _) = unpacked(&with(&[])).unwrap();
    let missing = vec![FileId::of(LIBRARY)];
    assert_eq!(
        found,
        Unpacked {
            source: None,
            missing
        }
    );
    let listing = listing().write().unwrap();
    let listing = (1, SourceRoot::of(&listing).to_bytes(), &listing[..]);
    let refused = unpacked(&with(&[listing, file(LIBRARY)])).err().unwrap();
    assert!(matches!(
        refused,
        ArchiveError::SourceIncomplete { missing: 1 }
    ));
}

#[test]
fn what_the_release_does_not_name_is_not_read() {
    let stranger = file(b"another");
    let refused = unpacked(&with(&[stranger])).err().unwrap();
    assert!(matches!(refused, ArchiveError::Unnamed { .. }), "{refused}");
    // Of the source nothing is known before its listing.
    let refused = unpacked(&with(&[file(MAIN)])).err().unwrap();
    assert!(matches!(refused, ArchiveError::Unnamed { .. }), "{refused}");
    let refused = unpacked(&with(&[(1, [7; 32], b"listing")])).err().unwrap();
    assert!(matches!(refused, ArchiveError::Unnamed { .. }), "{refused}");
    let refused = unpacked(&with(&[(9, [7; 32], b"")])).err().unwrap();
    assert!(
        matches!(refused, ArchiveError::Kind { found: 9 }),
        "{refused}"
    );
}

#[test]
fn an_item_comes_once_in_its_order_with_its_length_and_its_bytes() {
    let library = file(LIBRARY);
    assert!(unpacked(&with(&[library])).is_ok());
    let refused = unpacked(&with(&[library, library])).err().unwrap();
    assert!(matches!(refused, ArchiveError::Order { .. }), "{refused}");
    for content in [&b"the librarY"[..], b"the library!", b"", &LIBRARY[1..]] {
        let refused = unpacked(&with(&[(2, library.1, content)])).err().unwrap();
        let expected = matches!(
            refused,
            ArchiveError::Content { .. } | ArchiveError::Bytes { .. }
        );
        assert!(expected, "{refused}");
    }
    let listing = listing().write().unwrap();
    let listing = (1, SourceRoot::of(&listing).to_bytes(), &listing[..]);
    let refused = unpacked(&with(&[library, listing])).err().unwrap();
    assert!(matches!(refused, ArchiveError::Order { .. }), "{refused}");
}

#[test]
fn a_length_that_is_not_there_costs_nothing() {
    let mut bytes = with(&[file(LIBRARY)]);
    let at = bytes.len() - 1 - LIBRARY.len() - 8;
    bytes[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
    let refused = unpacked(&bytes).err().unwrap();
    assert!(matches!(refused, ArchiveError::Bytes { .. }), "{refused}");
}

#[test]
fn an_archive_that_is_cut_anywhere_or_goes_on_is_refused_and_what_was_ended_is_right() {
    let bytes = packed();
    for end in 0..bytes.len() {
        assert!(unpacked(&bytes[..end]).is_err(), "cut after {end} bytes");
    }
    let refused = unpacked(&[&bytes[..], &[0]].concat()).err().unwrap();
    assert!(matches!(refused, ArchiveError::Trailing), "{refused}");
    each_case(17, CASES, |random| {
        let mut bytes = bytes.clone();
        random.mutate(&mut bytes, &[&[0xff; 8], &[0; 8]]);
        let Ok((release, archive)) = Archive::open(&bytes[..]) else {
            return;
        };
        let Ok(release) = release.verify(&first(), Height(5)) else {
            return;
        };
        let mut kept = Kept::default();
        let _ = archive.unpack(&release, &mut kept);
        for (item, content) in kept.ended {
            let found = match item {
                Item::File(file) => FileId::of(&content) == file,
                Item::Listing(root) => SourceRoot::of(&content) == root,
            };
            assert!(found, "{item}");
        }
    });
}

#[test]
fn what_has_changed_since_it_was_named_is_not_packed() {
    let begin = || ArchiveWriter::begin(Vec::new(), &release()).unwrap();
    let (id, bytes) = (FileId::of(LIBRARY), LIBRARY.len() as u64);
    for content in [&b"the librarY"[..], b"the library!", b"the"] {
        let refused = begin().file(id, bytes, &mut &content[..]);
        assert!(matches!(refused, Err(PackError::Changed { .. })));
    }
    let mut writer = begin();
    let mut contents = contents();
    contents.reverse();
    let mut add = |content: &[u8]| {
        let (id, bytes) = (FileId::of(content), content.len() as u64);
        writer.file(id, bytes, &mut &content[..])
    };
    add(contents[0]).unwrap();
    assert!(matches!(add(contents[1]), Err(PackError::Order { .. })));
}
