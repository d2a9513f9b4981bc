//! Why a namespace is not to be had, or not as it should be.

use std::borrow::Cow;
use std::io;

/// Failure of an operation on a network namespace.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The process has neither the capabilities nor user namespaces.
    #[error(
        "private network namespaces need root or user namespaces, and this process has neither; run it as root, or \
         allow user namespaces: `sysctl -w user.max_user_namespaces=10000`, on Debian also \
         `kernel.unprivileged_userns_clone=1`, on Ubuntu also `kernel.apparmor_restrict_unprivileged_userns=0`"
    )]
    NotPermitted,
    /// There is no interface with this name.
    #[error("there is no interface `{0}` in the namespace")]
    NoSuchInterface(String),
    /// Any other failure of a system call.
    #[error("could not {action}: {source}")]
    System {
        /// What was tried, as a verb with its object.
        action: Cow<'static, str>,
        /// The kernel's answer.
        source: io::Error,
    },
}

impl NamespaceError {
    /// Turns the kernel's answer to `action` into an error.
    pub(super) fn of(action: impl Into<Cow<'static, str>>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System {
            action: action.into(),
            source,
        }
    }

    /// As [`NamespaceError::of`] for what makes namespaces: `EPERM` or `EACCES` are the answers for want of
    /// capabilities or by a security module, `ENOSPC` and `EUSERS` at the limit of their number, `ENOSYS`
    /// when they are not built in.
    pub(super) fn creating(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES | libc::ENOSPC | libc::EUSERS | libc::ENOSYS) => {
                Self::NotPermitted
            }
            _ => Self::System {
                action: action.into(),
                source,
            },
        }
    }
}
