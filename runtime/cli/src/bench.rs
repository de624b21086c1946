//! `refit bench …`: measures, and prints tables or one JSON document.

use crate::args::{
    BenchCommand, BenchRollbackArgs, BusArgs, CheckpointArgs, CompareArgs, CopyArgs, DurableArgs,
    OutputArgs, RecoveryArgs, ServeArgs, SwapArgs,
};
use crate::artifact;
use crate::demo::sources;
use crate::destination;
use crate::exit::Exit;
use crate::failure::{Failure, Reported};
use crate::show;
use crate::source::Sources;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_benches::serve::ServeCode;
use refit_benches::swap::SwapCode;
use refit_benches::{
    BenchError, InsideCode, bus, checkpoint, compare, copy, durable, gate, messages, recovery,
    release, rollback, serve, swap,
};
use refit_build::Profile;
use refit_loader::Loader;
use std::borrow::Cow;

/// A bench that gave no figures: its reason, shown as one of our own.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BenchFailed(BenchError);

pub(crate) fn run(command: &BenchCommand) -> Result<(), Failure> {
    match command {
        BenchCommand::Swap(args) => run_swap(args),
        BenchCommand::Bus(args) => run_bus(args),
        BenchCommand::Copy(args) => run_copy(args),
        BenchCommand::Serve(args) => run_serve(args),
        BenchCommand::Durable(args) => run_durable(args),
        BenchCommand::Recovery(args) => run_recovery(args),
        BenchCommand::Release(args) => {
            let report = release::run(&args.options()).map_err(failed)?;
            shown(&args.output, report.json().map_err(failed)?, report.text())
        }
        BenchCommand::Rollback(args) => run_rollback(args),
        BenchCommand::Checkpoint(args) => run_checkpoint(args),
        BenchCommand::Compare(args) => run_compare(args),
        BenchCommand::Gate(output) => {
            let report = gate::run(&gate::GateOptions::default()).map_err(failed)?;
            shown(output, report.json().map_err(failed)?, report.text())
        }
        BenchCommand::Messages(output) => {
            let report = messages::run(&messages::MessagesOptions::default()).map_err(failed)?;
            shown(output, report.json().map_err(failed)?, report.text())
        }
    }
}

fn run_swap(args: &SwapArgs) -> Result<(), Failure> {
    destination::folder(&args.out)?;
    let report = with_tables(|code, sources| {
        swap::run(&args.options(), code, &mut |line| said(sources, line))
    })?;
    shown(&args.output, report.json().map_err(failed)?, report.text())?;
    show::talk(format_args!(
        "swap.csv, swap.json and swap.svg are in {}",
        args.out.display()
    ));
    show::next(
        "refit bench gate, messages, bus, copy, serve, durable, recovery, release, rollback or checkpoint",
    );
    Ok(())
}

/// Says what a bench does; what was shown of a build is over then.
fn said(sources: &Sources, line: &str) {
    sources.end_line();
    show::talk(line);
}

fn run_copy(args: &CopyArgs) -> Result<(), Failure> {
    let report = with_tables(|code, sources| {
        copy::run(&args.options(), code, &mut |line| said(sources, line))
    })?;
    shown(&args.output, report.json().map_err(failed)?, report.text())
}

fn run_bus(args: &BusArgs) -> Result<(), Failure> {
    destination::folder(&args.out)?;
    let report = bus::run(&args.options()).map_err(failed)?;
    shown(&args.output, report.json().map_err(failed)?, report.text())?;
    show::talk(format_args!(
        "bus.csv and bus.json are in {}",
        args.out.display()
    ));
    Ok(())
}

fn run_serve(args: &ServeArgs) -> Result<(), Failure> {
    let options = args.options();
    options.check().map_err(failed)?;
    destination::folder(&args.disk.dir)?;
    let report = with_program(|code| {
        serve::run(&options, code, &args.disk.dir, &mut |line| show::talk(line))
    })?;
    shown(&args.output, report.json().map_err(failed)?, report.text())
}

