//! [`Job`]: one build, until it is certain what it was built from.
//!
//! The files that the compiler reads are known once it has run. A build whose sources changed meanwhile is
//! repeated: what was compiled serves again.

use crate::builder::Built;
use crate::cancel::Wanted;
use crate::cargo::Order;
use crate::error::{BuildError, io};
use crate::identity::Facts;
use crate::inputs::Inputs;
use crate::locals::Locals;
use crate::options::Options;
use crate::package::Package;
use crate::place;
use crate::progress::{Listener, Stage};
use crate::publish::{publish, touch};
use crate::read_files::{self, Place};
use crate::store::{Store, USED};
use crate::toolchain::Toolchain;
use crate::witness::{self, Part};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The most times that one source is built until it no longer changes meanwhile.
const TIMES_MAX: usize = 4;

/// The folder in a target folder for what builds have read.
const READ: &str = ".refit-read";

/// Most sets of options of one source whose reads are looked at together.
const READ_FILES_MAX: usize = 64;

/// The folder that cargo runs in, and the lock that it uses.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) folder: PathBuf,
    /// It may not be there yet.
    pub(crate) lock: PathBuf,
    pub(crate) locked: bool,
}

/// The compiler's errors when a compiled dependency is missing, cut, or of another compiler: a target
/// folder that an earlier release of the builder or a killed one left. An author's own mistake with such a code
/// costs one build from nothing.
const TORN: [&str; 4] = ["E0460", "E0463", "E0514", "E0786"];

fn is_of_a_torn_folder(error: &BuildError) -> bool {
    match error {
        BuildError::DoesNotCompile { diagnostics, .. } => {
            TORN.iter().any(|code| diagnostics.contains(code))
        }
        _ => false,
    }
}

/// What one attempt gave.
enum Attempted {
    Built(Box<Built>),
    /// The sources changed meanwhile: one of the files that did.
    Moved(PathBuf),
}

/// One build.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) site: Site,
    pub(crate) toolchain: &'a Toolchain,
    pub(crate) package: &'a Package,
    pub(crate) root: &'a Path,
    pub(crate) store: &'a Path,
    pub(crate) target: &'a Path,
    pub(crate) options: &'a Options,
    pub(crate) listener: &'a Listener,
    pub(crate) wanted: &'a Wanted,
}

impl Job<'_> {
    pub(crate) fn run(&self) -> Result<Built, BuildError> {
        touch(&self.target.join(USED));
        let mut compiled = Vec::new();
        let mut cargo_time = Duration::ZERO;
        let mut was_emptied = false;
        let mut moved = self.package.folder.join("Cargo.toml");
        for _ in 0..TIMES_MAX {
            match self.attempt(&mut compiled, &mut cargo_time) {
                Err(error) if !was_emptied && is_of_a_torn_folder(&error) => {
                    // Only once: an author's own error may have such a code, and an empty folder does not mend it.
                    was_emptied = true;
                    self.empty()?;
                }
                attempted => match attempted? {
                    Attempted::Built(built) => return Ok(*built),
                    Attempted::Moved(file) => moved = file,
                },
            }
        }
        Err(BuildError::SourceMoves {
            path: self.package.folder.clone(),
            file: moved,
            times: TIMES_MAX,
        })
    }

    /// Removes all that was compiled here.
    fn empty(&self) -> Result<(), BuildError> {
        fs::remove_dir_all(self.target).map_err(io("remove", self.target))?;
        place::folder(self.target.to_owned())?;
        touch(&self.target.join(USED));
        Ok(())
    }

    /// Builds, if the sources do not change meanwhile.
    fn attempt(
        &self,
        compiled: &mut Vec<String>,
        cargo_time: &mut Duration,
    ) -> Result<Attempted, BuildError> {
        let reads = place::folder(self.target.join(READ))?.join(self.variant());
        let read_before = read_files::kept(&reads);
        let source = &self.package.folder;
        let locals = Locals::of(source)?;
        let before = Inputs::gather(&locals, &read_before)?;
        witness::settle(self.target, &before, Part::All)?;
        let order = self.order();
        // An earlier build here has fetched its dependencies; if that is not enough, this build says so.
        let is_first = !self.target.join(self.options.profile.folder()).exists();
        if self.site.locked && is_first {
            order.fetch()?;
        }
        if !self.site.lock.is_file() {
            order.resolve()?;
        }
        let start = Instant::now();
        self.fill(&locals, &before)?;
        let built = order.run()?;
        *cargo_time += start.elapsed();
        compiled.extend(built.compiled);
        let locals = Locals::of(source)?;
        // Manifests too may have changed while cargo ran, so the packages are looked up again.
        let mut after = Inputs::gather(&locals, &read_before)?;
        if after != before {
            // Where no content differs, a manifest names other packages.
            let manifest = source.join("Cargo.toml");
            let moved = before.moved(&after).map_or(manifest, Path::to_owned);
            return Ok(Attempted::Moved(moved));
        }
        let place = Place {
            source,
            folder: &self.site.folder,
            target: self.target,
        };
        let read = read_files::unlisted(&built.library, &place, &after);
        // The compiler read other files than last time: their content counts for the next build.
        if read != read_before {
            after = Inputs::gather(&locals, &read)?;
            witness::note(self.target, &after, Part::All)?;
            read_files::keep(&reads, &read)?;
        }
        let build_id = self.build_id(&locals, &after)?;
        let published = publish(self.root, &built.library, &build_id)?;
        Ok(Attempted::Built(Box::new(Built {
            library: published.path,
            artifact: published.id,
            is_new: published.is_new,
            build_id: published.build_id,
            package: self.package.name.clone(),
            version: self.package.version.clone(),
            compiled: std::mem::take(compiled),
            log: built.log,
            cargo_time: *cargo_time,
        })))
    }

    fn build_id(&self, locals: &Locals, inputs: &Inputs) -> Result<String, BuildError> {
        let facts = Facts {
            source: &self.package.folder,
            locals,
            inputs,
            lock: &self.site.lock,
            options: self.options,
            toolchain: self.toolchain,
        };
        facts.build_id()
    }

    fn order(&self) -> Order<'_> {
        Order {
            toolchain: self.toolchain,
            package: &self.package.name,
            source: &self.package.folder,
            folder: &self.site.folder,
            target: self.target,
            options: self.options,
            locked: self.site.locked,
            stage: Stage::Engine,
            listener: self.listener,
            wanted: self.wanted,
        }
    }

    fn fill(&self, locals: &Locals, inputs: &Inputs) -> Result<(), BuildError> {
        let store = Store {
            folder: self.store,
            source: &self.package.folder,
            toolchain: self.toolchain,
            package: self.package,
            locals,
            inputs,
            lock: &self.site.lock,
            options: self.options,
            listener: self.listener,
            wanted: self.wanted,
        };
        store.fill(self.target)
    }

    /// The name of this set of options: what is read depends on features.
    fn variant(&self) -> String {
        let facts = format!("{:?}", self.options);
        place::short(blake3::hash(facts.as_bytes()))
    }
}

/// The files that builds in a target folder have read beside what is listed, whatever their options.
pub(crate) fn read_before(target: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(target.join(READ));
    let lists = entries.into_iter().flatten().flatten().take(READ_FILES_MAX);
    lists
        .flat_map(|list| read_files::kept(&list.path()))
        .collect()
}
