//! `refit engine freeze PATH`

use crate::args::FreezeArgs;
use crate::artifact;
use crate::failure::Failure;
use crate::package::published::{self, KeptError, MODULE_BYTES_MAX};
use crate::source::{SourceError, Sources};
use crate::{files, package, show};
use refit_abi::descriptor::Descriptor;
use refit_author::freeze::{self, Change, FreezeError, Frozen};
use refit_author::frozen;
use refit_author::lock::{LOCK_FILE, SchemaLock};
use refit_author::render::Module;
use refit_author::stub;
use refit_build::Profile;
use std::path::{Path, PathBuf};

pub(crate) fn run(sources: &Sources, args: &FreezeArgs) -> Result<(), Failure> {
    let folder = &args.source;
    let lock = package::lock(folder)?;
    if let Some(module) = &args.restore {
        return restore(folder, lock, module);
    }
    if let Some(kind) = &args.forget {
        return forget(folder, lock, kind);
    }
    if let Some(lock) = &lock {
        published::not_stale(folder, lock)?;
    }
    let was_there = lock.is_some();
    let mut lock = lock.unwrap_or_default();
    let descriptor = descriptor(sources, args)?;
    let declared = package::declarations(folder, &lock.modules());
    let frozen = freeze::publish(&descriptor, &declared, &mut lock).map_err(|findings| {
        for finding in &findings {
            show::talk(finding.text());
        }
        let folder = folder.clone();
        KeptError::Findings { folder, findings }
    })?;
    if !was_there {
        published::not_lost(folder, &lock)?;
    }
    let texts = modules(&lock, &frozen)?;
    let text = lock.text()?;
    // First everything that can be refused, then everything that is written.
    for (frozen, module) in &texts {
        if frozen.change == Change::Published {
            refuse_another(folder, module)?;
        }
    }
    for (frozen, module) in &texts {
        if frozen.change == Change::Published {
            write(folder, module)?;
        }
    }
    if frozen.iter().any(|frozen| frozen.change != Change::None) {
        files::write_text(&folder.join(LOCK_FILE), &text)?;
    }
    tell(folder, &lock, &descriptor, &texts)
}

/// What is to be published: the package as its source is now, or as a library of it was built.
fn descriptor(sources: &Sources, args: &FreezeArgs) -> Result<Descriptor, Failure> {
    let folder = &args.source;
    let Some(library) = &args.library else {
        let built = sources.build_unkept(folder, Profile::Dev)?;
        return Ok(artifact::examine(&built.library)?.descriptor);
    };
    let package = package::name(folder).map_err(SourceError)?;
    let descriptor = artifact::examine(library)?.descriptor;
    if package == descriptor.package {
        return Ok(descriptor);
    }
    Err(FreezeError::OtherPackage {
        library: library.clone(),
        found: descriptor.package,
        package,
    }
    .into())
}

/// The kinds with their frozen modules.
fn modules(lock: &SchemaLock, frozen: &[Frozen]) -> Result<Vec<(Frozen, Module)>, Failure> {
    let mut found = Vec::new();
    for frozen in frozen {
        let modules = frozen::modules(lock, &frozen.kind)?;
        let module = modules
            .into_iter()
            .find(|module| module.name == frozen.module);
        found.extend(module.map(|module| (frozen.clone(), module)));
    }
    Ok(found)
}

fn path(folder: &Path, module: &Module) -> PathBuf {
    folder.join("src").join(format!("{}.rs", module.name))
}

/// Writes a frozen module.
fn write(folder: &Path, module: &Module) -> Result<(), Failure> {
    Ok(files::write_text(&path(folder, module), &module.text)?)
}

/// A file that is there already must be what would be written.
fn refuse_another(folder: &Path, module: &Module) -> Result<(), FreezeError> {
    let path = path(folder, module);
    match files::read_text(&path, MODULE_BYTES_MAX) {
        Ok(text) if text == module.text => Ok(()),
        // A file that is not text exists as well.
        Err(_) if !path.exists() => Ok(()),
        _ => Err(FreezeError::InTheWay { path }),
    }
}

fn tell(
    folder: &Path,
    lock: &SchemaLock,
    built: &Descriptor,
    done: &[(Frozen, Module)],
) -> Result<(), Failure> {
    for (frozen, module) in done {
        let Frozen { kind, version, .. } = frozen;
        let name = &module.name;
        let said = match frozen.change {
            Change::Published => {
                format!("{kind} {version} is published: {LOCK_FILE}, src/{name}.rs")
            }
            Change::Interface => format!(
                "{kind} {version} was published already; its interface changed and is noted in {LOCK_FILE}"
            ),
            Change::None => format!("{kind} {version} was published already; nothing is changed"),
        };
        show::data(&format!("{}\n", show::safe::line(&said)))?;
        if frozen.change == Change::Published {
            advise(lock, frozen, module);
            carried(lock, built, frozen, module);
            carried_message(lock, built, frozen, module);
        }
    }
    show::talk("keep schema.lock and the frozen modules in version control");
    show::next(format_args!("refit engine check {}", folder.display()));
    Ok(())
}

