//! The shape of `refit.toml`.

use super::json_text::JsonText;
use super::written::{Written, written};
use crate::args::{
    PanicChoice, RepliesChoice, SandboxChoice, StoreKind, block_interval, call_limit, downtime,
    listen_addr, pause_limit, rehearsal_wait, stop_limit,
};
use crate::units::{bytes, time};
use refit_abi::descriptor::{Ability, CapabilityDescriptor};
use refit_admin::HostName;
use refit_node::Grants;
use refit_sandbox::Level;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// All of the file. What is left out is `None` or empty.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) node: NodeSection,
    pub(crate) admin: AdminSection,
    #[serde(rename = "engine")]
    pub(crate) engines: Vec<EngineSection>,
    /// `[grants.KIND]`: all that engines of the kind may do to those of others. Kinds without a section
    /// are granted what they declare.
    pub(crate) grants: BTreeMap<String, GrantSection>,
}

/// `[grants.KIND]`: names of kinds.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GrantSection {
    /// Kinds whose engines it may send messages to.
    pub(crate) message: Vec<String>,
    /// Kinds whose engines it may start.
    pub(crate) spawn: Vec<String>,
    /// Kinds whose engines it may ask over the upgrade bus.
    pub(crate) read: Vec<String>,
}

/// `[node]`
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NodeSection {
    /// Folder of the node's data.
    pub(crate) data_dir: Option<PathBuf>,
    /// Where blocks and states are kept.
    pub(crate) store: Option<StoreKind>,
    /// Whether the node confines itself.
    pub(crate) sandbox: Option<SandboxChoice>,
    /// Time in which a block fills while many messages come.
    #[serde(deserialize_with = "block_interval_of")]
    pub(crate) block_interval: Option<Duration>,
    /// Threads that run engines.
    pub(crate) workers: Option<NonZeroU16>,
    /// Messages that one block takes at most.
    pub(crate) messages_per_block: Option<NonZeroU32>,
    /// Whether upgrades are rehearsed; they are unless this is `false`.
    pub(crate) rehearsal: Option<bool>,
    /// Longest time for a rehearsal.
    #[serde(deserialize_with = "rehearsal_wait_of")]
    pub(crate) rehearsal_wait: Option<Duration>,
    /// Memory that a rehearsal may use, in bytes.
    #[serde(deserialize_with = "rehearsal_memory_of")]
    pub(crate) rehearsal_memory: Option<u64>,
    /// Longest pause that a rehearsal may predict.
    #[serde(deserialize_with = "max_pause_of")]
    pub(crate) max_pause: Option<Duration>,
    /// How long a pause may last before it counts as stuck.
    #[serde(deserialize_with = "pause_limit_of")]
    pub(crate) pause_limit: Option<Duration>,
    /// How long the node may not serve for an upgrade that it cannot do while it serves.
    #[serde(deserialize_with = "max_downtime_of")]
    pub(crate) max_downtime: Option<Duration>,
    /// The keyset that the node begins with.
    pub(crate) keyset: Option<PathBuf>,
    /// Keys of those who attest what comes of a source.
    pub(crate) builders: Vec<String>,
    /// How many of them have to.
    pub(crate) attestations: Option<u8>,
    /// The least that has to stand between the build of a release's source and the machine.
    pub(crate) min_build_level: Option<Level>,
    /// Whether code may newly do more than the live code; it may unless this is `false`.
    pub(crate) new_capabilities: Option<bool>,
    /// For how many blocks after an upgrade the node can be rolled back.
    pub(crate) probation_blocks: Option<u64>,
    /// What a panic does meanwhile.
    pub(crate) probation_panic: Option<PanicChoice>,
    /// When their replies leave.
    pub(crate) probation_replies: Option<RepliesChoice>,
    /// How long a call into an engine may last before it counts as stuck.
    #[serde(deserialize_with = "call_limit_of")]
    pub(crate) call_limit: Option<Duration>,
    /// How long the node may take to end.
    #[serde(deserialize_with = "stop_limit_of")]
    pub(crate) stop_limit: Option<Duration>,
}

