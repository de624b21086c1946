//! The versions that the demo swaps to, as releases: packed with their source and without a library, signed by two of three release
//! keys, verified, and built from that source by the node, before anything is upgraded.
//!
//! Keys, keyset and releases are made by this program's own commands, in the demo's folder. Where the crates that the engines need
//! are not on this machine and do not come, there are no releases: the versions come in as libraries then.

use super::process::own_command;
use super::sources::Versions;
use super::{DemoError, upgrade};
use crate::client::Client;
use crate::commands::upgrade_release;
use crate::failure::Failure;
use crate::release::Named;
use crate::show;
use crate::source::lay_tree;
use refit_abi::host::Explain;
use refit_admin::api::UpgradeReport;
use std::fs;
use std::path::{Path, PathBuf};

/// The network that they are for.
const NETWORK: &str = "demo";

/// Root keys, and release keys. Two of each have to sign.
const ROOT: [&str; 3] = ["root-1", "root-2", "root-3"];
const RELEASE: [&str; 3] = ["release-1", "release-2", "release-3"];

/// The last block of all that is signed.
const UNTIL: &str = "1000000000";

/// The keyset's file, in the demo's folder.
const KEYSET: &str = "demo.keyset";

/// The node's configuration, which names it.
const CONFIGURATION: &str = "refit.toml";

/// What one upgrade brings: kinds with their sources and their libraries.
struct Coming<'a> {
    name: &'static str,
    engines: Vec<(&'static str, &'a Path, &'a Path)>,
}

/// Releases in their files, in the order of the upgrades.
#[derive(Debug)]
pub(super) struct Released {
    files: Vec<PathBuf>,
}

/// How the demo's upgrades come in.
#[derive(Debug)]
pub(super) struct Upgrading<'a> {
    client: &'a Client,
    /// The ids of the releases; absent where libraries come.
    ids: Option<Vec<String>>,
}

impl Released {
    /// Makes them in `folder`; none if what they are built from cannot be brought together here.
    pub(super) fn make(folder: &Path, versions: &Versions) -> Result<Option<Self>, Failure> {
        let coming = coming(versions);
        for (number, coming) in (1..).zip(&coming) {
            if let Err(failure) = coming.lay(&folder.join(tree(number))) {
                let code = failure.code().to_owned();
                show::talk(format_args!(
                    "releases: none, the versions come as libraries: their crates\n\
                     cannot be brought together here ({code})"
                ));
                return Ok(None);
            }
        }
        keys(folder)?;
        let numbered = (1..).zip(&coming);
        let files = numbered.map(|(number, coming)| pack(folder, number, coming));
        let files = files.collect::<Result<Vec<_>, Failure>>()?;
        verify(folder, &files)?;
        let text = format!("[node]\nkeyset = \"{KEYSET}\"\n");
        fs::write(folder.join(CONFIGURATION), text).map_err(Failure::start)?;
        show::talk(format_args!(
            "releases: {}, packed with their source, signed by 2 of 3 keys, verified",
            files.len()
        ));
        Ok(Some(Self { files }))
    }
}

/// What the upgrades bring, in their order.
fn coming(versions: &Versions) -> [Coming<'_>; 4] {
    let sources = &versions.sources;
    let kv = |name, source, library| Coming {
        name,
        engines: vec![("kv", source, library)],
    };
    let (v3, accounts) = (&*sources.v3, &*sources.accounts_v2);
    let both = vec![
        ("kv", v3, &*versions.v3),
        ("accounts", accounts, &*versions.accounts_v2),
    ];
    let (refuses, fails) = (&*sources.v3_refuses, &*sources.v4_fails);
    let longer = &*sources.v3_longer;
    [
        kv("kv 3, whose index refuses", refuses, &*versions.v3_refuses),
        Coming {
            name: "kv 3 and accounts 2",
            engines: both,
        },
        kv("kv 4, whose migration fails", fails, &*versions.v4_fails),
        kv("kv 3 with longer ranges", longer, &*versions.v3_longer),
    ]
}

