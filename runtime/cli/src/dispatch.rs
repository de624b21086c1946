//! Leads from what was typed to the command that does it.

use crate::args::{
    BlockCommand, BuildingArgs, Cli, Command, CommonArgs, ConfigCommand, EngineCommand, KeyCommand,
    KeysetCommand, ParametersCommand, ReleaseCommand, SnapshotCommand, UpgradeCommand,
};
use crate::artifact::probe_command;
use crate::bench;
use crate::client::Client;
use crate::commands::sandbox::refuse_links_offline;
use crate::commands::{
    block_on, block_quarantine, config_check, doctor, documents, engine_build, engine_capture,
    engine_check, engine_clean, engine_freeze, engine_inspect, engine_new, engine_restart,
    engine_revive, events, explain, init, key_generate, key_inspect, keyset_create, keyset_inspect,
    keyset_install, keyset_rotate, keyset_sign, parameters, query, release_attest, release_build,
    release_builder, release_diff, release_import, release_pack, release_prune, release_revoke,
    release_show, release_sign, release_source, release_verify, run, sandbox, send,
    snapshot_create, snapshot_diff, snapshot_inspect, snapshot_migrate, snapshot_restore,
    snapshot_verify, status, upgrade_apply, upgrade_bundle, upgrade_cancel, upgrade_confirm,
    upgrade_history, upgrade_list, upgrade_plan, upgrade_quarantine, upgrade_rehearse,
    upgrade_rollback, upgrade_status, upgrade_wait,
};
use crate::config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::source::Sources;
use clap::ArgMatches;
use std::process::ExitCode;

/// Runs the command. `typed` also says which values come from the environment.
pub(crate) fn dispatch(cli: Cli, typed: &ArgMatches) -> Result<ExitCode, Failure> {
    let Cli { common, command } = cli;
    match command {
        Command::Probe(args) => {
            sandbox::enter_probe(&args.inside)?;
            return Ok(refit_loader::probe::child::child_main(&args.file));
        }
        Command::Rehearsal(args) => {
            sandbox::enter_rehearsal(&args)?;
            return Ok(refit_node::rehearsal::child::child_main());
        }
        Command::Trial(args) => {
            let helper = sandbox::enter_trial(&args.inside)?;
            let probe = probe_command().by(helper);
            return Ok(refit_node::trial_main(&args.folder, probe));
        }
        Command::Launcher => return Ok(refit_sandbox::child_main()),
        Command::ReleaseBuilder(args) => release_builder::run(&args)?,
        Command::Helper(args) => sandbox::help(&args)?,
        Command::Demo(args) => crate::demo::run(&args)?,
        Command::Run(args) => run::run(&common, &args)?,
        Command::Init(args) => init::run(&common, &args)?,
        Command::Config(ConfigCommand::Check(args)) => config_check::run(common, &args, typed)?,
        Command::Completions(args) => documents::completions(&args)?,
        Command::Man(args) => documents::man(&args)?,
        Command::Chaos(args) => crate::chaos::run(&args)?,
        Command::Bench(command) => bench::run(&command)?,
        Command::Explain(args) => explain::run(&args)?,
        Command::Engine(command) => engine(&common, command)?,
        Command::Status(args) => ask(&common, async |client| status::run(client, &args).await)?,
        Command::Send(args) => ask(&common, async |client| send::run(client, args).await)?,
        Command::Query(args) => ask(&common, async |client| query::run(client, args).await)?,
        Command::Events(args) => ask(&common, async |client| events::run(client, &args).await)?,
        Command::Upgrade(command) => upgrade(&common, command)?,
        Command::Doctor(args) => doctor::run(&common, &args)?,
        Command::Block(BlockCommand::Quarantine(args)) => block_quarantine::run(&common, &args)?,
        Command::Parameters(command) => of_parameters(&common, command)?,
        Command::Snapshot(command) => snapshot(&common, command)?,
        Command::Key(command) => key(command)?,
        Command::Keyset(command) => keyset(&common, command)?,
        Command::Release(command) => release(&common, command)?,
    }
    Ok(Exit::Done.into())
}

fn engine(common: &CommonArgs, command: EngineCommand) -> Result<(), Failure> {
    match command {
        EngineCommand::Build(args) => engine_build::run(&sources(common, &args.building)?, &args),
        EngineCommand::New(args) => engine_new::run(&args),
        EngineCommand::Freeze(args) => engine_freeze::run(&sources(common, &args.building)?, &args),
        EngineCommand::Check(args) => {
            let data_dir = config::data_dir(common, &config::load(common)?);
            engine_check::run(&sources(common, &args.building)?, &data_dir, &args)
        }
        EngineCommand::Clean(args) => {
            let building = BuildingArgs {
                cache: args.cache.clone(),
                ..BuildingArgs::default()
            };
            engine_clean::run(&sources(common, &building)?, &args)
        }
        EngineCommand::Inspect(args) => engine_inspect::run(&args),
        EngineCommand::Capture(args) => ask(common, async |client| {
            engine_capture::run(client, &args).await
        }),
        EngineCommand::Restart(args) => ask(common, async |client| {
            engine_restart::run(client, &args).await
        }),
        EngineCommand::Revive(args) => ask(common, async |client| {
            engine_revive::run(client, &args).await
        }),
        EngineCommand::Dev(args) => crate::dev::run(common, args),
    }
}