/// `[admin]`
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AdminSection {
    /// Path of the unix socket.
    pub(crate) socket: Option<PathBuf>,
    /// The group whose members may use it too.
    pub(crate) socket_group: Option<String>,
    /// TCP address to listen on too.
    #[serde(deserialize_with = "addr")]
    pub(crate) tcp: Option<SocketAddr>,
    /// Whether that may be an address that other machines reach.
    pub(crate) tcp_beyond_loopback: bool,
    /// TCP address to listen on for probes.
    #[serde(deserialize_with = "addr")]
    pub(crate) probe_listen: Option<SocketAddr>,
    /// Names under which clients and probes may ask over TCP, beside the address.
    pub(crate) allow_hosts: Vec<HostName>,
    /// File that holds the token of the TCP listener.
    pub(crate) token_file: Option<PathBuf>,
}

/// `[[engine]]`
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EngineSection {
    /// Name of the root engine.
    pub(crate) name: String,
    /// Its library, or the folder of its source.
    pub(crate) path: PathBuf,
    /// Its kind, where the library has several.
    pub(crate) kind: Option<String>,
    /// Its configuration.
    pub(crate) config: Option<JsonText>,
}

/// Reads the text of a key as the flag of the same name does; `what` names the form if it is no text.
macro_rules! as_the_flag {
    ($($name:ident: $ty:ty = $read:path, $what:ident;)*) => {$(
        fn $name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<$ty>, D::Error> {
            written(from, Written::$what, $read).map(Some)
        }
    )*};
}

as_the_flag! {
    addr: SocketAddr = listen_addr, Address;
    block_interval_of: Duration = block_interval, Time;
    rehearsal_wait_of: Duration = rehearsal_wait, Time;
    rehearsal_memory_of: u64 = bytes, Size;
    max_pause_of: Duration = time, Time;
    pause_limit_of: Duration = pause_limit, Time;
    max_downtime_of: Duration = downtime, Time;
    call_limit_of: Duration = call_limit, Time;
    stop_limit_of: Duration = stop_limit, Time;
}

impl File {
    /// The node's grants.
    pub(crate) fn grants(&self) -> Grants {
        let listed = self.grants.iter();
        Grants {
            listed: listed
                .map(|(kind, section)| (kind.clone(), section.granted()))
                .collect(),
        }
    }

    /// Takes all relative paths from `folder`.
    pub(super) fn resolve(&mut self, folder: &Path) {
        let single = [
            &mut self.node.data_dir,
            &mut self.node.keyset,
            &mut self.admin.socket,
            &mut self.admin.token_file,
        ];
        let engines = self.engines.iter_mut().map(|engine| &mut engine.path);
        for path in single.into_iter().flatten().chain(engines) {
            *path = folder.join(&*path);
        }
    }
}