fn run_durable(args: &DurableArgs) -> Result<(), Failure> {
    let options = args.options();
    options.check().map_err(failed)?;
    destination::folder(&args.disk.dir)?;
    let report =
        inside(|code| durable::run(&options, code, &args.disk.dir, &mut |line| show::talk(line)))?;
    shown(&args.output, report.json().map_err(failed)?, report.text())
}

fn run_recovery(args: &RecoveryArgs) -> Result<(), Failure> {
    let options = args.options();
    options.check().map_err(failed)?;
    destination::folder(&args.disk.dir)?;
    let report =
        inside(|code| recovery::run(&options, code, &args.disk.dir, &mut |line| show::talk(line)))?;
    shown(&args.output, report.json().map_err(failed)?, report.text())
}

fn run_rollback(args: &BenchRollbackArgs) -> Result<(), Failure> {
    let options = args.options();
    options.check().map_err(failed)?;
    destination::folder(&args.disk.dir)?;
    let report = with_program(|code| {
        rollback::run(&options, code, &args.disk.dir, &mut |line| show::talk(line))
    })?;
    shown(&args.output, report.json().map_err(failed)?, report.text())
}

fn run_checkpoint(args: &CheckpointArgs) -> Result<(), Failure> {
    let options = args.options();
    options.check().map_err(failed)?;
    destination::folder(&args.disk.dir)?;
    let report = with_tables(|code, sources| {
        let probe = artifact::probe_command();
        checkpoint::run(&options, code, &probe, &args.disk.dir, &mut |line| {
            said(sources, line);
        })
    })?;
    shown(&args.output, report.json().map_err(failed)?, report.text())
}

/// Runs a bench of a node that is a process of its own: this program.
fn with_program<T>(
    bench: impl FnOnce(&ServeCode<'_>) -> Result<T, BenchError>,
) -> Result<T, Failure> {
    let program = std::env::current_exe().map_err(Failure::start)?;
    let (library, replacement) = sources::pair()?;
    let code = ServeCode {
        program: &program,
        library: &library,
        replacement: &replacement,
    };
    bench(&code).map_err(failed)
}

/// Runs a bench of a node in this process.
fn inside<T>(bench: impl FnOnce(&InsideCode<'_>) -> Result<T, BenchError>) -> Result<T, Failure> {
    let (library, replacement) = sources::pair()?;
    let code = InsideCode {
        library: &library,
        replacement: &replacement,
        probe: &artifact::probe_command(),
    };
    bench(&code).map_err(failed)
}

/// Runs a bench of tables, which are built first.
fn with_tables<T>(
    bench: impl FnOnce(&SwapCode<'_>, &Sources) -> Result<T, BenchError>,
) -> Result<T, Failure> {
    let checkout = sources::checkout().map_err(Box::new)?;
    let sources = sources::builder(&checkout);
    let loader = Loader::new(artifact::probe_command())
        .map_err(|error| Failure::start(std::io::Error::other(error)))?;
    let code = SwapCode {
        builder: sources.builder(),
        loader: &loader,
        sources: &SwapCode::sources(),
        profile: Profile::Release,
    };
    bench(&code, &sources).map_err(failed)
}

fn run_compare(args: &CompareArgs) -> Result<(), Failure> {
    let head = std::env::current_exe().map_err(Failure::start)?;
    let options = args.options(head);
    let report = compare::run(&options, &mut |line| show::talk(line)).map_err(failed)?;
    shown(&args.output, report.json().map_err(failed)?, report.text())
}

fn shown(output: &OutputArgs, json: String, text: String) -> Result<(), Failure> {
    show::data(if output.json { &json } else { &text })
}

fn failed(error: BenchError) -> Failure {
    BenchFailed(error).into()
}

impl Explain for BenchFailed {
    fn code(&self) -> &str {
        codes::BENCH_FAILED
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed("see `refit bench --help`, and the output above")
    }
}

impl Reported for BenchFailed {
    fn exit(&self) -> Exit {
        match self.0 {
            BenchError::Option { .. } | BenchError::Program { .. } => Exit::Usage,
            _ => Exit::Internal,
        }
    }
}
