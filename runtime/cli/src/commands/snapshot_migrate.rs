//! `refit snapshot migrate --from FILE --out FILE`: an upgrade of a snapshot, without a node.
//!
//! The new snapshot is made in a file beside the one that is named; it gets its name once it was read back whole and is on
//! the disk.

use super::upgrade_apply::read_plan;
use super::upgrade_plan::{LintRefused, directives};
use crate::args::{CommonArgs, MigrateArgs, NamedPath};
use crate::artifact::{probe_command, rehearsal_command};
use crate::config;
use crate::destination::{Content, Destination};
use crate::failure::{Failure, Reported};
use crate::files::FileError;
use crate::show::{self, migrated::Shown};
use crate::source::Sources;
use refit_node::offline::{Coming, MigrateError, Migration, OldCode, Runs};
use refit_node::snapshot::{Offered, SnapshotFile};
use refit_upgrade::{Directives, Plan, Strategy};
use std::path::Path;

impl Reported for MigrateError {}

pub(crate) fn run(
    common: &CommonArgs,
    sources: &Sources,
    args: &MigrateArgs,
) -> Result<(), Failure> {
    // Before anything is done.
    let destination = args.out.as_deref().filter(|_| !args.check);
    let destination = destination.map(at).transpose()?;
    if let Some(out) = args.out.as_deref()
        && is_same(&args.from, out)
    {
        let path = out.to_owned();
        return Err(FileError::IsSource { path }.into());
    }
    let store = config::data_dir(common, &config::load(common)?).join("store");
    let libraries: Vec<_> = args.libraries.iter().map(offered).collect();
    let code = OldCode {
        libraries: &libraries,
        store: Some(&store),
    };
    let child = rehearsal_command().deadline(args.wait_max);
    let runs = Runs {
        probe: probe_command(),
        child: child.memory(args.memory),
        workers: refit_node::workers(),
    };
    let coming = coming(sources, args)?;
    let migration = Migration::prepare(&args.from, code, &coming, runs).map_err(refused)?;
    let Some((destination, out)) = destination.zip(args.out.as_deref()) else {
        let migrated = migration.check().map_err(refused)?;
        return Shown::of(migration.plan(), &migrated).print(args.output.json);
    };
    let file = destination.begin()?;
    let with_code = args.with_code || migration.has_code();
    let written = migration.write(file.partial(), with_code);
    let migrated = written.map_err(refused)?;
    let written = SnapshotFile::open(file.partial())?;
    file.put()?;
    let shown = Shown::of(migration.plan(), &migrated);
    shown.written(out, &written).print(args.output.json)?;
    let libraries = match with_code {
        true => "",
        false => " --library KIND=PATH",
    };
    show::next(format_args!(
        "refit snapshot restore {}{libraries}",
        out.display()
    ));
    Ok(())
}

/// Whether both are one file.
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(one).is_some_and(|one| real(other) == Some(one))
}

fn at(path: &Path) -> Result<Destination, FileError> {
    let destination = Destination::at(path, Content::Snapshot)?;
    destination.file()?;
    Ok(destination)
}

fn offered(named: &NamedPath) -> Offered {
    Offered {
        kind: named.name.clone(),
        path: named.path.clone(),
    }
}

/// What is to come: a plan, or libraries, which are built first if they are source.
fn coming(sources: &Sources, args: &MigrateArgs) -> Result<Coming, Failure> {
    let mut offered = Vec::new();
    for engine in &args.engines {
        offered.push(Offered {
            kind: engine.name.clone(),
            path: sources.library(&engine.path)?,
        });
    }
    let Some(plan) = &args.plan else {
        // No node serves: what only goes then, may.
        let directives = Box::new(Directives {
            strategy: Strategy::Offline,
            ..directives(&args.orders)?
        });
        return Ok(Coming::Libraries {
            offered,
            directives,
        });
    };
    let text = read_plan(plan)?;
    let plan: Plan =
        serde_json::from_str(&text).map_err(|_| FileError::NoPlan { path: plan.clone() })?;
    Ok(Coming::Plan(Box::new(plan).found_at(&offered)))
}

/// What is said of where a plan's libraries are.
trait FoundAt {
    fn found_at(self, offered: &[Offered]) -> Self;
}

impl FoundAt for Box<Plan> {
    /// The same plan, whose libraries of these kinds are there: their hashes are the plan's, or it is refused.
    fn found_at(mut self, offered: &[Offered]) -> Self {
        for module in &mut self.modules {
            let has = |it: &&Offered| module.kinds.iter().any(|kind| kind.kind == it.kind);
            if let Some(named) = offered.iter().find(has) {
                module.path = named.path.display().to_string();
            }
        }
        self
    }
}

/// What the linter finds ends as it does in a plan.
fn refused(error: MigrateError) -> Failure {
    match error.finding() {
        Some(finding) => LintRefused(finding.clone()).into(),
        None => error.into(),
    }
}