fn key(command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Generate(args) => key_generate::run(&args),
        KeyCommand::Inspect(args) => key_inspect::run(&args),
    }
}

fn keyset(common: &CommonArgs, command: KeysetCommand) -> Result<(), Failure> {
    match command {
        KeysetCommand::Create(args) => keyset_create::run(&args),
        KeysetCommand::Rotate(args) => keyset_rotate::run(&args),
        KeysetCommand::Sign(args) => keyset_sign::run(&args),
        KeysetCommand::Inspect(args) => keyset_inspect::run(&args),
        KeysetCommand::Install(args) => ask(common, async |client| {
            keyset_install::run(client, &args).await
        }),
        KeysetCommand::Show(args) => ask(common, async |client| {
            keyset_install::show(client, &args).await
        }),
    }
}

fn release(common: &CommonArgs, command: ReleaseCommand) -> Result<(), Failure> {
    match command {
        ReleaseCommand::Pack(args) => release_pack::run(&args),
        ReleaseCommand::Sign(args) => release_sign::run(&args),
        ReleaseCommand::Verify(args) => release_verify::run(&args),
        ReleaseCommand::Show(args) => release_show::run(&args),
        ReleaseCommand::Diff(args) => release_diff::run(&args),
        ReleaseCommand::Source(args) => release_source::run(&args),
        ReleaseCommand::Build(args) => release_build::run(&args),
        ReleaseCommand::Attest(args) => release_attest::run(&args),
        ReleaseCommand::Revoke(args) => release_revoke::run(&args),
        ReleaseCommand::Import(args) => ask(common, async |client| {
            release_import::run(client, &args).await
        }),
        ReleaseCommand::List(args) => upgrade_list::run(common, &args),
        ReleaseCommand::Prune(args) => ask(common, async |client| {
            release_prune::run(client, &args).await
        }),
    }
}

fn of_parameters(common: &CommonArgs, command: ParametersCommand) -> Result<(), Failure> {
    match command {
        ParametersCommand::Show(args) => {
            ask(common, async |client| parameters::show(client, &args).await)
        }
        ParametersCommand::Set(args) => {
            ask(common, async |client| parameters::set(client, args).await)
        }
    }
}

fn snapshot(common: &CommonArgs, command: SnapshotCommand) -> Result<(), Failure> {
    match command {
        SnapshotCommand::Create(args) => ask(common, async |client| {
            snapshot_create::run(client, &args).await
        }),
        SnapshotCommand::Inspect(args) => snapshot_inspect::run(&args),
        SnapshotCommand::Verify(args) => snapshot_verify::run(&args),
        SnapshotCommand::Restore(args) => snapshot_restore::run(common, &args),
        SnapshotCommand::Migrate(args) => {
            snapshot_migrate::run(common, &sources(common, &args.building)?, &args)
        }
        SnapshotCommand::Diff(args) => snapshot_diff::run(&args),
    }
}

fn upgrade(common: &CommonArgs, command: UpgradeCommand) -> Result<(), Failure> {
    match command {
        UpgradeCommand::Plan(args) => {
            let sources = sources(common, &args.building)?;
            ask(common, async |client| {
                upgrade_plan::run(client, &sources, args).await
            })
        }
        UpgradeCommand::Rehearse(args) => ask(common, async |client| {
            upgrade_rehearse::run(client, args).await
        }),
        UpgradeCommand::Apply(args) => {
            let sources = sources(common, &BuildingArgs::default())?;
            ask(common, async |client| {
                upgrade_apply::run(client, &sources, args).await
            })
        }
        UpgradeCommand::Status(args) => ask(common, async |client| {
            upgrade_status::run(client, &args).await
        }),
        UpgradeCommand::Wait(args) => ask(common, async |client| {
            upgrade_wait::run(client, &args).await
        }),
        UpgradeCommand::Cancel(args) => ask(common, async |client| {
            upgrade_cancel::run(client, &args).await
        }),
        UpgradeCommand::Confirm(args) => ask(common, async |client| {
            upgrade_confirm::run(client, &args).await
        }),
        UpgradeCommand::Rollback(args) => ask(common, async |client| {
            upgrade_rollback::run(client, &args).await
        }),
        UpgradeCommand::List(args) => upgrade_list::run(common, &args),
        UpgradeCommand::Bundle(args) => ask(common, async |client| {
            upgrade_bundle::run(client, &args).await
        }),
        UpgradeCommand::History(args) => ask(common, async |client| {
            upgrade_history::run(client, &args).await
        }),
        UpgradeCommand::Quarantine(args) => ask(common, async |client| {
            upgrade_quarantine::run(client, &args).await
        }),
    }
}

fn sources(common: &CommonArgs, building: &BuildingArgs) -> Result<Sources, Failure> {
    let file = config::load(common)?;
    let data_dir = config::data_dir(common, &file);
    refuse_links_offline(&file, &data_dir)?;
    Ok(Sources::of(&data_dir, building))
}

/// Runs a command that talks to a node.
fn ask(
    common: &CommonArgs,
    command: impl AsyncFnOnce(&Client) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let file = config::load(common)?;
    let client = Client::new(
        config::node_address(common, &file),
        config::token(common, &file)?,
    );
    block_on(command(&client))?
}