/// Prints what the author has to know about a version that was just published.
fn advise(lock: &SchemaLock, frozen: &Frozen, module: &Module) {
    for ty in &module.foreign {
        show::talk(format_args!(
            "src/{}.rs: a field crosses as bytes and is a `{ty}`; add the `use` that it needs",
            module.name
        ));
    }
    for place in &module.without_default {
        show::talk(format_args!(
            "src/{}.rs: `#[serde(default)]` of `{place}` is left out, as its type has no default there: JSON that leaves it out is not understood as this version",
            module.name
        ));
    }
    show::talk(format_args!(
        "src/{}.rs: its types lack traits that yours may derive, such as `Copy` or `Default`: derive what your code needs there too, and change nothing else",
        module.name
    ));
    let locked = lock.kind(&frozen.kind);
    if let Some(state) = locked
        .and_then(|locked| locked.version(frozen.version))
        .map(|published| &published.state)
    {
        show::talk(format_args!(
            "when the state of {} changes, this is its step, to paste and complete:\n\n{}",
            frozen.kind,
            stub::next(module, state)
        ));
    }
}

/// The steps to a version that was just published belong to its frozen type.
fn carried(lock: &SchemaLock, built: &Descriptor, frozen: &Frozen, module: &Module) {
    let head = built.kinds.iter().find(|kind| kind.kind == frozen.kind);
    let (Some(locked), Some(head)) = (lock.kind(&frozen.kind), head) else {
        return;
    };
    let last = head.migrations.iter().find(|step| step.steps == 1);
    let from = last.and_then(|step| {
        let mut versions = locked.versions.iter();
        versions.find(|version| version.schema == step.from_schema)
    });
    if let (Some(step), Some(from)) = (last, from) {
        show::talk(format_args!(
            "the step from version {} goes from the head to src/{}.rs, so that nodes which hold that version still come to the head:\n\n{}",
            from.version,
            module.name,
            stub::carried(&module.name, &from.module, &head.state, step)
        ));
    }
}

/// So does the conversion of older messages.
fn carried_message(lock: &SchemaLock, built: &Descriptor, frozen: &Frozen, module: &Module) {
    let head = built.kinds.iter().find(|kind| kind.kind == frozen.kind);
    let (Some(locked), Some(head)) = (lock.kind(&frozen.kind), head) else {
        return;
    };
    // The newest first: the others are converted by what is frozen already.
    let Some(last) = head.older_messages.first() else {
        return;
    };
    let mut versions = locked.versions.iter();
    let from = versions.find(|version| version.frozen_message().schema == last.schema);
    let Some(from) = from.filter(|from| from.version < frozen.version) else {
        return;
    };
    if let Some(old) = &from.frozen_message().described {
        show::talk(format_args!(
            "the conversion of version {}'s messages goes from the head to src/{}.rs, so that they are still understood at the next version:\n\n{}",
            from.version,
            module.name,
            stub::carried_message(&from.module, old, &head.interface.message)
        ));
    }
}

/// Writes a frozen module anew from the lock.
fn restore(folder: &Path, lock: Option<SchemaLock>, wanted: &str) -> Result<(), Failure> {
    let lock = lock.ok_or_else(|| FreezeError::NothingPublished {
        folder: folder.to_owned(),
    })?;
    for kind in &lock.kinds {
        let mut modules = frozen::modules(&lock, &kind.kind)?.into_iter();
        if let Some(module) = modules.find(|module| module.name == wanted) {
            let before = set_aside(folder, &module)?;
            write(folder, &module)?;
            show::data(&format!("{}\n", path(folder, &module).display()))?;
            if let Some(before) = before {
                show::talk(format_args!(
                    "what stood there is now {}; a step (Migrate) in it must be written again",
                    before.display()
                ));
            }
            show::next(format_args!("refit engine build {}", folder.display()));
            return Ok(());
        }
    }
    Err(FreezeError::UnknownModule {
        module: wanted.to_owned(),
        folder: folder.to_owned(),
    }
    .into())
}

/// Renames a file that differs from `module`: the author's step may be in it.
fn set_aside(folder: &Path, module: &Module) -> Result<Option<PathBuf>, Failure> {
    if refuse_another(folder, module).is_ok() {
        return Ok(None);
    }
    let path = path(folder, module);
    let before = path.with_extension("rs.before");
    if before.symlink_metadata().is_ok() {
        return Err(FreezeError::SetAside { path: before }.into());
    }
    files::rename(&path, &before)?;
    Ok(Some(before))
}

/// Takes a kind out of the lock that the package will not have any more.
fn forget(folder: &Path, lock: Option<SchemaLock>, kind: &str) -> Result<(), Failure> {
    let mut lock = lock.unwrap_or_default();
    let Some(place) = lock.kinds.iter().position(|locked| locked.kind == kind) else {
        let (kind, folder) = (kind.to_owned(), folder.to_owned());
        return Err(FreezeError::UnknownKind { kind, folder }.into());
    };
    let forgotten = lock.kinds.remove(place).versions.into_iter();
    let modules = forgotten.map(|version| version.module);
    let text = lock.text()?;
    files::write_text(&folder.join(LOCK_FILE), &text)?;
    show::data(&format!(
        "{kind} is forgotten; its frozen modules are still there\n"
    ))?;
    for module in modules {
        show::talk(format_args!("delete src/{module}.rs, and its `mod` line"));
    }
    show::next(format_args!("refit engine build {}", folder.display()));
    Ok(())
}
