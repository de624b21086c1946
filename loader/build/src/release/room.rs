//! [`Room`]: the order for one `cargo build` in a sandbox.

use crate::options::Options;
use crate::publish::PLACE_FOR_STAMP;
use crate::release::engine::{Engine, VENDOR};
use crate::release::tools::Tools;
use crate::release::tree::TIME_S;
use refit_sandbox::{Command, Level, Limits, Order, Target, User, View, system};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where a tree, a toolchain and a target are seen, whoever builds where.
const SOURCE: &str = "/build/source";
const TOOLCHAIN: &str = "/build/toolchain";
const TARGET: &str = "/build/target";

/// Where a folder has settings for cargo; it takes the first of them.
const SETTINGS: [&str; 2] = [".cargo/config", ".cargo/config.toml"];

/// What is the same for all builds of one release.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    pub(crate) level: Level,
    pub(crate) tools: &'a Tools,
    pub(crate) engine: &'a Engine,
    pub(crate) limits: Limits,
    pub(crate) user: User,
    pub(crate) jobs: Option<u32>,
}

/// Folders of the machine for one build.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folders<'a> {
    pub(crate) source: &'a Path,
    pub(crate) target: &'a Path,
    pub(crate) seed: Option<&'a Path>,
}

impl Room<'_> {
    /// The order; `outputs` are paths from the target.
    pub(crate) fn order(&self, folders: Folders<'_>, outputs: &[&str]) -> Order {
        let (mut views, links) = system();
        let source = view(folders.source, SOURCE);
        let toolchain = view(&self.tools.folder, TOOLCHAIN);
        let target = Target {
            host: folders.target.to_owned(),
            inside: TARGET.into(),
        };
        let command = Command {
            program: toolchain.seen(self.level).join("bin/cargo"),
            arguments: self.arguments(folders.source, source.seen(self.level)),
            variables: self.variables(toolchain.seen(self.level), target.seen(self.level)),
            // Its settings, and those of folders above: there are none.
            folder: "/".into(),
        };
        views.extend([source, toolchain]);
        Order {
            command,
            views,
            links,
            target,
            seed: folders.seed.map(Path::to_owned),
            outputs: outputs.iter().map(PathBuf::from).collect(),
            limits: self.limits,
            user: self.user,
        }
    }

    /// The manifest as cargo sees it in a tree that lies in `source`.
    pub(crate) fn manifest(&self, source: &Path) -> PathBuf {
        let seen = view(source, SOURCE).seen(self.level).to_owned();
        seen.join(&self.engine.folder).join("Cargo.toml")
    }

    /// The target as cargo sees it.
    pub(crate) fn target<'t>(&self, host: &'t Path) -> &'t Path {
        match self.level {
            Level::L3 => Path::new(TARGET),
            _ => host,
        }
    }

    fn arguments(&self, host: &Path, source: &Path) -> Vec<String> {
        let mut arguments: Vec<String> = ["build", "--lib", "--offline", "--locked"]
            .map(str::to_owned)
            .into();
        arguments.extend(["--message-format", "json-render-diagnostics"].map(str::to_owned));
        arguments.extend(options().arguments());
        let text = |path: PathBuf| path.display().to_string();
        let own = source.join(&self.engine.folder).join("Cargo.toml");
        arguments.extend(["--manifest-path".to_owned(), text(own)]);
        for file in self.settings(host) {
            arguments.extend(["--config".to_owned(), text(source.join(file))]);
        }
        if self.engine.is_vendored {
            let vendor = source.join(VENDOR);
            let name = "refit-vendored";
            for setting in [
                format!("source.crates-io.replace-with={name:?}"),
                format!("source.{name}.directory={:?}", vendor.display().to_string()),
            ] {
                arguments.extend(["--config".to_owned(), setting]);
            }
        }
        arguments
    }

    /// The files of cargo's settings in the tree that are for the engine, from the tree's top: the nearest one last, which has the last
    /// word.
    fn settings(&self, host: &Path) -> Vec<PathBuf> {
        let folders = self.engine.folder.ancestors();
        let files = folders.filter_map(|folder| {
            let names = SETTINGS.iter().map(|name| folder.join(name));
            names.into_iter().find(|file| host.join(file).is_file())
        });
        let mut files: Vec<_> = files.collect();
        files.reverse();
        files
    }

    /// All variables of a build.
    fn variables(&self, toolchain: &Path, target: &Path) -> BTreeMap<String, String> {
        let text = |path: PathBuf| path.display().to_string();
        let bin = toolchain.join("bin");
        let mut variables: BTreeMap<String, String> = fixed().into_iter().collect();
        let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
        set("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        set("RUSTC", text(bin.join("rustc")));
        set("CARGO_HOME", text(target.join("cargo-home")));
        set("CARGO_TARGET_DIR", text(target.to_owned()));
        set("CARGO_BUILD_BUILD_DIR", text(target.to_owned()));
        // The target is the one place that may be written to.
        set("TMPDIR", text(target.to_owned()));
        set("HOME", text(target.join("home")));
        if let Some(jobs) = self.jobs {
            set("CARGO_BUILD_JOBS", jobs.to_string());
        }
        variables
    }
}

/// How a release is compiled.
pub(crate) fn options() -> Options {
    Options::default()
}

/// The variables that change what is compiled, the same for all.
pub(crate) fn fixed() -> Vec<(String, String)> {
    let mut fixed: Vec<_> = [
        ("CARGO_INCREMENTAL", "0".to_owned()),
        ("CARGO_TERM_COLOR", "never".to_owned()),
        ("LC_ALL", "C".to_owned()),
        ("TZ", "UTC".to_owned()),
        ("SOURCE_DATE_EPOCH", TIME_S.to_string()),
        ("REFIT_BUILD_ID", PLACE_FOR_STAMP.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let of_profile = options().variables().into_iter();
    fixed.extend(of_profile.map(|(name, value)| (name, value.to_owned())));
    fixed
}

fn view(host: &Path, inside: &str) -> View {
    View {
        host: host.to_owned(),
        inside: inside.into(),
    }
}
