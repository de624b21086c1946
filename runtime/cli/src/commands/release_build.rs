//! `refit release build FILE --keyset FILE`: the libraries of a release from the source in it.
//!
//! The release is verified before anything of it is unpacked, and each file of its source before anything of it is built. What was
//! built is looked into as any library is, and has to be what was signed of it.

use crate::args::ReleaseBuildArgs;
use crate::artifact;
use crate::destination;
use crate::failure::Failure;
use crate::files;
use crate::release::{ReleaseFileError, open, trusted, unpack};
use crate::show::{self, building::Building};
use crate::source::{Confined, folder_of_releases};
use refit_build::BuiltRelease;
use refit_release::manifest::{Artifact, Manifest, Module};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Digits of the hash in the name of a copied library.
const SHORT: usize = 12;

/// The folder of builds where this user has no cache folder.
const HERE: &str = "refit-builds";

/// A library that was built: the stable shape of one in `--json`.
#[derive(Debug, Serialize)]
struct Library {
    library: PathBuf,
    artifact: String,
    build_id: String,
    package: String,
    version: String,
    level: String,
    is_reproducible: bool,
    /// Whether it is the one that the release names for this target and toolchain; absent if it names none.
    is_named: Option<bool>,
    target: String,
    toolchain: String,
    log: PathBuf,
}

pub(crate) fn run(args: &ReleaseBuildArgs) -> Result<(), Failure> {
    // Before the work.
    let out = args.out.as_deref().map(destination::folder).transpose()?;
    let keyset = trusted(&args.keyset)?;
    let kept = open(&args.file)?;
    let release = kept.release.verify(&keyset, args.at);
    let release = release.map_err(ReleaseFileError::of(&args.file))?;
    let root = args.root.clone().or_else(folder_of_releases);
    let shown = Arc::new(Building::default());
    let showing = shown.clone();
    let confined = Confined::new(&root.unwrap_or_else(|| HERE.into()), args.min_build_level);
    let confined = confined.heard_by(move |progress| showing.show(progress));
    let place = confined.place()?;
    let contents = place.path().join("contents");
    let listing = unpack(&args.file, kept.archive, &release, &contents)?;
    let tree = confined.tree(&listing, &contents, &place.path().join("tree"))?;
    show::talk(format_args!("the room of builds: {}", confined.says()?));
    let mut libraries = Vec::new();
    for module in &release.manifest().modules {
        let built = confined.build(&tree, &module.folder);
        shown.end();
        libraries.push(library(built?, module, out)?);
    }
    print(args, &libraries, release.manifest())
}

/// Looks into what was built, says what it is, and brings it to its place.
fn library(built: BuiltRelease, module: &Module, out: Option<&Path>) -> Result<Library, Failure> {
    let examined = artifact::examine(&built.library)?;
    let descriptor = examined.descriptor;
    if let Some(what) = module.differs(&descriptor) {
        let package = module.package.clone();
        return Err(ReleaseFileError::BuiltDiffers { package, what }.into());
    }
    let mut artifacts = module.artifacts.iter();
    let is_for =
        |it: &&Artifact| it.target == descriptor.target && it.toolchain == descriptor.toolchain;
    let named = artifacts.find(is_for);
    let is_named = named.map(|named| named.file == examined.id);
    show::talk(format_args!(
        "built {} {} at {}: {}",
        built.package,
        built.version,
        built.level,
        match named {
            Some(_) if is_named == Some(true) => "the library that the release names".to_owned(),
            Some(named) => format!(
                "another library than the {} that the release names",
                named.file
            ),
            None => format!(
                "the release names none for {} with `{}`",
                descriptor.target, descriptor.toolchain
            ),
        }
    ));
    Ok(Library {
        library: match out {
            Some(folder) => copy(&built, folder)?,
            None => built.library,
        },
        artifact: built.artifact,
        build_id: built.build_id,
        package: built.package,
        version: built.version,
        level: built.level.to_string(),
        is_reproducible: built.is_reproducible,
        is_named,
        target: descriptor.target,
        toolchain: descriptor.toolchain,
        log: built.log,
    })
}

fn copy(built: &BuiltRelease, folder: &Path) -> Result<PathBuf, Failure> {
    let digits = built.artifact.get(..SHORT).unwrap_or(&built.artifact);
    let path = folder.join(format!("{}-{}-{digits}.so", built.package, built.version));
    files::copy(&built.library, &path)?;
    Ok(path)
}

fn print(
    args: &ReleaseBuildArgs,
    libraries: &[Library],
    manifest: &Manifest,
) -> Result<(), Failure> {
    match args.output.json {
        true => show::json(&libraries)?,
        false => {
            let line = |it: &Library| format!("{}  {}\n", it.artifact, it.library.display());
            show::data(&libraries.iter().map(line).collect::<String>())?;
        }
    }
    if let Some(first) = libraries.first() {
        show::next(format_args!(
            "refit release attest --library {} --release {} --network {} --key FILE --out FILE",
            first.library.display(),
            args.file.display(),
            manifest.network
        ));
    }
    Ok(())
}
