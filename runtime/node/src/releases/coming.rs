//! [`Coming`]: a release that is being imported: written aside, file by file as each is found to be what its id says, and
//! given its name when all of it is on the disk.

use super::KeepError;
use super::folder::{About, AboutModule, Kept, LISTING, ReleaseFolder};
use super::folder::{files_of, make, records, sync};
use super::target::TARGET;
use refit_admin::api::ReleaseName;
use refit_release::VerifiedRelease;
use refit_release::archive::{Archive, ArchiveError, Item, Sink};
use refit_release::manifest::Module;
use refit_store::{is_folder, remove_whole};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Mode of a file of a release: to be read by this user alone.
const FILE_MODE: u32 = 0o400;

/// A release that is being imported.
pub(super) struct Coming<'a> {
    folder: &'a ReleaseFolder,
    release: VerifiedRelease,
    part: PathBuf,
    writing: Option<File>,
}

impl<'a> Coming<'a> {
    /// Makes the place where it comes.
    pub(super) fn begin(
        folder: &'a ReleaseFolder,
        release: VerifiedRelease,
    ) -> Result<Self, KeepError> {
        let coming = Self {
            folder,
            release,
            part: folder.part(),
            writing: None,
        };
        let made = make(&coming.part).and_then(|()| make(&files_of(&coming.part)));
        made.map_err(|source| folder.fault(source))?;
        Ok(coming)
    }

    /// Takes what is behind the release in the archive, and keeps it.
    pub(super) fn fill<R: Read>(mut self, archive: Archive<R>) -> Result<Kept, KeepError> {
        let release = self.release.clone();
        let unpacked = archive.unpack(&release, &mut self);
        let unpacked = unpacked.map_err(not_unpacked)?;
        let (folder, id) = (self.folder, release.id());
        let mut about = about(&release, unpacked.source.is_some());
        sync(&files_of(&self.part)).map_err(|source| folder.fault(source))?;
        let is_repeated = folder.named(id, || self.name(&mut about))?;
        let mut missing = unpacked.missing;
        missing.retain(|file| folder.file(id, *file).is_none());
        Ok(Kept {
            release: self.release.clone(),
            about,
            is_repeated,
            missing,
        })
    }

    /// Gives what has come its name, or adds it to what is there; says whether it was there.
    fn name(&mut self, about: &mut About) -> Result<bool, KeepError> {
        let (folder, part) = (self.folder, &self.part);
        let to = folder.of(self.release.id());
        let is_repeated = is_folder(&to);
        // What is there may be damaged: then what has come takes its place.
        if let Ok(known) = folder.release(self.release.id()) {
            self.release.take_in(&known);
        }
        about.has_source |= to.join(LISTING).is_file();
        let done = || -> io::Result<()> {
            for (name, bytes) in records(&self.release, about) {
                let mut file = new_file(&part.join(name))?;
                file.write_all(&bytes)?;
                file.sync_all()?;
            }
            sync(part)?;
            match is_repeated {
                true => add(part, &to),
                false => put(part, &to),
            }?;
            sync(folder.path())
        };
        done().map_err(|source| folder.fault(source))?;
        Ok(is_repeated)
    }

    fn path(&self, item: Item) -> PathBuf {
        match item {
            Item::Listing(_) => self.part.join(LISTING),
            Item::File(file) => files_of(&self.part).join(file.to_string()),
        }
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        // What stays behind goes at the next start. What has its name is not there any more.
        let _ = remove_whole(&self.part);
    }
}

/// Whoever runs the node hears of its disk, and not of the file.
fn not_unpacked(error: ArchiveError) -> KeepError {
    match error {
        ArchiveError::Keep { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
            KeepError::DiskFull
        }
        error => error.into(),
    }
}

/// What was in the folder of a release stays; what has come beside it is added, each file in one step.
fn add(part: &Path, to: &Path) -> io::Result<()> {
    if !is_folder(&files_of(to)) {
        remove_whole(&files_of(to))?;
        make(&files_of(to))?;
    }
    for entry in fs::read_dir(files_of(part))? {
        let entry = entry?;
        put(&entry.path(), &files_of(to).join(entry.file_name()))?;
    }
    sync(&files_of(to))?;
    for entry in fs::read_dir(part)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            put(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    sync(to)
}

/// Moves a file or a folder to its place, also where somebody has put one into the other's.
fn put(from: &Path, to: &Path) -> io::Result<()> {
    use io::ErrorKind::{DirectoryNotEmpty, IsADirectory, NotADirectory};
    match fs::rename(from, to) {
        Err(error)
            if matches!(
                error.kind(),
                IsADirectory | NotADirectory | DirectoryNotEmpty
            ) =>
        {
            remove_whole(to)?;
            fs::rename(from, to)
        }
        moved => moved,
    }
}

fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
}

impl Sink for Coming<'_> {
    fn begin(&mut self, item: Item, _: u64) -> io::Result<()> {
        self.writing = Some(new_file(&self.path(item))?);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // The listing says how much source comes, and the disk how much may: what the log needs stays free.
        if !refit_store::has_room_for(self.folder.path(), bytes.len() as u64) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        match &mut self.writing {
            Some(file) => file.write_all(bytes),
            None => Err(io::Error::other("no item was begun")),
        }
    }

    fn end(&mut self, _: Item) -> io::Result<()> {
        match self.writing.take() {
            Some(file) => file.sync_all(),
            None => Ok(()),
        }
    }
}

fn about(release: &VerifiedRelease, has_source: bool) -> About {
    let modules = release.manifest().modules.iter();
    About {
        release: name(release),
        modules: modules.map(module).collect(),
        has_source,
    }
}

fn module(module: &Module) -> AboutModule {
    let kinds = module.kinds.iter().map(|kind| kind.kind.clone());
    AboutModule {
        package: module.package.clone(),
        version: module.version.clone(),
        kinds: kinds.collect(),
        artifact: TARGET.artifact(module).map(|it| it.file.to_string()),
    }
}

/// What a release is called.
pub(crate) fn name(release: &VerifiedRelease) -> ReleaseName {
    let (manifest, position) = (release.manifest(), release.manifest().position);
    ReleaseName {
        id: release.id().to_string(),
        name: manifest.name.clone(),
        epoch: position.epoch.0,
        sequence: position.sequence.0,
    }
}
