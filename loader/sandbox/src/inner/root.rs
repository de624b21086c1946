//! The root of the room: a small file system in memory with the views, `/proc`, a few devices, and the target.
//!
//! ```text
//! /            in memory; nothing can be made in it
//! VIEWS        folders and files of the machine, unchangeable, where the order wants them
//! LINKS        as the order says
//! /dev/null …  four devices
//! /proc        the processes of the room
//! /seed        what the target starts with, unchangeable
//! TARGET       in memory, of a limited size and number of files
//! ```

use super::{Unable, at, errno};
use crate::error::Step;
use crate::order::{Target, View};
use crate::sys;
use crate::wire::Told;
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    mount_remount, unmount,
};
use rustix::process::{chdir, getgid, getuid, pivot_root};
use rustix::system::sethostname;
use rustix::thread::UnshareFlags;
use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder of the machine that is there everywhere: the new root is put over it for a moment.
const BASE: &str = "/tmp";

/// Where the machine's root is while the room is made.
const OLD: &str = "/old-root";

/// Where the seed is seen.
pub(crate) const SEED: &str = "/seed";

/// Where the processes of the room are seen.
pub(crate) const PROC: &str = "/proc";

/// The devices that are there.
pub(crate) const DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];

/// Room for the folders and links of the root.
const ROOT_OPTIONS: &str = "size=1m,nr_inodes=4096,mode=755";

/// The name of the machine, the same on all machines.
const HOST_NAME: &[u8] = b"room";

/// Makes the root and moves into it. Needs all capabilities over the namespaces of this process.
pub(crate) fn make(told: &Told) -> Result<(), Unable> {
    let part = |path: &Path| Step::Root {
        part: path.to_owned(),
    };
    stand_on_new_root().map_err(at(part(Path::new("/"))))?;
    let order = &told.order;
    let devices = DEVICES.map(View::same);
    for view in &devices {
        bind(view).map_err(at(part(&view.inside)))?;
    }
    let seed = order.seed.as_ref().map(|host| View {
        host: host.clone(),
        inside: SEED.into(),
    });
    for view in order.views.iter().chain(&seed) {
        let bound = bind(view).and_then(|()| sys::freeze(&view.inside));
        bound.map_err(at(part(&view.inside)))?;
    }
    for link in &order.links {
        let made = fs::create_dir_all(link.inside.parent().unwrap_or(Path::new("/")))
            .and_then(|()| std::os::unix::fs::symlink(&link.to, &link.inside));
        made.map_err(|error| at(part(&link.inside))(errno(&error)))?;
    }
    mount_proc().map_err(at(part(Path::new(PROC))))?;
    mount_target(told, &order.target).map_err(at(part(&order.target.inside)))?;
    seal().map_err(at(part(Path::new(OLD))))
}

/// Puts a new root in the place of the machine's, which is at [`OLD`] then.
fn stand_on_new_root() -> Result<(), Errno> {
    sys::unshare(UnshareFlags::NEWNS)?;
    sethostname(HOST_NAME)?;
    // Nothing that is mounted here shows outside.
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )?;
    let quiet = MountFlags::NOSUID | MountFlags::NODEV;
    mount(
        "room",
        BASE,
        "tmpfs",
        quiet,
        options(ROOT_OPTIONS)?.as_c_str(),
    )?;
    let old = Path::new(BASE).join(OLD.trim_start_matches('/'));
    fs::create_dir(&old).map_err(|error| errno(&error))?;
    pivot_root(BASE, &old)?;
    chdir("/")
}

/// Shows a file or folder of the machine.
fn bind(view: &View) -> Result<(), Errno> {
    let host = under(Path::new(OLD), &view.host);
    let about = fs::metadata(&host).map_err(|error| errno(&error))?;
    let made = match about.is_dir() {
        true => fs::create_dir_all(&view.inside),
        false => fs::create_dir_all(view.inside.parent().unwrap_or(Path::new("/")))
            .and_then(|()| fs::File::create(&view.inside).map(drop)),
    };
    made.map_err(|error| errno(&error))?;
    mount_bind_recursive(&host, &view.inside)
}

fn mount_proc() -> Result<(), Errno> {
    fs::create_dir_all(PROC).map_err(|error| errno(&error))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", PROC, "proc", flags, None)
}

fn mount_target(told: &Told, target: &Target) -> Result<(), Errno> {
    let (limits, user) = (told.order.limits, told.order.user);
    let (uid, gid) = match getuid().is_root() {
        true => (user.uid, user.gid),
        false => (getuid().as_raw(), getgid().as_raw()),
    };
    let (bytes, files) = (limits.target_bytes, limits.target_files);
    let text = format!("size={bytes},nr_inodes={files},mode=700,uid={uid},gid={gid}");
    fs::create_dir_all(&target.inside).map_err(|error| errno(&error))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    let options = options(&text)?;
    mount("target", &target.inside, "tmpfs", flags, options.as_c_str())
}

/// Leaves the machine's root behind, and has nothing made in the new one.
fn seal() -> Result<(), Errno> {
    unmount(OLD, UnmountFlags::DETACH)?;
    fs::remove_dir(OLD).map_err(|error| errno(&error))?;
    let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    mount_remount("/", flags, "")
}

fn options(text: &str) -> Result<CString, Errno> {
    CString::new(text).map_err(|_| Errno::INVAL)
}

/// An absolute path as it is seen from below another one.
fn under(top: &Path, path: &Path) -> PathBuf {
    top.join(path.strip_prefix("/").unwrap_or(path))
}
