//! The benches of the message path as a program of their own, without the command line: for profilers, and as the probe
//! of this package's tests. People use `refit bench`.
//!
//! ```text
//! refit-bench gate [BATCHES MESSAGES REPETITIONS]              (lists with commas)
//! refit-bench messages [MESSAGES REPETITIONS]
//! refit-bench bus [REPETITIONS WORKERS [OUT]]
//! refit-bench copy MIBS ENGINES REPETITIONS
//! refit-bench swap ENGINES ENTRIES CLASSES REPETITIONS OUT
//! refit-bench probe FILE                                       (started by the loader)
//! ```

use refit_benches::copy::CopyOptions;
use refit_benches::swap::{SwapCode, SwapOptions};
use refit_benches::{bus, copy, gate, messages, swap};
use refit_build::{Builder, Profile};
use refit_loader::{Loader, ProbeCommand};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let report = match words.as_slice() {
        ["probe", file] => return refit_loader::probe::child::child_main(Path::new(file)),
        ["gate", numbers @ ..] => measure_gate(numbers),
        ["messages", numbers @ ..] => measure_messages(numbers),
        ["bus", numbers @ ..] => measure_bus(numbers),
        ["copy", state_mib, engines, repetitions] => measure_copy(state_mib, engines, repetitions),
        ["swap", engines, entries, classes, repetitions, out] => {
            measure_swap(engines, entries, classes, repetitions, out)
        }
        _ => Err(
            "usage: refit-bench gate | messages | bus | copy | swap …; see the head of its source"
                .into(),
        ),
    };
    match report {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("refit-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure_gate(numbers: &[&str]) -> Result<String, Box<dyn Error>> {
    let mut options = gate::GateOptions::default();
    if let [batches, messages, repetitions] = numbers {
        options.batches = list(batches)?;
        options.messages = messages.parse()?;
        options.repetitions = repetitions.parse()?;
    }
    Ok(gate::run(&options)?.text())
}

fn measure_messages(numbers: &[&str]) -> Result<String, Box<dyn Error>> {
    let mut options = messages::MessagesOptions::default();
    if let [messages, repetitions] = numbers {
        options.messages = messages.parse()?;
        options.repetitions = repetitions.parse()?;
    }
    Ok(messages::run(&options)?.text())
}

fn measure_bus(words: &[&str]) -> Result<String, Box<dyn Error>> {
    let mut options = bus::BusOptions::default();
    if let [repetitions, workers, out @ ..] = words {
        options.repetitions = repetitions.parse()?;
        options.workers = workers.parse()?;
        options.out = out.first().map(PathBuf::from);
    }
    Ok(bus::run(&options)?.text())
}

fn measure_swap(
    engines: &str,
    entries: &str,
    classes: &str,
    repetitions: &str,
    out: &str,
) -> Result<String, Box<dyn Error>> {
    let mut options = SwapOptions::new(out);
    options.engines = list(engines)?;
    options.entries = list(entries)?;
    options.classes = list(classes)?;
    options.repetitions = repetitions.parse()?;
    let builder = Builder::new(PathBuf::from(out).join("build"))
        .with_lock(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock"));
    let probe = ProbeCommand::new(std::env::current_exe()?).argument("probe");
    let loader = Loader::new(probe)?;
    let sources = SwapCode::sources();
    let code = SwapCode {
        builder: &builder,
        loader: &loader,
        sources: &sources,
        profile: Profile::Release,
    };
    Ok(swap::run(&options, &code, &mut |line| eprintln!("{line}"))?.text())
}

fn measure_copy(
    state_mib: &str,
    engines: &str,
    repetitions: &str,
) -> Result<String, Box<dyn Error>> {
    let options = CopyOptions {
        state_mib: list(state_mib)?,
        engines: list(engines)?,
        repetitions: repetitions.parse()?,
    };
    let folder = tempfile::tempdir()?;
    let builder = Builder::new(folder.path())
        .with_lock(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock"));
    let probe = ProbeCommand::new(std::env::current_exe()?).argument("probe");
    let loader = Loader::new(probe)?;
    let sources = SwapCode::sources();
    let code = SwapCode {
        builder: &builder,
        loader: &loader,
        sources: &sources,
        profile: Profile::Release,
    };
    Ok(copy::run(&options, &code, &mut |line| eprintln!("{line}"))?.text())
}

fn list<T: FromStr<Err: Error + 'static>>(text: &str) -> Result<Vec<T>, Box<dyn Error>> {
    text.split(',')
        .map(|part| part.parse().map_err(Into::into))
        .collect()
}
