//! The edges of the house: which package may depend on which, and what must be out of reach.
//!
//! Only normal dependencies count: tests may look anywhere. A new package adds a row to
//! [`ALLOWED`], and with it says where it stands.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Every package and the packages of the workspace that it may depend on. Engines are apart: each
/// of them may depend on the contract alone.
const ALLOWED: &[(&str, &[&str])] = &[
    ("refit-abi", &["refit-abi-macros"]),
    ("refit-abi-macros", &[]),
    // Macros for the tests of the derives.
    ("refit-abi-rewriters", &[]),
    // Random cases and counted memory, for the tests of decoders.
    ("refit-fuzzing", &[]),
    // The author's rules: texts and descriptions in, findings out.
    ("refit-author", &["refit-abi"]),
    // For the tests of those that speak with a node.
    ("refit-test-support", &["refit-abi", "refit-admin"]),
    // For the tests of engines; a node has none of it.
    (
        "refit-testkit",
        &["refit-abi", "refit-kernel", "refit-upgrade"],
    ),
    // Artifacts are named as releases name their files; a node is refused what a build is refused.
    (
        "refit-loader",
        &["refit-abi", "refit-release", "refit-sandbox"],
    ),
    (
        "refit-build",
        &["refit-abi", "refit-release", "refit-sandbox"],
    ),
    // A launcher: it knows nothing of what it runs.
    ("refit-sandbox", &["refit-abi"]),
    // Bytes in, verdicts out.
    ("refit-release", &["refit-abi"]),
    ("refit-kernel", &["refit-abi"]),
    ("refit-upgrade", &["refit-abi", "refit-kernel"]),
    ("refit-ordering", &["refit-abi"]),
    ("refit-store", &["refit-abi"]),
    ("refit-admin", &["refit-abi"]),
    (
        "refit-node",
        &[
            "refit-abi",
            "refit-admin",
            "refit-kernel",
            "refit-loader",
            "refit-ordering",
            "refit-release",
            "refit-store",
            "refit-upgrade",
        ],
    ),
    (
        "refit",
        &[
            "refit-abi",
            "refit-admin",
            "refit-author",
            "refit-benches",
            "refit-build",
            "refit-loader",
            "refit-node",
            "refit-release",
            "refit-sandbox",
            "refit-upgrade",
        ],
    ),
    // Benches and tests look at every part, the command line apart: it drives the benches.
    ("refit-benches", EVERYTHING),
    ("refit-tests", EVERYTHING),
];

const EVERYTHING: &[&str] = &[
    "refit-abi",
    "refit-accounts",
    "refit-admin",
    "refit-build",
    "refit-kernel",
    "refit-kv",
    "refit-loader",
    "refit-node",
    "refit-ordering",
    "refit-release",
    "refit-sandbox",
    "refit-store",
    "refit-upgrade",
];

/// Crates that open sockets or bring a reactor.
const NETWORK: &[&str] = &[
    "async-std",
    "axum",
    "hyper",
    "hyper-util",
    "mio",
    "reqwest",
    "smol",
    "socket2",
    "tokio",
];

/// Crates that map code.
const MAPPING: &[&str] = &["dlopen", "dlopen2", "libloading"];

/// Crates that reach files and processes.
const FILES: &[&str] = &["libc", "memmap2", "nix", "rustix", "tempfile", "walkdir"];

/// The workspace, resolved for the machine that runs the test.
fn metadata() -> Metadata {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let options = ["--locked", "--filter-platform", &host()]
        .map(str::to_owned)
        .to_vec();
    MetadataCommand::new()
        .manifest_path(root)
        .other_options(options)
        .exec()
        .unwrap()
}

/// The target triple of this machine: crates for other systems need not be there.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap()
        .to_owned()
}

fn direct(package: &Package) -> BTreeSet<&str> {
    let normal = package
        .dependencies
        .iter()
        .filter(|edge| edge.kind == DependencyKind::Normal);
    normal.map(|edge| edge.name.as_str()).collect()
}

fn is_engine(metadata: &Metadata, package: &Package) -> bool {
    package
        .manifest_path
        .starts_with(metadata.workspace_root.join("engines"))
}

fn package<'m>(metadata: &'m Metadata, name: &str) -> &'m Package {
    metadata
        .workspace_packages()
        .into_iter()
        .find(|package| package.name == name)
        .unwrap()
}

