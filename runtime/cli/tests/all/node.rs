//! A real node, from source: `engine build`, `run`, and everything that is asked of it.

use crate::rehearsal::{repository, version_2};
use crate::served::{Folder, Ran, ended};
use refit_admin::api::Status;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The store's source.
pub(crate) const KV: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../engines/kv");

/// Builds the store, in a folder that the next run of the tests finds again.
pub(crate) fn kv(folder: &Folder) -> String {
    build(folder, KV)
}

/// Builds the source at `path`, as above.
pub(crate) fn build(folder: &Folder, path: &str) -> String {
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("built");
    let mut command = folder.command(&["engine", "build", path, "--profile", "dev", "--json"]);
    command
        .env_clear()
        .envs(std::env::vars_os())
        .env("REFIT_CACHE_DIR", crate::served::compiled())
        .env("REFIT_DATA_DIR", data);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let built: Value = serde_json::from_slice(&output.stdout).unwrap();
    built["library"].as_str().unwrap().to_owned()
}

/// The socket of a node's supervisor, in the folder of the test.
const SUPERVISOR: &str = "supervisor.sock";

/// Longest wait for the end of a node, and for what it says to its supervisor.
const END_WAIT: Duration = Duration::from_secs(60);

/// Flags that have a node listen on one more address.
const LISTENERS: [&str; 2] = ["--tcp", "--probe-listen"];

/// `refit run` with the store, ready to be asked.
pub(crate) struct Running {
    child: Child,
    addresses: Vec<String>,
}

impl Running {
    pub(crate) fn start(folder: &Folder, library: &str) -> Self {
        Self::start_with(folder, library, &[])
    }

    pub(crate) fn start_with(folder: &Folder, library: &str, flags: &[&str]) -> Self {
        Self::serve(folder, &format!("kv={library}"), flags)
    }

    /// `refit run` with this engine, `NAME=LIBRARY`.
    pub(crate) fn serve(folder: &Folder, engine: &str, flags: &[&str]) -> Self {
        let run = ["run", "--engine", engine, "--workers", "1"];
        Self::begin(folder, folder.command(&[&run, flags].concat()), flags)
    }

    /// `refit run` with the store, where there is a compiler.
    pub(crate) fn compiling(folder: &Folder, library: &str, flags: &[&str]) -> Self {
        let engine = format!("kv={library}");
        let run = ["run", "--engine", &engine, "--workers", "1"];
        Self::with_compiler(folder, folder.command(&[&run, flags].concat()), flags)
    }

    /// The same in namespaces that `unshare` makes, started by the lines of a shell, which end with `exec` and its words.
    pub(crate) fn within(
        folder: &Folder,
        namespaces: &[&str],
        lines: &str,
        library: &str,
        flags: &[&str],
    ) -> Self {
        let script = format!("PATH=/usr/bin:/bin:/usr/sbin:/sbin; {lines} \"$0\" \"$@\"");
        let engine = format!("kv={library}");
        let program = env!("CARGO_BIN_EXE_refit");
        let mut command = Command::new("/usr/bin/unshare");
        command.args(namespaces).args(["--", "/bin/sh", "-c"]);
        command.args([script.as_str(), program, "run", "--engine", engine.as_str()]);
        command.args(flags).current_dir(folder.path());
        command.env_clear().stdin(Stdio::null());
        Self::with_compiler(folder, command, flags)
    }

    fn with_compiler(folder: &Folder, mut command: Command, flags: &[&str]) -> Self {
        command.envs(std::env::vars_os().filter(|(name, _)| name != "NOTIFY_SOCKET"));
        command.env("REFIT_CACHE_DIR", crate::served::compiled());
        Self::begin(folder, command, flags)
    }

