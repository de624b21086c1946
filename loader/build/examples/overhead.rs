//! What confinement costs: builds one tree as it is and in the sandbox, in turns, and says the processor time of each.
//!
//! ```sh
//! cargo run --release -p refit-build --example overhead -- TREE FOLDER SCRATCH [PAIRS]
//! ```
//! `TREE` is a release's tree, `FOLDER` the package's in it, `SCRATCH` a folder that is not there yet. A bare build is one `cargo
//! build` with the same arguments from nothing; a confined one is all that a node does with a release that it sees for the first
//! time, dependencies apart from own code. The line `again` is a second build of the release.

use refit_build::{ReleaseBuilder, SourceTree};
use refit_release::content::FileId;
use refit_release::tree::{Listing, TreeFile};
use refit_sandbox::Launcher;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The word that makes this program the launcher.
const LAUNCH: &str = "launch";

/// Ticks of a processor's clock in a second, as `/proc` counts them.
const TICKS_PER_S: f64 = 100.0;

/// Pairs of builds.
const PAIRS: usize = 3;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let measured = match words[..] {
        [LAUNCH] => return refit_sandbox::child_main(),
        [tree, folder, scratch] => measure(tree.as_ref(), folder, scratch.as_ref(), PAIRS),
        [tree, folder, scratch, pairs] => {
            let pairs = pairs.parse().unwrap_or(PAIRS);
            measure(tree.as_ref(), folder, scratch.as_ref(), pairs)
        }
        _ => Err("usage: overhead TREE FOLDER SCRATCH [PAIRS]".into()),
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(tree: &Path, folder: &str, scratch: &Path, pairs: usize) -> Result<(), Box<dyn Error>> {
    fs::create_dir(scratch)?;
    let launcher = Launcher::new(std::env::current_exe()?, [LAUNCH]);
    let tree = tree.canonicalize()?;
    let mut ratios = Vec::new();
    for pair in 0..pairs {
        let target = scratch.join(format!("bare-{pair}"));
        let bare = timed(|| build_bare(&tree, folder, &target))?;
        let builder =
            ReleaseBuilder::new(scratch.join(format!("confined-{pair}")), launcher.clone());
        let confined = timed(|| build_confined(&builder, &tree, folder))?;
        let again = timed(|| build_confined(&builder, &tree, folder))?;
        println!(
            "bare {bare:.2} s, confined {confined:.2} s, again {again:.2} s of processor time"
        );
        ratios.push(confined / bare);
    }
    ratios.sort_by(f64::total_cmp);
    println!("confined / bare, median: {:.3}", ratios[ratios.len() / 2]);
    Ok(())
}

/// The processor time of `work`, in seconds: this process's, and that of all that it started and that has ended.
fn timed(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let before = processor_time()?;
    work()?;
    Ok(processor_time()? - before)
}

fn processor_time() -> Result<f64, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let (_, after_name) = text.rsplit_once(')').ok_or("no name")?;
    // From the eleventh on after the name: own time in user and system mode, and the children's.
    let times = after_name.split_whitespace().skip(11).take(4);
    let ticks: Result<Vec<f64>, _> = times.map(str::parse).collect();
    Ok(ticks?.iter().sum::<f64>() / TICKS_PER_S)
}

fn build_bare(tree: &Path, folder: &str, target: &Path) -> Result<(), Box<dyn Error>> {
    let vendor = format!(
        "source.v.directory={:?}",
        tree.join("vendor").display().to_string()
    );
    let status = Command::new("cargo")
        .args(["build", "--quiet", "--lib", "--offline", "--locked"])
        .args(["--profile", "release", "--features", "module"])
        .args([
            "--config",
            "source.crates-io.replace-with=\"v\"",
            "--config",
            &vendor,
        ])
        .current_dir(tree.join(folder))
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo")
        .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true")
        .status()?;
    match status.success() {
        true => Ok(()),
        false => Err("the bare build failed".into()),
    }
}

fn build_confined(
    builder: &ReleaseBuilder,
    tree: &Path,
    folder: &str,
) -> Result<(), Box<dyn Error>> {
    let mut files = Vec::new();
    list(tree, tree, &mut files)?;
    let tree = SourceTree::check(tree, &Listing::of(files)?)?;
    builder.build(&tree, folder)?;
    Ok(())
}

fn list(top: &Path, folder: &Path, files: &mut Vec<TreeFile>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        if path.is_dir() {
            list(top, &path, files)?;
            continue;
        }
        let content = fs::read(&path)?;
        files.push(TreeFile {
            path: path
                .strip_prefix(top)?
                .to_str()
                .ok_or("a name that is no text")?
                .to_owned(),
            executable: false,
            bytes: content.len() as u64,
            content: FileId::of(&content),
        });
    }
    Ok(())
}
