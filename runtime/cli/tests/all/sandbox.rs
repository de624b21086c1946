//! The node's sandbox: what the code of an engine tries from inside is refused, and would not be without; what a sandbox
//! of the process cannot keep from it is on the page that says so, and still so.

use crate::confined::on_and_off;
use crate::node::{Running, build};
use crate::rehearsal::{repository, version_2};
use crate::served::{Folder, Ran};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::fs::{File, Permissions, read_to_string};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Longest wait for what comes soon.
const SOON: Duration = Duration::from_secs(60);

/// The error of what the filter of system calls refuses, and that of what the rules of files refuse.
const EPERM: i32 = 1;
const EACCES: i32 = 13;
/// That of a call which does not exist for the process.
const ENOSYS: i32 = 38;

/// A node with an engine that tries what it should not.
struct Node<'a> {
    folder: &'a Folder,
    child: Child,
}

impl<'a> Node<'a> {
    fn start(folder: &'a Folder, sandbox: &str) -> Self {
        let path = repository().join("tests/fixtures/intruder");
        let engine = format!("x={}", build(folder, path.to_str().unwrap()));
        let sandbox = format!("--sandbox={sandbox}");
        let mut command = folder.command(&["run", "--engine", &engine, &sandbox]);
        command
            .args(["--tcp", "127.0.0.1:0"])
            .env("REFIT_TOKEN", TOKEN);
        let log = File::create(folder.path().join("log")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let node = Self { folder, child };
        let deadline = Instant::now() + SOON;
        while node
            .folder
            .run(&["query", "x", r#"["hole-existence","/"]"#])
            .exit
            != 0
        {
            assert!(
                Instant::now() < deadline,
                "it does not answer: {}",
                node.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        node
    }

    /// Waits until the log has it: a node may answer before it has said all.
    fn says(&self, text: &str) {
        let deadline = Instant::now() + SOON;
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The error number of an act; 0 where it was done.
    fn tries(&self, act: &str, on: impl AsRef<Path>) -> i32 {
        let query = serde_json::to_string(&(act, on.as_ref())).unwrap();
        let ran = self.folder.run(&["query", "x", &query]);
        assert_eq!(ran.exit, 0, "{act}: {ran:?}");
        ran.stdout.trim().parse().unwrap()
    }

    fn log(&self) -> String {
        read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Its end, after an act by which it ends.
    fn ends_by(mut self, act: &str) -> ExitStatus {
        let query = serde_json::to_string(&(act, "")).unwrap();
        let ran = self.folder.run(&["query", "x", &query]);
        assert_ne!(ran.exit, 0, "{ran:?}");
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The secret that the node is given: a client's token.
const TOKEN: &str = "0123456789-a-token-of-this-test-alone-0123456789";

/// Tells the names of tests apart that run at once.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Things outside of the node's room, all of which the user that runs the node has every right to.
struct Outside {
    folder: tempfile::TempDir,
    tcp: TcpListener,
    /// An address that nobody listens on.
    free: std::net::SocketAddr,
    _named: UnixListener,
    name: String,
    other: Child,
}

impl Outside {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "secret").unwrap();
        for name in ["moved", "linked", "removed", "truncated", "appended"] {
            std::fs::write(folder.path().join(name), "kept").unwrap();
        }
        std::fs::create_dir(folder.path().join("inside")).unwrap();
        let (process, number) = (std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let name = format!("refit-test-{process}-{number}");
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let mut other = std::process::Command::new("/bin/sleep");
        Self {
            folder,
            tcp: TcpListener::bind("127.0.0.1:0").unwrap(),
            free: TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap(),
            _named: UnixListener::bind_addr(&address).unwrap(),
            name,
            other: other.arg("600").spawn().unwrap(),
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Acts that this user may do, and an engine inside may not.
    fn acts(&self, data: &Path) -> Vec<(&'static str, PathBuf)> {
        let (pid, port) = (self.other.id(), self.tcp.local_addr().unwrap());
        let text = |text: String| PathBuf::from(text);
        vec![
            ("read", "/etc/passwd".into()),
            ("read", self.at("key")),
            ("list", self.folder.path().into()),
            ("list", "/etc".into()),
            ("read", text(format!("/proc/{pid}/environ"))),
            ("read", text(format!("/proc/{pid}/cmdline"))),
            ("make", self.at("made")),
            ("make", text(format!("/dev/shm/refit-test-{pid}"))),
            ("append", self.at("appended")),
            ("truncate", self.at("truncated")),
            ("remove", self.at("removed")),
            ("make-folder", self.at("folder")),
            ("remove-folder", self.at("inside")),
            ("rename", self.at("moved")),
            ("link", self.at("linked")),
            ("symlink", self.at("symlink")),
            ("listen-there", self.at("socket")),
            ("fifo", self.at("fifo")),
            ("spawn", "/bin/true".into()),
            ("fork-and-exec", "/bin/true".into()),
            ("exec-in-a-fork", PathBuf::new()),
            ("exec-of-own-program", PathBuf::new()),
            ("execveat", PathBuf::new()),
            ("exec-from-memory", "/bin/true".into()),
            ("posix-spawn", PathBuf::new()),
            ("signal", text(pid.to_string())),
            ("continue", text(pid.to_string())),
            ("trace", text(pid.to_string())),
            ("bound", text(pid.to_string())),
            ("place-on-processors", text(pid.to_string())),
            ("give-a-turn", text(pid.to_string())),
            ("share-memory", PathBuf::new()),
            ("share-a-queue", PathBuf::new()),
            ("share-a-lock", PathBuf::new()),
            ("connect", text(port.to_string())),
            ("listen", text(self.free.to_string())),
            ("udp", "127.0.0.1:0".into()),
            ("connect-by-name", self.name.clone().into()),
            ("netlink", PathBuf::new()),
            ("read", data.join("../log")),
        ]
    }

    /// Acts of whoever may do more than this user may, as a rule, or that change the machine: their arguments are such that
    /// the kernel does nothing.
    fn acts_on_the_machine(&self) -> Vec<(&'static str, PathBuf)> {
        let pid = PathBuf::from(self.other.id().to_string());
        let of_process = ["read-its-memory", "write-its-memory", "take-its-file"];
        let of_kernel = [
            "mount",
            "unmount",
            "new-mount-api",
            "open-tree",
            "move-mount",
            "chroot",
            "pivot-root",
            "unshare",
            "enter-namespace",
            "clone-namespace",
            "clone3",
            "bpf",
            "perf",
            "io-uring",
            "keyctl",
            "add-key",
            "userfaultfd",
            "load-module",
            "load-kernel",
            "reboot",
            "set-clock",
            "set-host-name",
            "open-by-handle",
            "type-into-the-terminal",
            "other-numbers",
            "raw",
            "packets",
            "ciphers",
        ];
        let of_process = of_process.map(|act| (act, pid.clone()));
        let of_kernel = of_kernel.map(|act| (act, PathBuf::new()));
        of_process.into_iter().chain(of_kernel).collect()
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.other.kill();
        let _ = self.other.wait();
    }
}

fn data(folder: &Folder) -> PathBuf {
    folder.path().join("refit-data")
}

#[test]
fn an_engine_reaches_nothing_outside_of_its_room_and_all_of_it_without_one() {
    let (folder, outside) = (Folder::new(), Outside::new());
    let node = Node::start(&folder, "require");
    node.says("sandbox: files, TCP ports, signals, system calls\n");
    let tried = outside.acts(&data(&folder));
    let on_the_machine = outside.acts_on_the_machine();
    assert!(tried.len() + on_the_machine.len() >= 30);
    for (act, on) in tried.iter().chain(&on_the_machine) {
        let error = node.tries(act, on);
        let is_refused = [EPERM, EACCES, ENOSYS].contains(&error);
        assert!(is_refused, "{act} {}: {error}", on.display());
    }
    assert_eq!(node.tries("device", data(&folder).join("device")), EACCES);
    let left = |name: &str| outside.at(name).exists();
    assert!(left("moved") && left("removed") && left("inside"));
    assert_eq!(read_to_string(outside.at("truncated")).unwrap(), "kept");
    assert!(["made", "folder", "symlink", "socket", "fifo"].map(left) == [false; 5]);
    drop(node);

    // The same, by the same user, who trusts the code.
    let node = Node::start(&folder, "off");
    node.says("sandbox: off");
    for (act, on) in tried {
        assert_eq!(node.tries(act, &on), 0, "{act} {}", on.display());
    }
    assert_eq!(node.tries("io-uring", ""), 14, "the kernel looked at it");
    assert_eq!(node.tries("clone3", ""), 22, "the kernel looked at it");
}

/// The page of the holes.
fn page() -> String {
    read_to_string(repository().join("runtime/SANDBOX.md")).unwrap()
}

#[test]
fn what_the_page_says_a_sandbox_is_not_it_is_not() {
    let folder = Folder::new();
    let outside = Outside::new();
    let start = || Node::start(&folder, "require");
    let node = start();
    let secret: String = TOKEN.chars().rev().collect();
    let data = data(&folder);
    std::fs::write(data.join("of-the-node"), "by the node").unwrap();
    let holes = [
        ("hole-memory", PathBuf::from(secret)),
        (
            "hole-descriptor",
            folder.path().join("log").canonicalize().unwrap(),
        ),
        ("hole-new-code", PathBuf::new()),
        ("hole-node-code", PathBuf::new()),
        ("hole-data-folder", data.join("of-the-node")),
        ("hole-attributes", outside.at("key")),
        ("hole-existence", "/etc/passwd".into()),
    ];
    for (hole, on) in &holes {
        assert_eq!(node.tries(hole, on), 0, "{hole}");
    }
    assert!(node.log().contains("by the node's descriptor"));
    assert_eq!(
        read_to_string(data.join("of-the-node")).unwrap(),
        "not by the node"
    );
    // Both end the node; the helper ends with it, and the next start is as any other.
    assert_eq!(node.ends_by("hole-own-program").code(), Some(0));
    assert_eq!(start().ends_by("hole-end").code(), Some(77));

    let mut shown: BTreeSet<String> = holes.iter().map(|(hole, _)| (*hole).to_owned()).collect();
    shown.extend(["hole-own-program", "hole-end"].map(str::to_owned));
    let page = page();
    let named = page.lines().filter_map(|line| line.split_once("(`hole-"));
    let named = named.filter_map(|(_, rest)| rest.split_once("`)"));
    let named: BTreeSet<String> = named.map(|(name, _)| format!("hole-{name}")).collect();
    assert_eq!(named, shown, "the page lists what is tested, and no more");
}

#[test]
fn the_helper_ends_with_its_node_however_that_ends() {
    let folder = Folder::new();
    let node = Node::start(&folder, "on");
    let helper = helper_of(node.child.id()).expect("it has a helper");
    kill_process(Pid::from_child(&node.child), Signal::KILL).unwrap();
    let deadline = Instant::now() + SOON;
    while Path::new(&format!("/proc/{helper}")).exists() && !is_zombie(helper) {
        assert!(Instant::now() < deadline, "the helper stays");
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(node);
}

/// `refit run`, which may have so many files open at once.
fn bounded(folder: &Folder, files: u32) -> Command {
    let v1 = repository().join("engines/kv/history/v1");
    let engine = format!("kv={}", build(folder, v1.to_str().unwrap()));
    let refit = folder.command(&["run", "--sandbox=on", "--engine", &engine]);
    let mut bounded = Command::new("/bin/sh");
    bounded
        .arg("-c")
        .arg(format!("ulimit -n {files}; exec \"$0\" \"$@\""));
    bounded.arg(refit.get_program()).args(refit.get_args());
    bounded.current_dir(folder.path());
    bounded
}

/// Folders, each in the one before.
fn nest(place: &Path, depth: u32) {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = openat(CWD, place, flags, Mode::empty()).unwrap();
    for _ in 0..depth {
        mkdirat(&at, "n", Mode::RWXU).unwrap();
        at = openat(&at, "n", flags, Mode::empty()).unwrap();
    }
}

#[test]
fn what_an_import_has_left_and_cannot_be_removed_keeps_no_node_from_starting() {
    let folder = Folder::new();
    let part = data(&folder).join("releases/0.part");
    std::fs::create_dir_all(&part).unwrap();
    // Deeper than files may be open at once.
    nest(&part, 900);
    let log = File::create(folder.path().join("log")).unwrap();
    let mut node = bounded(&folder, 800)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + SOON;
    let log = || read_to_string(folder.path().join("log")).unwrap();
    while folder.run(&["status"]).exit != 0 {
        assert!(
            Instant::now() < deadline && node.try_wait().unwrap().is_none(),
            "{}",
            log()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(
        log().contains("what an import has left cannot be removed"),
        "{}",
        log()
    );
    // By a process that may have as many files open as that takes.
    let removed = Command::new("/bin/rm").arg("-rf").arg(&part).status();
    assert!(removed.unwrap().success());
    kill_process(Pid::from_child(&node), Signal::TERM).unwrap();
    assert!(node.wait().unwrap().success());
}

#[test]
fn a_node_that_may_open_too_few_files_for_its_helper_says_how_many_it_needs() {
    let folder = Folder::new();
    let ran = Ran::of(bounded(&folder, 500).output().unwrap());
    assert_ne!(ran.exit, 0, "{ran:?}");
    for told in [
        "sandbox-no-helper",
        "500 files may be open at once, and it needs 752",
    ] {
        assert!(ran.stderr.contains(told), "{ran:?}");
    }
}

#[test]
fn a_node_whose_helper_has_ended_serves_on_and_says_so() {
    let folder = Folder::new();
    let node = Node::start(&folder, "on");
    let helper = helper_of(node.child.id()).expect("it has a helper");
    let helper = Pid::from_raw(i32::try_from(helper).unwrap()).unwrap();
    // A supervisor that ends all processes of a service does not end it before the node.
    kill_process(helper, Signal::TERM).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert!(helper_of(node.child.id()).is_some());
    kill_process(helper, Signal::KILL).unwrap();
    node.says("the process that starts probes, rehearsals and trials has ended");
    assert_eq!(node.tries("hole-existence", "/"), 0);
}

/// The number of the process that a node has started, if it lives.
pub(crate) fn helper_of(node: u32) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").unwrap();
    let names = processes.map(|entry| entry.unwrap().file_name());
    let mut numbers = names.filter_map(|name| name.to_str()?.parse().ok());
    numbers.find(|number| {
        let stat = read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        let rest = stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned());
        let parent = rest.and_then(|rest| rest.split(' ').nth(1).map(str::to_owned));
        parent == Some(node.to_string()) && !is_zombie(*number)
    })
}

pub(crate) fn is_zombie(process: u32) -> bool {
    let stat = read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with('Z'))
}

on_and_off!(a_plan_brings_what_was_handed_over_by_any_way_whatever_becomes_of_the_file);

fn a_plan_brings_what_was_handed_over_by_any_way_whatever_becomes_of_the_file(sandbox: &str) {
    let folder = Folder::new();
    let v1 = repository().join("engines/kv/history/v1");
    let v1 = build(&folder, v1.to_str().unwrap());
    let v2 = build(&folder, &version_2("kv-handed-over", |state| state));
    folder.write("token", TOKEN);
    let token = folder.path().join("token");
    std::fs::set_permissions(&token, Permissions::from_mode(0o600)).unwrap();
    let flags = [sandbox, "--tcp", "127.0.0.1:0", "--token-file", "token"];
    let node = Running::start_with(&folder, &v1, &flags);
    let status = folder.run(&["status", "--json"]).stdout;
    let status: refit_admin::api::Status = serde_json::from_str(&status).unwrap();
    let mut addresses = status.node.addresses.iter();
    let tcp = addresses.find(|it| it.starts_with("http://")).unwrap();

    std::fs::copy(v2, folder.path().join("new.so")).unwrap();
    let plan = [
        "upgrade",
        "plan",
        "kv=new.so",
        "--node",
        tcp,
        "--token-file",
        "token",
    ];
    let planned = folder.run(&plan);
    assert_eq!(planned.exit, 0, "{planned:?}");
    std::fs::remove_file(folder.path().join("new.so")).unwrap();
    let applied = folder.run(&["upgrade", "apply", "plan.json"]);
    assert_eq!(applied.exit, 0, "{applied:?}");
    assert_eq!(node.stop(), Some(0));
    // What waits for a plan goes with the node.
    let node = Running::start_with(&folder, &v1, &["--code=live", sandbox]);
    assert!(!data(&folder).join("offered").exists());
    assert_eq!(node.stop(), Some(0));
}
