//! What holds of every manifest that was read: bounds, orders, names.

use super::{Artifact, Binary, KindEntry, MANIFEST_FORMAT, Manifest, ManifestError, Module, Place};
use crate::tree;
use refit_abi::is_kind_name;
use std::collections::BTreeSet;

/// Most modules of a release.
const MODULES_MAX: usize = 256;

/// Most kinds of a module.
const KINDS_MAX: usize = 64;

/// Most files of one module or binary: targets and toolchains.
const ARTIFACTS_MAX: usize = 32;

/// Most schemas that a kind takes over.
const FROM_MAX: usize = 64;

/// Most capabilities of a kind.
const CAPABILITIES_MAX: usize = 64;

/// Most places of a source.
const PLACES_MAX: usize = 8;

/// Most remotes of a place.
const REMOTES_MAX: usize = 8;

/// Most native libraries.
const NATIVE_MAX: usize = 64;

/// Longest name, version, target or toolchain, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// Longest text about the release, in bytes.
const ABOUT_BYTES_MAX: usize = 4 << 10;

/// Longest address or path, in bytes.
const ADDRESS_BYTES_MAX: usize = 512;

/// Longest file, in bytes.
pub(crate) const FILE_BYTES_MAX: u64 = 256 << 20;

type Checked = Result<(), ManifestError>;

impl Manifest {
    pub(super) fn check(&self) -> Checked {
        if self.format != MANIFEST_FORMAT {
            let found = self.format;
            return Err(ManifestError::Format { found });
        }
        name("the name", &self.name)?;
        if self.about.len() > ABOUT_BYTES_MAX || self.about.contains(is_unprintable) {
            let (what, text) = ("the text about it", self.about.clone());
            let most = ABOUT_BYTES_MAX;
            return Err(ManifestError::Text { what, text, most });
        }
        if self.window.from > self.window.until {
            return Err(ManifestError::Window);
        }
        self.check_source()?;
        some("modules", &self.modules, MODULES_MAX)?;
        in_order("modules", &self.modules, |module| &module.package)?;
        for module in &self.modules {
            module.check(self.source.is_some())?;
        }
        self.check_kinds()?;
        at_most("native libraries", &self.native, NATIVE_MAX)?;
        in_order("native libraries", &self.native, |binary| &binary.name)?;
        let binaries = self.native.iter().chain(&self.host);
        binaries.into_iter().try_for_each(Binary::check)
    }

    fn check_source(&self) -> Checked {
        let Some(source) = &self.source else {
            return Ok(());
        };
        some("places of the source", &source.places, PLACES_MAX)?;
        for place in &source.places {
            match place {
                Place::Inline => (),
                Place::Blob { bytes, .. } => file_bytes(*bytes)?,
                Place::Git { commit, remotes } => {
                    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                    let is_id = matches!(commit.len(), 40 | 64) && commit.bytes().all(is_hex);
                    if !is_id {
                        let (what, text) = ("the commit", commit.clone());
                        return Err(ManifestError::Text {
                            what,
                            text,
                            most: 64,
                        });
                    }
                    some("remotes", remotes, REMOTES_MAX)?;
                    for remote in remotes {
                        text("the remote", remote, ADDRESS_BYTES_MAX)?;
                    }
                }
                Place::Path { path } => text("the path", path, ADDRESS_BYTES_MAX)?,
            }
        }
        Ok(())
    }

    /// Across modules.
    fn check_kinds(&self) -> Checked {
        let mut kinds = BTreeSet::new();
        for entry in self.kinds() {
            if !kinds.insert(&*entry.kind) {
                let kind = entry.kind.clone();
                return Err(ManifestError::KindTwice { kind });
            }
        }
        let what = "expected differences";
        in_order(what, &self.expected_differences, |kind| kind)?;
        let mut expected = self.expected_differences.iter();
        match expected.find(|kind| !kinds.contains(&***kind)) {
            None => Ok(()),
            Some(kind) => Err(ManifestError::NoSuchKind { kind: kind.clone() }),
        }
    }
}