/// All packages that `start` needs in order to run, itself left out.
fn reachable<'m>(metadata: &'m Metadata, start: &PackageId) -> BTreeSet<&'m str> {
    let nodes = &metadata.resolve.as_ref().unwrap().nodes;
    let nodes: BTreeMap<_, _> = nodes.iter().map(|node| (&node.id, node)).collect();
    let (mut seen, mut waiting) = (BTreeSet::new(), vec![start]);
    while let Some(id) = waiting.pop() {
        for edge in &nodes[id].deps {
            let runs = edge
                .dep_kinds
                .iter()
                .any(|kind| kind.kind == DependencyKind::Normal);
            if runs && seen.insert(&edge.pkg) {
                waiting.push(&nodes[&edge.pkg].id);
            }
        }
    }
    let packages = metadata
        .packages
        .iter()
        .filter(|package| seen.contains(&package.id));
    packages.map(|package| package.name.as_str()).collect()
}

#[test]
fn every_package_depends_only_on_what_the_house_allows() {
    let metadata = metadata();
    let members = metadata.workspace_packages();
    let names: BTreeSet<&str> = members
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut faults = Vec::new();
    for package in &members {
        let allowed = match ALLOWED.iter().find(|row| package.name == row.0) {
            Some((_, allowed)) => *allowed,
            None if is_engine(&metadata, package) => &["refit-abi"],
            None => {
                faults.push(format!("{} has no row in ALLOWED: add one", package.name));
                continue;
            }
        };
        let within = direct(package)
            .into_iter()
            .filter(|name| names.contains(name));
        for name in within.filter(|name| !allowed.contains(name)) {
            faults.push(format!("{} must not depend on {name}", package.name));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_table_names_only_packages_that_exist() {
    let metadata = metadata();
    let names: BTreeSet<_> = metadata
        .workspace_packages()
        .iter()
        .map(|p| p.name.clone())
        .collect();
    let rows = ALLOWED
        .iter()
        .flat_map(|(name, allowed)| allowed.iter().chain([name]));
    let gone: BTreeSet<_> = rows
        .filter(|row| !names.iter().any(|name| *name == **row))
        .collect();
    assert!(gone.is_empty(), "remove from ALLOWED: {gone:?}");
}

#[test]
fn the_table_allows_no_edge_that_nobody_has() {
    let metadata = metadata();
    let mut stale = Vec::new();
    // Those that may look at everything need not look at all of it.
    for (name, allowed) in ALLOWED.iter().filter(|row| row.1 != EVERYTHING) {
        let direct = direct(package(&metadata, name));
        let unused = allowed.iter().filter(|to| !direct.contains(**to));
        stale.extend(unused.map(|to| format!("{name} → {to}")));
    }
    assert!(stale.is_empty(), "remove from ALLOWED: {stale:?}");
}

#[test]
fn the_contract_the_engines_and_the_core_are_out_of_reach_of_the_network() {
    let metadata = metadata();
    let engines = metadata
        .workspace_packages()
        .into_iter()
        .filter(|p| is_engine(&metadata, p));
    let core = [
        "refit-abi",
        "refit-author",
        "refit-loader",
        "refit-build",
        "refit-kernel",
        "refit-upgrade",
        "refit-ordering",
        "refit-store",
    ];
    let core = core.map(|name| package(&metadata, name));
    for package in engines.chain(core) {
        let reached = reachable(&metadata, &package.id);
        let found: Vec<_> = NETWORK
            .iter()
            .filter(|name| reached.contains(**name))
            .collect();
        assert!(found.is_empty(), "{} reaches {found:?}", package.name);
    }
}

#[test]
fn upgrade_has_no_direct_way_to_files_or_processes() {
    let metadata = metadata();
    for name in [
        "refit-upgrade",
        "refit-ordering",
        "refit-abi",
        "refit-author",
    ] {
        let direct = direct(package(&metadata, name));
        let found: Vec<_> = FILES
            .iter()
            .filter(|name| direct.contains(**name))
            .collect();
        assert!(found.is_empty(), "{name} depends on {found:?}");
    }
}

#[test]
fn only_the_loader_can_map_code() {
    let metadata = metadata();
    let mut mapping = Vec::new();
    for package in metadata.workspace_packages() {
        let direct = direct(package);
        if MAPPING.iter().any(|name| direct.contains(name)) {
            mapping.push(package.name.as_str());
        }
    }
    assert_eq!(mapping, ["refit-loader"]);
}

#[test]
fn no_engine_sees_the_runtime_side_of_the_contract() {
    let metadata = metadata();
    for engine in metadata
        .workspace_packages()
        .into_iter()
        .filter(|p| is_engine(&metadata, p))
    {
        let abi = engine
            .dependencies
            .iter()
            .filter(|edge| edge.name == "refit-abi");
        for edge in abi.filter(|edge| edge.kind == DependencyKind::Normal) {
            assert!(
                !edge.features.iter().any(|feature| feature == "host"),
                "{}",
                engine.name
            );
        }
    }
}
