//! `refit release pack --engine KIND=PATH --out FILE`

use crate::args::PackArgs;
use crate::failure::Failure;
use crate::files::FileError;
use crate::release::{PackedModule, ReleaseFileError, modules, write_new};
use crate::show::{self, manifest::Shown};
use refit_release::archive::ArchiveWriter;
use refit_release::manifest::{MANIFEST_FORMAT, Manifest, Window};
use refit_release::{Epoch, FileId, Position, Sequence};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

pub(crate) fn run(args: &PackArgs) -> Result<(), Failure> {
    let packed = modules(&args.engines)?;
    let manifest = manifest(args, &packed);
    let frame = manifest.unsigned()?;
    let coming = write_new(&args.out, "release that this command may replace")?;
    let out = File::options().write(true).open(coming.partial());
    let out = out.map_err(|source| unwritable(&args.out, source))?;
    let mut archive = ArchiveWriter::begin(BufWriter::new(out), &frame)?;
    // In the order of the archive; two kinds may come with one library.
    let files: BTreeMap<FileId, (&Path, u64)> = packed.iter().map(file).collect();
    for (id, (path, bytes)) in files {
        let mut content = File::open(path).map_err(|source| FileError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let added = archive.file(id, bytes, &mut content);
        added.map_err(ReleaseFileError::of(path))?;
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

fn file(packed: &PackedModule) -> (FileId, (&Path, u64)) {
    let artifact = &packed.module.artifacts[0];
    (artifact.file, (&packed.path, artifact.bytes))
}

fn unwritable(path: &Path, source: std::io::Error) -> FileError {
    FileError::Unwritable {
        path: path.to_owned(),
        source,
    }
}

fn manifest(args: &PackArgs, packed: &[PackedModule]) -> Manifest {
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
        source: None,
        modules: packed.iter().map(|packed| packed.module.clone()).collect(),
        native: Vec::new(),
        host: None,
    }
}
