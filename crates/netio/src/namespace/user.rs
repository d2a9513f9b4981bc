//! User namespaces: how an ordinary user comes to network namespaces.

use std::process::Command;

use super::NamespaceError;
use crate::capability::{self, Capability};
use crate::sys::{self, ChildSetup, IdMaps};

/// Whether the process can create and configure network namespaces as it is.
#[must_use]
pub fn is_permitted() -> bool {
    [Capability::SysAdmin, Capability::NetAdmin, Capability::NetRaw]
        .into_iter()
        .all(|needed| capability::has(needed).unwrap_or(false))
}

/// Gives the process all capabilities in a new user namespace, with a new network namespace, so that
/// [`is_permitted`] holds for it and for the programs that it starts. It stays the user that it is: programs
/// that give up being root when they are started by root could not do so there.
///
/// Call it before other threads exist: the kernel refuses it to a process with threads.
///
/// # Errors
/// [`NamespaceError::NotPermitted`] where user namespaces are switched off, used up or restricted.
pub fn enter_user_namespace() -> Result<(), NamespaceError> {
    sys::enter_user_namespace(&id_maps()).map_err(NamespaceError::creating("enter a user namespace"))
}

/// Has `command` start its program in a new user namespace, as [`enter_user_namespace`] does for the process
/// itself. It works from a process with threads. The child is killed when the thread that starts it ends.
///
/// # Errors
/// As [`enter_user_namespace`], and [`NamespaceError::System`] when the program cannot be started.
pub fn run_in_user_namespace(command: &mut Command) -> Result<std::process::Child, NamespaceError> {
    sys::set_up_child(command, ChildSetup::NewUser(id_maps()));
    command
        .spawn()
        .map_err(NamespaceError::creating("enter a user namespace"))
}

/// The one mapping that an unprivileged process may make is that of itself.
fn id_maps() -> IdMaps {
    let (user, group) = sys::effective_ids();
    let map = |id: u32| format!("{id} {id} 1\n").into_bytes();
    IdMaps {
        users: map(user),
        groups: map(group),
    }
}
