//! Becomes an ordinary user without capabilities, which no program that is started can get back.

use super::{Unable, at};
use crate::error::Step;
use crate::order::User;
use rustix::io::Errno;
use rustix::process::{Gid, Uid, getuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, set_capabilities,
    set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

/// Root becomes `user`; everybody else stays who they are.
pub(crate) fn become_ordinary(user: User) -> Result<(), Unable> {
    if getuid().is_root() {
        leave_root(user).map_err(at(Step::User))?;
    }
    drop_capabilities().map_err(at(Step::User))
}

fn leave_root(user: User) -> Result<(), Errno> {
    if user.uid == 0 || user.gid == 0 {
        // The system's limit on processes does not hold for root.
        return Err(Errno::PERM);
    }
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    set_thread_groups(&[])?;
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)
}

fn drop_capabilities() -> Result<(), Errno> {
    set_no_new_privs(true)?;
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )
}
