//! Leaves the machine's namespaces, as root or as an ordinary user.
//!
//! An ordinary user makes a namespace of users first, in which it is itself and has all capabilities; they reach the first
//! process of the room as ambient ones, because that is another program. Root needs no such namespace: it becomes an ordinary
//! user when the room is made. Mounts are left alone here: the watch needs the machine's `/proc`.

use crate::sys;
use rustix::io::Errno;
use rustix::process::{getgid, getuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, UnshareFlags, capabilities, configure_capability_in_ambient_set,
    set_capabilities,
};
use std::fs;
use std::io;

/// What the first process of the room needs to make it: to mount, and to count as the owner of what it mounts over.
const NEEDED: [CapabilitySet; 2] = [CapabilitySet::SYS_ADMIN, CapabilitySet::DAC_OVERRIDE];

/// The namespaces of the room but for those of users and mounts.
const OWN: UnshareFlags = UnshareFlags::NEWPID
    .union(UnshareFlags::NEWNET)
    .union(UnshareFlags::NEWIPC)
    .union(UnshareFlags::NEWUTS);

/// Leaves them. The next child of this process is the first one of the room.
pub(crate) fn leave() -> Result<(), Errno> {
    if getuid().is_root() {
        return sys::unshare(OWN);
    }
    let (uid, gid) = (getuid().as_raw(), getgid().as_raw());
    sys::unshare(OWN | UnshareFlags::NEWUSER)?;
    let write = |file: &str, text: String| {
        let written = fs::write(format!("/proc/self/{file}"), text);
        written.map_err(|error: io::Error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL))
    };
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("{uid} {uid} 1"))?;
    write("gid_map", format!("{gid} {gid} 1"))?;
    keep_capabilities()
}

/// Has the needed capabilities stay when the next program is started.
fn keep_capabilities() -> Result<(), Errno> {
    let now = capabilities(None)?;
    let inheritable = NEEDED.iter().copied().collect();
    set_capabilities(None, CapabilitySets { inheritable, ..now })?;
    let mut needed = NEEDED.into_iter();
    needed.try_for_each(|one| configure_capability_in_ambient_set(one, true))
}
