//! A build script that tries to leave its room, or to use more than it may; `ATTACK` says how. What it was told it reports as
//! warnings, which cargo shows.

use std::ffi::{c_char, c_int, c_long, c_ulong};
use std::fs::{self, File};
use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

unsafe extern "C" {
    fn fork() -> c_int;
    fn unshare(flags: c_int) -> c_int;
    fn kill(process: c_int, signal: c_int) -> c_int;
    fn getppid() -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
    fn chroot(path: *const c_char) -> c_int;
}

/// Numbers of calls on x86-64 and aarch64: `ptrace`, `mount`, `bpf`, `keyctl`, `prlimit64`, `process_vm_readv`, `setns`.
#[cfg(target_arch = "x86_64")]
const CALLS: [(&str, c_long); 7] = [
    ("ptrace", 101),
    ("mount", 165),
    ("bpf", 321),
    ("keyctl", 250),
    ("prlimit", 302),
    ("process_vm_readv", 310),
    ("setns", 308),
];
#[cfg(target_arch = "aarch64")]
const CALLS: [(&str, c_long); 7] = [
    ("ptrace", 117),
    ("mount", 40),
    ("bpf", 280),
    ("keyctl", 219),
    ("prlimit", 261),
    ("process_vm_readv", 270),
    ("setns", 268),
];

/// `io_uring_setup`, the same everywhere.
const IO_URING_SETUP: c_long = 425;

/// `CLONE_NEWUSER`, and the signal with which `clone` tells a parent.
const NEW_USERS: c_int = 0x1000_0000;
const SIGCHLD: c_int = 17;
#[cfg(target_arch = "x86_64")]
const CLONE: c_long = 56;
#[cfg(target_arch = "aarch64")]
const CLONE: c_long = 220;

/// Asks for the parent to be traced: `PTRACE_ATTACH`.
const ATTACH: c_long = 16;

/// Bytes that are taken or written at once.
const PIECE: usize = 1 << 20;

fn main() {
    println!("cargo:rerun-if-env-changed=ATTACK");
    let attack = std::env::var("ATTACK").unwrap_or_default();
    match attack.as_str() {
        "look" => look(),
        "fork-bomb" => fork_bomb(),
        "memory" => memory(),
        "children" => children(),
        "stderr" => loop {
            eprintln!("{}", "noise ".repeat(1_000));
        },
        "warnings" => loop {
            println!("cargo:warning={}", "noise ".repeat(1_000));
        },
        "fill-bytes" => fill(PIECE),
        "fill-files" => fill(0),
        "fill-one" => fill_one(),
        "spin" => loop {
            std::hint::spin_loop();
        },
        _ => {}
    }
}

fn report(name: &str, told: impl std::fmt::Display) {
    println!("cargo:warning=told {name}={told}");
}

/// Reports the error of what was tried; `0` if there was none.
fn tell<T>(name: &str, tried: std::io::Result<T>) {
    let error = tried.err().map(|error| error.raw_os_error().unwrap_or(-1));
    report(name, error.unwrap_or(0));
}

fn called(name: &str, result: c_long) {
    let failed = std::io::Error::last_os_error();
    match result {
        -1 => tell::<()>(name, Err(failed)),
        _ => tell(name, Ok(())),
    }
}

fn place(variable: &str) -> PathBuf {
    std::env::var_os(variable).map(PathBuf::from).unwrap_or_default()
}

/// Tries all that must be refused.
fn look() {
    tell("passwd", fs::read("/etc/passwd"));
    tell("home", fs::read_dir(place("A_HOME")));
    tell("key", fs::read(place("A_KEY")));
    tell("cut-key", File::options().write(true).truncate(true).open(place("A_KEY")));
    tell("tcp", TcpStream::connect("127.0.0.1:1"));
    tell("udp", UdpSocket::bind("127.0.0.1:0"));
    let out = place("OUT_DIR");
    tell("datagrams", UnixDatagram::pair());
    tell("unix", UnixListener::bind(out.join("socket")));
    let up = out.ancestors().nth(6).unwrap_or(Path::new("/")).to_owned();
    let toolchain = place("RUSTC").parent().map(Path::to_owned).unwrap_or_default();
    let toolchain = match toolchain.as_os_str().is_empty() {
        true => place("A_TOOLCHAIN"),
        false => toolchain,
    };
    let folders = [
        ("write-tmp", PathBuf::from("/tmp")),
        ("write-home", place("A_HOME")),
        ("write-up", up),
        ("write-shm", PathBuf::from("/dev/shm")),
        ("write-dev", PathBuf::from("/dev")),
        ("write-toolchain", toolchain),
        ("write-source", place("CARGO_MANIFEST_DIR")),
        ("write-usr", PathBuf::from("/usr/bin")),
        ("write-root", PathBuf::from("/")),
    ];
    for (name, folder) in folders {
        tell(name, File::create(folder.join("refit-evil")));
    }
    let source = place("CARGO_MANIFEST_DIR").join("src/lib.rs");
    tell("change-source", File::options().append(true).open(source));
    calls();
    processes();
}