    fn begin(folder: &Folder, mut command: Command, flags: &[&str]) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        // Where a test listens, if it does.
        command.env("NOTIFY_SOCKET", folder.path().join(SUPERVISOR));
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listeners = flags.iter().filter(|flag| LISTENERS.contains(flag));
        let addresses = lines.by_ref().take(1 + listeners.count());
        let addresses = addresses.map(Result::unwrap).collect();
        Self { child, addresses }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the node as the system does that has no memory left.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells the node to stop; its exit code, if it ends in this time.
    pub(crate) fn stopped_within(&mut self, wait: Duration) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let deadline = Instant::now() + wait;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    pub(crate) fn stop(mut self) -> Option<i32> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        ended(&mut self.child, END_WAIT).code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_node_runs_from_source_and_stops_when_told() {
    let folder = Folder::new();
    let library = kv(&folder);
    let inspected = folder.run(&["engine", "inspect", &library, "--json"]);
    let inspected: Value = serde_json::from_str(&inspected.stdout).unwrap();
    assert_eq!(inspected["descriptor"]["kinds"][0]["kind"], "kv");

    let supervisor = UnixDatagram::bind(folder.path().join(SUPERVISOR)).unwrap();
    supervisor.set_read_timeout(Some(END_WAIT)).unwrap();
    let running = Running::start(&folder, &library);
    assert_eq!(word(&supervisor), "READY=1");
    let socket = folder.path().join("refit-data/admin.sock");
    assert_eq!(running.addresses, [format!("unix:{}", socket.display())]);
    let status: Status = serde_json::from_str(&folder.run(&["status", "--json"]).stdout).unwrap();
    assert_eq!(
        (status.generation.0, status.engines[0].id.as_str()),
        (1, "kv")
    );
    let artifact = inspected["artifact"].as_str().unwrap();
    assert_eq!(status.kinds[0].artifact, artifact);
    messages_are_executed_once(&folder);
    what_would_change_nothing_is_refused(&folder, &library);
    a_second_node_is_refused(&folder, &library);

    assert_eq!(running.stop(), Some(0));
    assert_eq!(word(&supervisor), "STOPPING=1");
    assert!(!socket.exists());
    assert_eq!(folder.run(&["status"]).exit, 40);
}

/// What a node says to its supervisor next.
fn word(supervisor: &UnixDatagram) -> String {
    let mut heard = [0; 64];
    let length = supervisor.recv(&mut heard).unwrap();
    String::from_utf8_lossy(&heard[..length]).into_owned()
}

#[test]
fn a_node_listens_for_probes_without_a_token_beside_clients_with_one() {
    let folder = Folder::new();
    folder.write("token", "0123456789abcdef0123456789abcdef");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(folder.path().join("token"), mode).unwrap();
    let flags = ["--token-file", "token", "--tcp", "localhost:0"];
    let probes = [
        "--probe-listen",
        "localhost:0",
        "--allow-host",
        "node.example",
    ];
    let node = Running::start_with(&folder, &kv(&folder), &[flags, probes].concat());
    let [_, clients, probes] = &node.addresses[..] else {
        panic!("{:?}", node.addresses)
    };
    let get = |address: &str, path: &str| {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let ask = format!("GET {path} HTTP/1.1\r\nHost: node.example\r\nConnection: close\r\n\r\n");
        std::io::Write::write_all(&mut stream, ask.as_bytes()).unwrap();
        std::io::read_to_string(stream).unwrap()
    };
    let probes = probes.strip_prefix("probes http://").unwrap();
    for path in ["/livez", "/readyz", "/metrics"] {
        let said = get(probes, path);
        assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    }
    let said = get(probes, "/metrics");
    let live = "refit_generation 1";
    assert!(
        said.lines().any(|line| line == live),
        "before a block: {said}"
    );
    let said = get(probes, "/v1/status");
    assert!(said.starts_with("HTTP/1.1 404 "), "{said}");
    let said = get(clients.strip_prefix("http://").unwrap(), "/livez");
    assert!(said.starts_with("HTTP/1.1 401 "), "{said}");
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn the_same_library_by_a_link_or_as_a_copy_is_one_and_others_of_one_kind_are_refused_by_their_paths()
 {
    let folder = Folder::new();
    let library = fixture(&folder);
    let at = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink(&library, at("link.so")).unwrap();
    std::fs::copy(&library, at("copy.so")).unwrap();
    let flags = ["--engine", "b=link.so", "--engine", "c=copy.so"];
    let node = Running::serve(&folder, &format!("a={library}"), &flags);
    let status: Status = serde_json::from_str(&folder.run(&["status", "--json"]).stdout).unwrap();
    assert_eq!((status.engines.len(), status.kinds.len()), (3, 1));
    assert_eq!(node.stop(), Some(0));

    let other = build(&folder, &version_2("kv-good", |state| state));
    let engine = format!("a={library}");
    std::fs::copy(other, at("other.so")).unwrap();
    let run = ["run", "--store", "memory", "--engine", &engine];
    let ran = folder.run(&[&run[..], &["--engine", "b=other.so"]].concat());
    assert_eq!(ran.exit, 2, "{ran:?}");
    let text = ran.stderr.replace(['\n', ' ', '│'], "");
    for part in ["kind-twice", &library, "other.so"] {
        assert!(text.contains(part), "{part}: {ran:?}");
    }
}

/// Builds the first version of the store that the fixtures have.
pub(crate) fn fixture(folder: &Folder) -> String {
    let source = repository().join("engines/kv/history/v1");
    build(folder, source.to_str().unwrap())
}

fn messages_are_executed_once(folder: &Folder) {
    let put = r#"{"put":{"key":"a","value":"1"}}"#;
    let send = || folder.run(&["send", "kv", put, "--key", "ada/1"]);
    let (first, second) = (send(), send());
    assert_eq!(
        (first.exit, &first.stdout),
        (0, &second.stdout),
        "{first:?}"
    );
    assert!(second.stderr.contains("the recorded reply"), "{second:?}");
    let length = folder.run(&["query", "kv", r#""length""#]);
    assert_eq!(length.stdout, "{\"length\":{\"keys\":1}}\n");
    let bad = folder.run(&["send", "kv", r#"{"put":1}"#]);
    assert!(refused(&bad), "{bad:?}");
}

fn what_would_change_nothing_is_refused(folder: &Folder, library: &str) {
    let plan = folder.run(&["upgrade", "plan", &format!("kv={library}")]);
    assert_eq!(plan.exit, 4, "{plan:?}");
    assert!(plan.stderr.contains("plan-identical-code"), "{plan:?}");
    assert!(!folder.path().join("plan.json").exists());
}

fn a_second_node_is_refused(folder: &Folder, library: &str) {
    let second = folder.run(&["run", "--engine", &format!("kv={library}")]);
    assert_eq!((second.exit, second.stdout.as_str()), (2, ""), "{second:?}");
    let code = "data-folder-in-use";
    assert!(second.stderr.contains(code), "{second:?}");
    // With a folder of its own it is refused the socket.
    let socket = ["--socket", "refit-data/admin.sock", "--data-dir", "other"];
    let run = ["run", "--engine", &format!("kv={library}")];
    let second = folder.run(&[&run[..], &socket].concat());
    assert_eq!((second.exit, second.stdout.as_str()), (2, ""), "{second:?}");
    assert!(second.stderr.contains("run-listen"), "{second:?}");
    assert_eq!(folder.run(&["status"]).exit, 0);
}

fn refused(ran: &Ran) -> bool {
    ran.exit == 3 && ran.stderr.contains("the node refused it") && ran.stderr.contains("help: ")
}
