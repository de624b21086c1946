//! `refit release pack --engine KIND=PATH --out FILE`

use crate::args::PackArgs;
use crate::failure::Failure;
use crate::files::FileError;
use crate::release::{PackedModule, ReleaseFileError, Tree, modules, write_new};
use crate::show::{self, manifest::Shown};
use refit_release::archive::ArchiveWriter;
use refit_release::manifest::{MANIFEST_FORMAT, Manifest, Place, Source, Window};
use refit_release::{Epoch, FileId, Position, Sequence};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

pub(crate) fn run(args: &PackArgs) -> Result<(), Failure> {
    if args.from > args.until {
        let (from, until) = (args.from, args.until);
        return Err(ReleaseFileError::NoWindow { from, until }.into());
    }
    let mut packed = modules(&args.engines)?;
    let tree = args.source.as_deref().map(Tree::read).transpose()?;
    if let (Some(tree), Some(folder)) = (&tree, &args.source) {
        in_source(&mut packed, tree, folder)?;
    }
    // In the order of the archive; two kinds may come with one library.
    let mut files: BTreeMap<FileId, (PathBuf, u64)> = match args.source_only {
        true => BTreeMap::new(),
        false => packed.iter().map(file).collect(),
    };
    if args.source_only {
        packed
            .iter_mut()
            .for_each(|packed| packed.module.artifacts.clear());
    }
    let manifest = manifest(args, &packed, tree.as_ref());
    let frame = manifest.unsigned()?;
    let coming = write_new(&args.out, "release that this command may replace")?;
    let out = File::options().write(true).open(coming.partial());
    let out = out.map_err(|source| unwritable(&args.out, source))?;
    let mut archive = ArchiveWriter::begin(BufWriter::new(out), &frame)?;
    if let Some(tree) = tree {
        archive
            .listing(&tree.listing)
            .map_err(ReleaseFileError::of(&args.out))?;
        files.extend(tree.contents);
    }
    for (id, (path, bytes)) in files {
        let mut content = File::open(&path).map_err(|source| FileError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let added = archive.file(id, bytes, &mut content);
        added.map_err(ReleaseFileError::of(&path))?;
    }
    archive.end()?;
    coming.put()?;
    let shown = Shown::of(&args.out, &manifest, &frame);
    match args.output.json {
        true => show::json(&shown)?,
        false => show::data(&shown.text())?,
    }
    show::next(format_args!(
        "refit release sign {} --key FILE",
        args.out.display()
    ));
    Ok(())
}

fn file(packed: &PackedModule) -> (FileId, (PathBuf, u64)) {
    let artifact = &packed.module.artifacts[0];
    (artifact.file, (packed.path.clone(), artifact.bytes))
}

/// Says of each module where its package is in the source.
fn in_source(packed: &mut [PackedModule], tree: &Tree, folder: &Path) -> Result<(), Failure> {
    for packed in packed {
        let package = &packed.module.package;
        let found = tree.package(folder, package);
        packed.module.folder = found.ok_or_else(|| ReleaseFileError::NotInSource {
            package: package.clone(),
            library: packed.path.clone(),
        })?;
    }
    Ok(())
}

fn unwritable(path: &Path, source: std::io::Error) -> FileError {
    FileError::Unwritable {
        path: path.to_owned(),
        source,
    }
}

fn manifest(args: &PackArgs, packed: &[PackedModule], tree: Option<&Tree>) -> Manifest {
    let mut expected_differences = args.expect_differences.clone();
    expected_differences.sort();
    expected_differences.dedup();
    Manifest {
        format: MANIFEST_FORMAT,
        network: args.network.clone(),
        position: Position {
            epoch: Epoch(args.epoch),
            sequence: Sequence(args.sequence),
        },
        parent: args.parent,
        name: args.name.clone(),
        about: args.about.clone(),
        window: Window {
            from: args.from,
            until: args.until,
        },
        reversible: packed.iter().all(|packed| packed.has_way_back),
        expected_differences,
        source: tree.map(|tree| Source {
            root: tree.root,
            places: vec![Place::Inline],
        }),
        modules: packed.iter().map(|packed| packed.module.clone()).collect(),
        native: Vec::new(),
        host: None,
    }
}