impl GrantSection {
    fn granted(&self) -> Vec<CapabilityDescriptor> {
        let lists = [
            (Ability::Message, &self.message),
            (Ability::Spawn, &self.spawn),
            (Ability::Read, &self.read),
        ];
        let granted = lists.into_iter().flat_map(|(ability, kinds)| {
            kinds.iter().map(move |kind| CapabilityDescriptor {
                ability,
                kind: kind.clone(),
            })
        });
        granted.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
        [node]
        data_dir = "data"
        block_interval = "10ms"
        workers = 2
        messages_per_block = 5000
        keyset = "acme.keyset"
        rehearsal = false
        rehearsal_wait = "1s 500ms"
        rehearsal_memory = "512 MiB"
        max_pause = "5ms"
        pause_limit = "10s"
        call_limit = "2s"
        stop_limit = "1min 30s"
        [admin]
        socket = "/run/refit.sock"
        socket_group = "operators"
        tcp = "127.0.0.1:7070"
        tcp_beyond_loopback = true
        probe_listen = "localhost:7071"
        allow_hosts = ["refit.example", "10.0.0.7:7070"]
        token_file = "token"
        [[engine]]
        name = "kv"
        path = "engines/kv"
        config = { capacity = 10, owners = ["ada"] }
        [grants.kv]
        message = ["index"]
        spawn = ["index"]
    "#;

    #[test]
    fn every_key_is_read_and_paths_are_taken_from_the_files_folder() {
        let mut file: File = toml::from_str(WHOLE).unwrap();
        file.resolve(Path::new("/etc/refit"));
        assert_eq!(
            file.node.data_dir.as_deref(),
            Some(Path::new("/etc/refit/data"))
        );
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(file.node.block_interval, ms(10));
        assert_eq!(file.node.workers, NonZeroU16::new(2));
        assert_eq!(file.node.messages_per_block, NonZeroU32::new(5000));
        assert_eq!(
            file.node.keyset.as_deref(),
            Some(Path::new("/etc/refit/acme.keyset"))
        );
        assert_eq!(file.node.rehearsal, Some(false));
        assert_eq!(file.node.rehearsal_wait, ms(1500));
        assert_eq!(file.node.rehearsal_memory, Some(512 << 20));
        assert_eq!(file.node.max_pause, ms(5));
        assert_eq!(file.node.pause_limit, ms(10_000));
        assert_eq!(file.node.call_limit, ms(2_000));
        assert_eq!(file.node.stop_limit, ms(90_000));
        assert_eq!(
            file.admin.socket.as_deref(),
            Some(Path::new("/run/refit.sock"))
        );
        assert_eq!(file.admin.socket_group.as_deref(), Some("operators"));
        assert_eq!(file.admin.tcp, Some("127.0.0.1:7070".parse().unwrap()));
        assert!(file.admin.tcp_beyond_loopback);
        let probes = Some("127.0.0.1:7071".parse().unwrap());
        assert_eq!(file.admin.probe_listen, probes);
        let hosts = file.admin.allow_hosts.iter().map(ToString::to_string);
        assert_eq!(
            hosts.collect::<Vec<_>>(),
            ["refit.example", "10.0.0.7:7070"]
        );
        assert_eq!(
            file.admin.token_file.as_deref(),
            Some(Path::new("/etc/refit/token"))
        );
        assert_eq!(file.engines[0].path, Path::new("/etc/refit/engines/kv"));
        let config = file.engines[0].config.as_ref().unwrap();
        assert_eq!(config.as_str(), r#"{"capacity":10,"owners":["ada"]}"#);
        assert_eq!(file.grants["kv"].spawn, ["index"]);
        assert!(file.grants["kv"].read.is_empty());
    }

    #[test]
    fn the_file_in_the_operators_guide_is_one() {
        let guide = include_str!("../../../README.md");
        let texts = guide.split("```toml\n").skip(1);
        let texts = texts.map(|text| text.split("```").next().unwrap());
        let files: Vec<File> = texts.map(|text| toml::from_str(text).unwrap()).collect();
        assert!(files.iter().any(|file| file.engines.len() == 2));
    }

    #[test]
    fn a_time_that_would_mean_something_else_is_refused_where_it_stands() {
        for text in [
            "[node]\nrehearsal_wait = \"0s\"",
            "[node]\nrehearsal_wait = \"5min 1s\"",
            "[node]\npause_limit = \"99ms\"",
            "[node]\ncall_limit = \"99ms\"",
            "[node]\nstop_limit = \"0s\"",
        ] {
            let error = toml::from_str::<File>(text).unwrap_err();
            assert!(error.message().contains("the least") || error.message().contains("the most"));
            assert!(error.span().is_some(), "{error}");
        }
    }

    #[test]
    fn a_time_or_a_size_without_its_unit_is_told_how_to_write_it() {
        for (text, says) in [
            ("[node]\nmax_pause = 5", "a time with its unit, in quotes"),
            ("[node]\nmax_pause = \"5\"", "give a number and a unit"),
            (
                "[node]\nrehearsal_memory = 512",
                "a size with its unit, in quotes",
            ),
            (
                "[node]\nblock_interval = \"500us\"",
                "whole number of milliseconds",
            ),
        ] {
            let error = toml::from_str::<File>(text).unwrap_err();
            assert!(error.message().contains(says), "{error}");
            assert!(error.span().is_some(), "{error}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_in_every_section() {
        for text in [
            "nod = 1",
            "[node]\nblock_interval_ms = 1",
            "[admin]\nport = 1",
            "[grants.kv]\nwrite = []",
            "[[engine]]\nname = \"kv\"\npath = \"x\"\nsort = \"kv\"",
        ] {
            let error = toml::from_str::<File>(text).unwrap_err();
            assert!(error.message().contains("unknown field"), "{error}");
            assert!(error.span().is_some());
        }
    }
}
