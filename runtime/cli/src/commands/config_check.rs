//! `refit config check [FILE]`: the configuration as `refit run` would take it, with where each value
//! comes from.

use super::outside::Outside;
use super::settings::{self, Flags};
use super::{listening, log_rules};
use crate::args::{CommonArgs, ConfigCheckArgs};
use crate::config::{self, ConfigError, File, KEYS, Key};
use crate::failure::Failure;
use crate::show::{self, table::table};
use clap::ArgMatches;
use clap::parser::ValueSource;
use serde::Serialize;

/// One value. The stable shape of `--json`.
#[derive(Debug, Serialize)]
struct Value {
    key: String,
    value: String,
    /// `flag`, `environment`, `file` or `default`.
    from: &'static str,
}

pub(crate) fn run(
    common: CommonArgs,
    args: &ConfigCheckArgs,
    typed: &ArgMatches,
) -> Result<(), Failure> {
    let common = CommonArgs {
        config: args.file.clone().or(common.config),
        ..common
    };
    let file = config::load(&common)?;
    let table = match config::path(&common) {
        Some(path) => config::table(&path)?,
        None => toml::Table::new(),
    };
    let keys = KEYS.iter().filter(|key| key.is_single());
    let mut values: Vec<_> = keys
        .map(|key| value(key, &table, innermost(typed)))
        .collect();
    let refused = rules(&common, args, &file);
    values.extend(engines(args, &file));
    print(args, &values)?;
    refused
}

/// The checks that a start makes of what it reads.
fn rules(common: &CommonArgs, args: &ConfigCheckArgs, file: &File) -> Result<(), Failure> {
    let outside = Outside::read(common, &args.run.listening)?;
    log_rules::filter(&args.run.log)?;
    listening::listens(common, &args.run.listening, file, outside.named())?;
    settings::check(Flags::of(&args.run), file)?;
    settings::check_named_keyset(outside.keyset())?;
    for engine in config::engines(&args.run, file)? {
        if !engine.path.exists() {
            let (engine, path) = (engine.name, engine.path);
            return Err(ConfigError::EngineMissing { engine, path }.into());
        }
    }
    Ok(())
}

/// The engines; none if none is named, which the rules report.
fn engines(args: &ConfigCheckArgs, file: &File) -> Vec<Value> {
    let from = match args.run.engines.is_empty() {
        true => "file",
        false => "flag",
    };
    let engines = config::engines(&args.run, file).unwrap_or_default();
    let engines = engines.into_iter().map(|engine| Value {
        key: format!("engine.{}", engine.name),
        value: engine.path.display().to_string(),
        from,
    });
    engines.collect()
}

fn print(args: &ConfigCheckArgs, values: &[Value]) -> Result<(), Failure> {
    if args.output.json {
        return show::json(&values);
    }
    let rows = values.iter().map(|value| {
        [
            value.key.clone(),
            value.value.clone(),
            value.from.to_owned(),
        ]
    });
    let rows: Vec<_> = rows.collect();
    show::data(&table(["KEY", "VALUE", "FROM"], &rows))
}

/// The arguments of the command itself.
fn innermost(typed: &ArgMatches) -> &ArgMatches {
    let mut typed = typed;
    while let Some((_, inner)) = typed.subcommand() {
        typed = inner;
    }
    typed
}

/// The value of a key that has one place: typed, else of the environment, else of the file, else the default.
fn value(key: &Key, table: &toml::Table, typed: &ArgMatches) -> Value {
    let section = table.get(key.section).and_then(toml::Value::as_table);
    let in_file = section.and_then(|section| section.get(key.name));
    let of_flag = || {
        // A key without a flag is unknown to the parser.
        let given = typed.try_get_raw(key.flag_id).ok().flatten()?;
        let from = match typed.value_source(key.flag_id)? {
            ValueSource::CommandLine => "flag",
            ValueSource::EnvVariable => "environment",
            _ => return None,
        };
        if key.flag_id == "no_rehearsal" {
            // The one flag that says the key's opposite.
            return Some(("false".to_owned(), from));
        }
        let given: Vec<_> = given.map(|value| value.to_string_lossy()).collect();
        Some((given.join(","), from))
    };
    let (value, from) = of_flag()
        .or_else(|| Some((shown(in_file?), "file")))
        .unwrap_or_else(|| (key.default.to_owned(), "default"));
    Value {
        key: format!("{}.{}", key.section, key.name),
        value,
        from,
    }
}

/// A value as the file has it, a text without its quotes.
fn shown(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