fn calls() {
    // SAFETY: they are made with arguments that touch no memory of this process but a string that lives as long.
    unsafe {
        called("unshare", unshare(NEW_USERS).into());
        let parent = c_long::from(getppid());
        for (name, number) in CALLS {
            let first = match name {
                "ptrace" => ATTACH,
                "mount" | "bpf" | "keyctl" => 0,
                "setns" => -1,
                _ => parent,
            };
            called(name, syscall(number, first, parent, 0, 0, 0, 0));
        }
        called("io-uring", syscall(IO_URING_SETUP, 1, 0));
        called("chroot", chroot(c"/".as_ptr()).into());
        let child = syscall(CLONE, c_ulong::from((NEW_USERS | SIGCHLD).unsigned_abs()), 0, 0, 0, 0);
        if child == 0 {
            std::process::exit(0);
        }
        called("clone", child);
    }
}

/// Looks for processes of the machine, and signals one.
fn processes() {
    let listed = fs::read_dir("/proc").map(|entries| {
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| name.parse::<u32>().is_ok()).count()
    });
    match listed {
        Ok(count) => report("processes", count),
        Err(error) => report("processes", -error.raw_os_error().unwrap_or(1)),
    }
    let caller: c_int = std::env::var("A_PROCESS").ok().and_then(|id| id.parse().ok()).unwrap_or(0);
    // SAFETY: signal 0 is only asked for.
    called("signal", unsafe { kill(caller, 0) }.into());
    tell("memory-of-other", fs::read(format!("/proc/{caller}/environ")));
}

fn fork_bomb() {
    loop {
        // SAFETY: the child does nothing but sleep and do the same.
        let child = unsafe { fork() };
        if child < 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Takes memory until it gets no more.
fn memory() {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    let full = vec![1; PIECE];
    loop {
        let mut piece = Vec::new();
        if piece.try_reserve_exact(PIECE).is_err() {
            let pieces = taken.len();
            drop(taken);
            report("memory", pieces);
            return;
        }
        piece.extend_from_slice(&full);
        taken.push(piece);
    }
}

/// Takes memory in several processes, none of which takes too much.
fn children() {
    for _ in 0..8 {
        // SAFETY: the child takes memory and sleeps.
        if unsafe { fork() } == 0 {
            let taken = vec![1_u8; 64 * PIECE];
            std::thread::sleep(Duration::from_secs(60));
            std::hint::black_box(taken);
            std::process::exit(0);
        }
    }
    std::thread::sleep(Duration::from_secs(60));
}

/// Makes files of this length until it may make no more, then waits: at some levels it is the watch that ends it.
fn fill(bytes: usize) {
    let folder = place("OUT_DIR");
    let piece = vec![1; bytes];
    for number in 0.. {
        let file = folder.join(format!("file-{number}"));
        if let Err(error) = File::create(file).and_then(|mut file| file.write_all(&piece)) {
            report("filled", error.raw_os_error().unwrap_or(-1));
            return;
        }
        // Slow enough not to fill a disk if nobody looks.
        if number % 256 == 255 {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(number < 200_000, "nobody stops it");
    }
}

fn fill_one() {
    let piece = vec![1; PIECE];
    let file = File::create(place("OUT_DIR").join("one"));
    let mut file = file.expect("a file may be made in the target");
    for _ in 0..4_096 {
        file.write_all(&piece).expect("SIGXFSZ comes first");
    }
}