impl Module {
    fn check(&self, has_source: bool) -> Checked {
        name("the package", &self.package)?;
        name("the version", &self.version)?;
        let is_top = self.folder.is_empty();
        if !is_top && (!has_source || !tree::is_path(&self.folder)) {
            let folder = self.folder.clone();
            return Err(ManifestError::Folder { folder });
        }
        if !has_source && self.artifacts.is_empty() {
            let package = self.package.clone();
            return Err(ManifestError::Nothing { package });
        }
        some("kinds", &self.kinds, KINDS_MAX)?;
        in_order("kinds", &self.kinds, |entry| &entry.kind)?;
        self.kinds.iter().try_for_each(KindEntry::check)?;
        artifacts(&self.artifacts)
    }
}

impl KindEntry {
    fn check(&self) -> Checked {
        kind(&self.kind)?;
        at_most("schemas that are taken over", &self.from, FROM_MAX)?;
        in_order("schemas that are taken over", &self.from, |schema| schema)?;
        at_most("capabilities", &self.capabilities, CAPABILITIES_MAX)?;
        in_order("capabilities", &self.capabilities, |capability| capability)?;
        let mut capabilities = self.capabilities.iter();
        capabilities.try_for_each(|capability| kind(&capability.kind))
    }
}

impl Binary {
    fn check(&self) -> Checked {
        name("the name", &self.name)?;
        name("the version", &self.version)?;
        some("files", &self.artifacts, ARTIFACTS_MAX)?;
        artifacts(&self.artifacts)
    }
}

fn artifacts(artifacts: &[Artifact]) -> Checked {
    at_most("files", artifacts, ARTIFACTS_MAX)?;
    in_order("files", artifacts, |artifact| {
        (&artifact.target, &artifact.toolchain)
    })?;
    for artifact in artifacts {
        name("the target", &artifact.target)?;
        name("the toolchain", &artifact.toolchain)?;
        file_bytes(artifact.bytes)?;
    }
    Ok(())
}

fn at_most<T>(what: &'static str, list: &[T], most: usize) -> Checked {
    match list.len() {
        found if found > most => Err(ManifestError::TooMany { what, found, most }),
        _ => Ok(()),
    }
}

fn some<T>(what: &'static str, list: &[T], most: usize) -> Checked {
    match list.is_empty() {
        true => Err(ManifestError::None { what }),
        false => at_most(what, list, most),
    }
}

fn in_order<'l, T, K: Ord>(what: &'static str, list: &'l [T], key: impl Fn(&'l T) -> K) -> Checked {
    match list.windows(2).all(|pair| key(&pair[0]) < key(&pair[1])) {
        true => Ok(()),
        false => Err(ManifestError::Order { what }),
    }
}

fn kind(name: &str) -> Checked {
    match is_kind_name(name) {
        true => Ok(()),
        false => Err(ManifestError::Kind {
            name: name.to_owned(),
        }),
    }
}

fn name(what: &'static str, text: &str) -> Checked {
    self::text(what, text, NAME_BYTES_MAX)
}

fn text(what: &'static str, text: &str, most: usize) -> Checked {
    let fits = (1..=most).contains(&text.len());
    match fits && !text.contains(is_unprintable) && !text.contains('\n') {
        true => Ok(()),
        false => Err(ManifestError::Text {
            what,
            text: text.to_owned(),
            most,
        }),
    }
}

/// Whether a character would change what a terminal shows of the others.
fn is_unprintable(character: char) -> bool {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (character.is_control() && character != '\n')
}

fn file_bytes(bytes: u64) -> Checked {
    let most = FILE_BYTES_MAX;
    match (1..=most).contains(&bytes) {
        true => Ok(()),
        false => Err(ManifestError::FileBytes { bytes, most }),
    }
}