impl Coming<'_> {
    /// Brings together what it is built from.
    fn lay(&self, tree: &Path) -> Result<(), Failure> {
        let sources = self.engines.iter();
        let sources: Vec<_> = sources.map(|(_, source, _)| source.to_path_buf()).collect();
        lay_tree(&sources, tree).map(drop)
    }
}

impl<'a> Upgrading<'a> {
    /// Has the node take the releases in, and build them.
    pub(super) async fn begin(
        client: &'a Client,
        released: Option<&Released>,
    ) -> Result<Self, Failure> {
        let Some(released) = released else {
            return Ok(Self { client, ids: None });
        };
        let mut ids = Vec::new();
        for file in &released.files {
            let named = Named::File(file.clone());
            ids.push(upgrade_release::offered(client, &named).await?.release.id);
        }
        let ids = Some(ids);
        Ok(Self { client, ids })
    }

    /// The upgrade of this place, from 0, as its release or else of these libraries.
    pub(super) async fn apply(
        &self,
        place: usize,
        libraries: upgrade::Libraries<'_>,
    ) -> Result<UpgradeReport, Failure> {
        match self.ids.as_ref().and_then(|ids| ids.get(place)) {
            Some(id) => upgrade::apply_release(self.client, id).await,
            None => upgrade::apply(self.client, libraries).await,
        }
    }
}

/// The folder of a release's tree.
fn tree(number: u32) -> String {
    format!("source-{number}")
}

/// Makes the keys and the keyset.
fn keys(folder: &Path) -> Result<(), Failure> {
    for name in ROOT.iter().chain(&RELEASE) {
        own(folder, &["key", "generate", "--out", &secret(name)])?;
    }
    let (root, release) = (ROOT.map(secret), RELEASE.map(secret));
    let mut create = vec!["keyset", "create", "--network", NETWORK, "--out", KEYSET];
    create.extend(["--expires", UNTIL]);
    create.extend(["--root-threshold", "2", "--release-threshold", "2"]);
    create.extend(root.iter().flat_map(|key| ["--root", key]));
    create.extend(release.iter().flat_map(|key| ["--release", key]));
    own(folder, &create)?;
    let [first, _, third] = &root;
    own(
        folder,
        &["keyset", "sign", KEYSET, "--key", first, "--key", third],
    )
}

fn secret(name: &str) -> String {
    format!("{name}.key")
}

/// Packs a release and has two keys sign it.
fn pack(folder: &Path, number: u32, coming: &Coming<'_>) -> Result<PathBuf, Failure> {
    let engines = coming.engines.iter();
    let engines: Vec<_> = engines
        .map(|(kind, _, library)| format!("{kind}={}", library.display()))
        .collect();
    let (file, sequence) = (format!("release-{number}.refit"), number.to_string());
    let tree = tree(number);
    let mut pack = vec!["release", "pack", "--network", NETWORK, "--epoch", "1"];
    pack.extend(["--sequence", &sequence, "--until", UNTIL]);
    pack.extend(["--name", coming.name, "--source", &tree]);
    pack.extend(["--source-only", "--out", &file]);
    pack.extend(engines.iter().flat_map(|engine| ["--engine", engine]));
    own(folder, &pack)?;
    let [first, second, _] = RELEASE.map(secret);
    own(
        folder,
        &["release", "sign", &file, "--key", &first, "--key", &second],
    )?;
    Ok(folder.join(file))
}

/// Has the keyset say of each that it is signed and whole.
fn verify(folder: &Path, files: &[PathBuf]) -> Result<(), Failure> {
    let names: Vec<_> = files.iter().map(|it| it.display().to_string()).collect();
    let mut verify = vec!["release", "verify", "--keyset", KEYSET];
    verify.extend(names.iter().map(String::as_str));
    own(folder, &verify)
}

/// Runs one of this program's commands in the folder.
fn own(folder: &Path, words: &[&str]) -> Result<(), Failure> {
    let mut command = own_command().map_err(Failure::start)?;
    let output = command.args(words).current_dir(folder).output();
    let output = output.map_err(Failure::start)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Box::new(DemoError::Release {
            command: words[..2.min(words.len())].join(" "),
            said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
        .into()),
    }
}
