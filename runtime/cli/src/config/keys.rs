//! Every key of the configuration file, for the sample that `refit init` writes, for the page
//! `runtime/CONFIGURATION.md` and for `refit config check`. Tests hold the list and the parser together.

/// One key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// Its section: `node`, `admin`, `engine` or `grants`.
    pub(crate) section: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// The form of its value, with the unit.
    pub(crate) form: &'static str,
    /// The value if it is left out.
    pub(crate) default: &'static str,
    /// A value as TOML: the default, where that is one.
    pub(crate) example: &'static str,
    /// The argument of `refit run` that goes over it, by its id in the parser; empty if none does.
    pub(crate) flag_id: &'static str,
    /// That argument as it is typed, and its variable.
    pub(crate) flag: &'static str,
    /// Its effect, in whole sentences.
    pub(crate) about: &'static str,
}

impl Key {
    /// Whether the file has at most one of it, and not one for each engine or kind.
    pub(crate) fn is_single(&self) -> bool {
        matches!(self.section, "node" | "admin")
    }
}

/// All keys, in the order in which they are explained.
pub(crate) const KEYS: &[Key] = &[
    Key {
        section: "node",
        name: "data_dir",
        form: "a folder",
        default: "refit-data",
        example: "\"refit-data\"",
        flag_id: "data_dir",
        flag: "--data-dir, REFIT_DATA_DIR",
        about: "Folder of the node's data and of its socket.",
    },
    Key {
        section: "node",
        name: "store",
        form: "`redb` or `memory`",
        default: "redb",
        example: "\"redb\"",
        flag_id: "store",
        flag: "--store, REFIT_STORE",
        about: "Where blocks and states are kept: in the data folder, so that the next start goes on where the \
                node ended, or in memory, where they end with the node.",
    },
    Key {
        section: "node",
        name: "sandbox",
        form: "`on`, `off` or `require`",
        default: "on",
        example: "\"on\"",
        flag_id: "sandbox",
        flag: "--sandbox, REFIT_SANDBOX",
        about: "Whether the node confines itself before the first code of an engine comes in: as far as the system can, not at \
                all, or in full and else it does not start. Inside, engines reach the data folder and little else.",
    },
    Key {
        section: "node",
        name: "block_interval",
        form: "a time, in whole milliseconds, up to 1min",
        default: "2ms",
        example: "\"2ms\"",
        flag_id: "block_interval",
        flag: "--block-interval, REFIT_BLOCK_INTERVAL",
        about: "Time in which a block fills while many messages come. Few messages get their blocks at once.",
    },
    Key {
        section: "node",
        name: "workers",
        form: "a number of threads, up to 64",
        default: "one for each processor",
        example: "2",
        flag_id: "workers",
        flag: "--workers, REFIT_WORKERS",
        about: "Threads that run engines.",
    },
    Key {
        section: "node",
        name: "messages_per_block",
        form: "a number of messages",
        default: "8192",
        example: "8192",
        flag_id: "messages_per_block",
        flag: "--messages-per-block, REFIT_MESSAGES_PER_BLOCK",
        about: "Messages that one block takes in at most.",
    },
    Key {
        section: "node",
        name: "rehearsal",
        form: "true or false",
        default: "true",
        example: "true",
        flag_id: "no_rehearsal",
        flag: "--no-rehearsal, REFIT_NO_REHEARSAL",
        about: "Whether upgrades run in a child process, on a copy of the state, before they happen.",
    },
    Key {
        section: "node",
        name: "rehearsal_wait",
        form: "a time, from 100ms to 5min",
        default: "20s",
        example: "\"20s\"",
        flag_id: "rehearsal_wait",
        flag: "--rehearsal-wait, REFIT_REHEARSAL_WAIT",
        about: "Longest time for a rehearsal. One that takes longer is ended, and its upgrade refused.",
    },
    Key {
        section: "node",
        name: "rehearsal_memory",
        form: "a size",
        default: "4GiB",
        example: "\"4GiB\"",
        flag_id: "rehearsal_memory",
        flag: "--rehearsal-memory, REFIT_REHEARSAL_MEMORY",
        about: "Memory that a rehearsal may use: old and new states, and the code.",
    },
    Key {
        section: "node",
        name: "max_pause",
        form: "a time",
        default: "none",
        example: "\"5ms\"",
        flag_id: "max_pause",
        flag: "--max-pause, REFIT_MAX_PAUSE",
        about: "Refuses an upgrade whose rehearsal took a longer pause. It needs rehearsals.",
    },
    Key {
        section: "node",
        name: "pause_limit",
        form: "a time, from 100ms on",
        default: "30s",
        example: "\"30s\"",
        flag_id: "pause_limit",
        flag: "--pause-limit, REFIT_PAUSE_LIMIT",
        about: "Counts a pause that lasts longer as one that does not end: the code is quarantined, and the \
                node restarts. An upgrade that waits as long for what the one before has left to settle is let go.",
    },
    Key {
        section: "node",
        name: "max_downtime",
        form: "a time",
        default: "none",
        example: "\"5s\"",
        flag_id: "max_downtime",
        flag: "--max-downtime, REFIT_MAX_DOWNTIME",
        about: "How long the node may not serve for an upgrade that it cannot do while it serves, by its rehearsal: \
                `refit upgrade plan` then plans it with the strategy `offline` by itself. `0s`: such an upgrade is refused, \
                also if it is ordered. Not set: it is done if it is ordered with `--strategy offline`, and only then.",
    },
    Key {
        section: "node",
        name: "keyset",
        form: "a file",
        default: "none: the node goes by the keyset that was installed, or takes no releases",
        example: "\"acme.keyset\"",
        flag_id: "",
        flag: "none",
        about: "The keyset whose release keys make a release for this node. A node that has come from it to a later one goes \
                by that; one whose keyset does not follow from it does not start (`keyset-unrelated`). `refit snapshot \
                restore` takes over the keyset of a snapshot to which it leads. Libraries that an operator names come in \
                without one.",
    },
    Key {
        section: "node",
        name: "builders",
        form: "a list of up to 16 keys",
        default: "nobody is asked",
        example: "[]",
        flag_id: "",
        flag: "none",
        about: "Keys of builders who attest what comes of a release's source (`refit release attest`). With builders, a library of \
                a release is used only if enough of them have attested it.",
    },
    Key {
        section: "node",
        name: "attestations",
        form: "a number of builders",
        default: "all of them",
        example: "2",
        flag_id: "",
        flag: "none",
        about: "How many of the builders have to have attested a library.",
    },
    Key {
        section: "node",
        name: "min_build_level",
        form: "`L3`, `L2`, `L1` or `L0`",
        default: "L2",
        example: "\"L2\"",
        flag_id: "",
        flag: "none",
        about: "The least that has to stand between this machine and the build of a release that came as source: a room of its own \
                (L3), no files and no network but the source's (L2), limits (L1), a watch (L0). Where the system allows less, the \
                release is not built.",
    },
    Key {
        section: "node",
        name: "new_capabilities",
        form: "`true` or `false`",
        default: "true",
        example: "true",
        flag_id: "",
        flag: "none",
        about: "Whether an upgrade may bring code that may do more to engines of other kinds than the live code. If not, it is \
                refused, unless its plan says `--allow capability-new`.",
    },
    Key {
        section: "node",
        name: "probation_blocks",
        form: "a number of blocks, at most 100000",
        default: "32",
        example: "32",
        flag_id: "probation_blocks",
        flag: "--probation-blocks, REFIT_PROBATION_BLOCKS",
        about: "For so many blocks after an upgrade `refit upgrade rollback` takes it back, and another plan is refused; \
                0: not at all. An idle node makes one a second meanwhile. With `--store memory` there is no way back.",
    },
    Key {
        section: "node",
        name: "probation_panic",
        form: "`poison`, `rollback` or `halt`",
        default: "poison",
        example: "\"poison\"",
        flag_id: "probation_panic",
        flag: "--probation-panic, REFIT_PROBATION_PANIC",
        about: "What a panic of an engine's does in these blocks: the engine is poisoned, and you decide; or the node is \
                rolled back, unless the code of before panics there too, so that no client can roll it back; or the node \
                executes no more blocks until you decide.",
    },
    Key {
        section: "node",
        name: "probation_replies",
        form: "`leave` or `hold`",
        default: "leave",
        example: "\"leave\"",
        flag_id: "probation_replies",
        flag: "--probation-replies, REFIT_PROBATION_REPLIES",
        about: "When the replies of these blocks leave: as ever, or, with `hold`, once they can no longer be taken back. Then \
                nothing that a client was told is ever revised, `probation_panic` is `rollback` unless it is set, queries \
                carry `Refit-Unconfirmed: true`, and `probation_blocks` is at most 15: an idle node makes one block a second, and a client waits 30 s.",
    },
    Key {
        section: "node",
        name: "call_limit",
        form: "a time, from 100ms on",
        default: "5s",
        example: "\"5s\"",
        flag_id: "call_limit",
        flag: "--call-limit, REFIT_CALL_LIMIT",
        about: "Says so when a call into an engine (a batch of messages, a query, an init) lasts longer: in \
                the log, in status, in readyz; in livez after 12 times as long.",
    },
    Key {
        section: "node",
        name: "stop_limit",
        form: "a time, from 100ms on",
        default: "25s",
        example: "\"25s\"",
        flag_id: "stop_limit",
        flag: "--stop-limit, REFIT_STOP_LIMIT",
        about: "Ends the node at once, with exit code 60, this long after it was told to end.",
    },
    Key {
        section: "admin",
        name: "socket",
        form: "a path",
        default: "admin.sock in the data folder",
        example: "\"refit-data/admin.sock\"",
        flag_id: "socket",
        flag: "--socket, REFIT_SOCKET",
        about: "The unix socket on which the node always listens. Its mode is 0600, or 0660 for a group.",
    },
    Key {
        section: "admin",
        name: "socket_group",
        form: "a group of /etc/group, or its number, in quotes",
        default: "none",
        example: "\"operators\"",
        flag_id: "socket_group",
        flag: "--socket-group, REFIT_SOCKET_GROUP",
        about: "Opens the socket to the members of this group too. Its folder has to let them in as well, which \
                a data folder does not: name another place with `socket`.",
    },
    Key {
        section: "admin",
        name: "tcp",
        form: "an address and a port, or localhost:PORT",
        default: "none",
        example: "\"127.0.0.1:7070\"",
        flag_id: "tcp",
        flag: "--tcp, REFIT_TCP",
        about: "Listens on TCP too. It needs a token.",
    },
    Key {
        section: "admin",
        name: "tcp_beyond_loopback",
        form: "true or false",
        default: "false",
        example: "false",
        flag_id: "tcp_beyond_loopback",
        flag: "--tcp-beyond-loopback, REFIT_TCP_BEYOND_LOOPBACK",
        about: "Lets `tcp` be an address that other machines reach. Nothing on it is encrypted, not even the token.",
    },
    Key {
        section: "admin",
        name: "token_file",
        form: "a path, of mode 0600",
        default: "none",
        example: "\"token\"",
        flag_id: "token_file",
        flag: "--token-file, REFIT_TOKEN_FILE; the token itself may be in REFIT_TOKEN",
        about: "File that holds the token of the TCP listener.",
    },
    Key {
        section: "admin",
        name: "probe_listen",
        form: "an address and a port, or localhost:PORT",
        default: "none",
        example: "\"127.0.0.1:7071\"",
        flag_id: "probe_listen",
        flag: "--probe-listen, REFIT_PROBE_LISTEN",
        about: "Listens here for /livez, /readyz and /metrics alone, without a token.",
    },
    Key {
        section: "admin",
        name: "allow_hosts",
        form: "a list of HOST or HOST:PORT",
        default: "[]",
        example: "[]",
        flag_id: "allow_hosts",
        flag: "--allow-host, REFIT_ALLOW_HOSTS",
        about: "Names under which clients and probes may ask over TCP, beside the address.",
    },
    Key {
        section: "engine",
        name: "name",
        form: "a name",
        default: "required",
        example: "\"kv\"",
        flag_id: "",
        flag: "--engine NAME=PATH, REFIT_ENGINES, in place of all of the file's",
        about: "Name of the root engine: under it clients reach it.",
    },
    Key {
        section: "engine",
        name: "path",
        form: "a path",
        default: "required",
        example: "\"engines/kv\"",
        flag_id: "",
        flag: "--engine NAME=PATH, REFIT_ENGINES, in place of all of the file's",
        about: "Its library, or the folder of its source, which is built first.",
    },
    Key {
        section: "engine",
        name: "kind",
        form: "an engine kind",
        default: "the library's only kind, or the one called like the engine",
        example: "\"kv\"",
        flag_id: "",
        flag: "none",
        about: "Its kind, where the library has several.",
    },
    Key {
        section: "engine",
        name: "config",
        form: "a table",
        default: "{}",
        example: "{}",
        flag_id: "",
        flag: "--engine-config NAME=JSON, for engines of --engine",
        about: "The engine's configuration. A field that its type does not know is refused.",
    },
    Key {
        section: "grants",
        name: "message",
        form: "a list of kinds",
        default: "what the kind declares",
        example: "[\"index\"]",
        flag_id: "",
        flag: "none; `refit parameters set --grant` changes it while the node runs",
        about: "Kinds whose engines it may send messages to.",
    },
    Key {
        section: "grants",
        name: "spawn",
        form: "a list of kinds",
        default: "what the kind declares",
        example: "[\"index\"]",
        flag_id: "",
        flag: "none; `refit parameters set --grant` changes it while the node runs",
        about: "Kinds whose engines it may start.",
    },
    Key {
        section: "grants",
        name: "read",
        form: "a list of kinds",
        default: "what the kind declares",
        example: "[\"index\"]",
        flag_id: "",
        flag: "none; `refit parameters set --grant` changes it while the node runs",
        about: "Kinds whose engines it may ask over the upgrade bus.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command, RunArgs};
    use crate::artifact::probe_command;
    use crate::config::File;
    use clap::{CommandFactory, Parser};
    use refit_node::{NodeConfig, STOP_LIMIT};

    /// The keys that the parser takes in a section, from its own error for a key that it does not know.
    fn parsed(header: &str) -> Vec<String> {
        let error = toml::from_str::<File>(&format!("{header}\nno-key = 1")).unwrap_err();
        let (_, known) = error.message().split_once("expected ").unwrap();
        let known = known.split('`').skip(1).step_by(2);
        known.map(str::to_owned).collect()
    }

    #[test]
    fn every_key_that_the_parser_knows_is_explained_and_no_other() {
        for (section, header) in [
            ("node", "[node]"),
            ("admin", "[admin]"),
            ("engine", "[[engine]]"),
            ("grants", "[grants.kv]"),
        ] {
            let of_section = KEYS.iter().filter(|key| key.section == section);
            let mut explained: Vec<_> = of_section.map(|key| key.name.to_owned()).collect();
            let mut known = parsed(header);
            explained.sort();
            known.sort();
            assert_eq!(explained, known, "{section}");
        }
        assert_eq!(parsed(""), ["node", "admin", "engine", "grants"]);
    }

    #[test]
    fn every_flag_and_variable_is_one_of_run() {
        let mut cli = Cli::command();
        cli.build();
        let run = cli.find_subcommand("run").unwrap();
        for key in KEYS.iter().filter(|key| !key.flag_id.is_empty()) {
            let found = run.get_arguments().find(|arg| arg.get_id() == key.flag_id);
            let arg = found.unwrap_or_else(|| panic!("no argument for {}", key.name));
            let flag = format!("--{}", arg.get_long().unwrap());
            let variable = arg.get_env().unwrap().to_string_lossy();
            assert!(
                key.flag.starts_with(&format!("{flag}, {variable}")),
                "{}: {flag}, {variable}",
                key.name
            );
        }
    }

    /// `refit run` with nothing said.
    fn run() -> RunArgs {
        match Cli::try_parse_from(["refit", "run"]).unwrap().command {
            Command::Run(args) => args,
            _ => panic!("another command"),
        }
    }

    #[test]
    fn the_defaults_that_are_named_are_those_of_a_node() {
        let of_section =
            |key: &&Key| key.is_single() && !["max_pause", "workers"].contains(&key.name);
        let lines = |section: &str| {
            let keys = KEYS.iter().filter(of_section);
            let keys = keys.filter(|key| key.section == section && key.default != "none");
            let lines = keys.map(|key| format!("{} = {}\n", key.name, key.example));
            lines.collect::<String>()
        };
        let text = format!("[node]\n{}[admin]\n{}", lines("node"), lines("admin"));
        let file: File = toml::from_str(&text).unwrap();
        let node = NodeConfig::new(Vec::new(), probe_command());
        let ms = |time: std::time::Duration| time.as_millis();
        assert_eq!(
            file.node.block_interval.map(ms),
            Some(u128::from(node.block_interval_ms))
        );
        assert_eq!(
            file.node.messages_per_block.map(|n| n.get() as usize),
            Some(node.messages_per_block)
        );
        assert_eq!(file.node.pause_limit, Some(node.pause_limit));
        assert_eq!(file.node.probation_blocks, Some(node.probation_blocks));
        assert_eq!(file.node.call_limit, Some(node.call_limit));
        assert_eq!(file.node.stop_limit, Some(STOP_LIMIT));
        assert_eq!(
            file.node.rehearsal_memory,
            Some(refit_node::rehearsal::REHEARSAL_MEMORY_BYTES)
        );
        assert_eq!(
            file.node.rehearsal_wait,
            Some(refit_node::rehearsal::REHEARSAL_WAIT)
        );
        assert_eq!(file.node.rehearsal, Some(!run().policy.no_rehearsal));
        for key in KEYS.iter().filter(of_section) {
            let said = key.example.trim_matches('"');
            let is_its_own = !key.default.contains(' ') && key.default != "none";
            assert!(!is_its_own || said == key.default, "{}", key.name);
        }
    }
}
