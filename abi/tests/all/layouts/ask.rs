//! The compiler asked for layouts, and a program for hashes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A layout as the compiler dumps it.
pub(crate) struct Layout {
    /// All of it: offsets, tags, niches.
    pub(crate) text: String,
    pub(crate) size: u64,
}

/// The attribute that dumps a layout, under its names in different compilers.
const ATTRIBUTES: [&str; 2] = ["rustc_layout", "rustc_dump_layout"];

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("layouts")
}

/// The layouts of the types that `source` dumps, in order.
pub(crate) fn layouts(source: &str, number: usize) -> Vec<Layout> {
    fs::create_dir_all(folder()).unwrap();
    let path = folder().join(format!("dump-{number}.rs"));
    let mut said = Vec::new();
    for attribute in ATTRIBUTES {
        fs::write(&path, source.replace("ATTRIBUTE", attribute)).unwrap();
        // The dump is not for stable programs; the layouts are those that the same compiler gives them.
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let output = Command::new(rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .args([
                "--edition",
                "2024",
                "--emit",
                "metadata",
                "--error-format",
                "json",
            ])
            .arg("--out-dir")
            .arg(folder())
            .arg(&path)
            .output()
            .unwrap();
        let lines = String::from_utf8(output.stderr).unwrap();
        let layouts: Vec<_> = lines.lines().filter_map(layout).collect();
        if !layouts.is_empty() {
            return layouts;
        }
        said.extend(lines.lines().filter_map(message).take(SAID_MAX));
    }
    panic!("the compiler dumps no layout: {said:#?}");
}

/// Most of the compiler's messages that are shown when it does not do as asked, under each name.
const SAID_MAX: usize = 3;

fn message(line: &str) -> Option<String> {
    let told: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(told["message"].as_str()?.to_owned())
}

/// The layout in one line of the compiler's JSON, if it tells one.
fn layout(line: &str) -> Option<Layout> {
    let message = message(line)?;
    let (_, text) = message
        .strip_prefix("layout_of(")?
        .split_once(") = Layout {")?;
    let (_, size) = text.split_once("size: Size(")?;
    let (size, _) = size.split_once(" bytes)")?;
    // It differs with the type's path, and counts only for a flag that refit-abi refuses.
    let counts = |line: &&str| !line.contains("randomization_seed");
    Some(Layout {
        text: text.lines().filter(counts).collect::<Vec<_>>().join("\n"),
        size: size.parse().ok()?,
    })
}

/// The output of the program for each type: its layout hash and its size.
pub(crate) fn hashes(source: &str, number: usize) -> Vec<(String, u64)> {
    fs::create_dir_all(folder()).unwrap();
    let (path, out) = (
        folder().join(format!("hash-{number}.rs")),
        folder().join(format!("hash-{number}.txt")),
    );
    let _ = fs::remove_file(&out);
    fs::write(&path, format!("{source}\nconst OUT: &str = {out:?};\n")).unwrap();
    {
        // Fails at the end of the scope if the program does not compile or run.
        let programs = trybuild::TestCases::new();
        programs.pass(&path);
    }
    let lines = fs::read_to_string(&out).unwrap();
    let read = |line: &str| {
        let (hash, size) = line.split_once(' ').unwrap();
        (hash.to_owned(), size.parse().unwrap())
    };
    lines.lines().map(read).collect()
}
