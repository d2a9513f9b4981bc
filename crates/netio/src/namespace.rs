//! Private network namespaces for the demo and for tests: each is a network stack of its own, like another
//! machine.
//!
//! ```text
//!   Namespace "n1"              Namespace "switch"              Namespace "client"
//!   eth0 ◀──── veth pair ────▶ p1 ─┐
//!                                  ├─ br0 (bridge)
//!                               p2 ─┘ ◀──── veth pair ────▶ eth0
//! ```
//!
//! A namespace has no name and no file: it is gone with its last process, socket and descriptor, also after
//! SIGKILL, and its interfaces with it.

mod address;
mod error;
mod interface;
mod user;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;

pub use address::Neighbour;
pub use error::NamespaceError;
pub use interface::{BridgeOptions, VethEnd};
pub use user::{enter_user_namespace, is_permitted, run_in_user_namespace};

use crate::netlink::Requests;
use crate::sys::{self, ChildSetup};

/// A network namespace that lives as long as this value, or a process or socket in it.
#[derive(Debug)]
pub struct Namespace {
    handle: OwnedFd,
    /// Opened inside, so that it configures this namespace from any thread.
    requests: Mutex<Requests>,
}

impl Namespace {
    /// Creates a namespace in which `lo` is up, addresses are usable at once (no duplicate address detection)
    /// and packets are not dropped for the interface that they come in by.
    ///
    /// # Errors
    /// [`NamespaceError::NotPermitted`] without the capability SYS_ADMIN, see [`enter_user_namespace`].
    pub fn new() -> Result<Self, NamespaceError> {
        let create = || {
            sys::unshare(libc::CLONE_NEWNET)?;
            Self::of_this_thread()
        };
        let this = on_new_thread(create)?.map_err(NamespaceError::creating("create a network namespace"))?;
        this.set_up("lo")?;
        for setting in ["ipv6/conf/all/accept_dad", "ipv6/conf/default/accept_dad"] {
            this.set_sysctl_if_present(setting, "0")?;
        }
        for setting in ["ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter"] {
            this.set_sysctl_if_present(setting, "0")?;
        }
        Ok(this)
    }

    /// The namespace of the calling thread, as it is.
    ///
    /// # Errors
    /// [`NamespaceError::System`].
    pub fn current() -> Result<Self, NamespaceError> {
        Self::of_this_thread().map_err(NamespaceError::of("refer to the present network namespace"))
    }

    fn of_this_thread() -> io::Result<Self> {
        let handle = File::open("/proc/thread-self/ns/net")?.into();
        Ok(Self {
            handle,
            requests: Mutex::new(Requests::open()?),
        })
    }

    /// Runs `work` on a thread inside the namespace and returns what it returns. Sockets that it opens stay
    /// in the namespace wherever they are used.
    ///
    /// # Errors
    /// [`NamespaceError`] when the namespace cannot be entered.
    ///
    /// # Panics
    /// With the panic of `work`.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, NamespaceError> {
        on_new_thread(|| {
            sys::enter_network_namespace(self.handle.as_fd())
                .map_err(NamespaceError::of("enter a network namespace"))?;
            Ok(work())
        })?
    }

    /// Has `command` start its program inside the namespace. The kernel kills it when the *thread* that
    /// starts it ends: start it on one that lives long enough, so not within [`Namespace::run`].
    ///
    /// # Errors
    /// [`NamespaceError::System`] when no descriptor is left.
    pub fn prepare(&self, command: &mut Command) -> Result<(), NamespaceError> {
        let handle = self
            .handle
            .try_clone()
            .map_err(NamespaceError::of("refer to a network namespace"))?;
        sys::set_up_child(command, ChildSetup::Enter(handle));
        Ok(())
    }

    /// Starts `command` inside the namespace, see [`Namespace::prepare`].
    ///
    /// # Errors
    /// [`NamespaceError::System`] when the program cannot be started.
    pub fn spawn(&self, command: &mut Command) -> Result<Child, NamespaceError> {
        self.prepare(command)?;
        let program = command.get_program().to_string_lossy().into_owned();
        command.spawn().map_err(NamespaceError::of(format!(
            "start `{program}` in a network namespace"
        )))
    }

    /// Sets `/proc/sys/net/NAME` inside the namespace; `name` is like `ipv4/conf/eth0/arp_ignore`.
    ///
    /// # Errors
    /// [`NamespaceError::System`] with the kernel's reason.
    pub fn set_sysctl(&self, name: &str, value: &str) -> Result<(), NamespaceError> {
        let path = PathBuf::from("/proc/sys/net").join(name);
        self.run(|| std::fs::write(path, value))?
            .map_err(NamespaceError::of(format!("set `net/{name}` to `{value}`")))
    }

    /// As [`Namespace::set_sysctl`], but a kernel without the setting (IPv6 switched off) is fine.
    fn set_sysctl_if_present(&self, name: &str, value: &str) -> Result<(), NamespaceError> {
        match self.set_sysctl(name, value) {
            Err(NamespaceError::System { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        }
    }

    /// Carries out a request that creates something; it fails if that is there already.
    fn create(&self, message: RouteNetlinkMessage, action: String) -> Result<(), NamespaceError> {
        self.execute(message, NLM_F_CREATE | NLM_F_EXCL, action)
    }

    /// Carries out a request.
    fn execute(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
        action: String,
    ) -> Result<(), NamespaceError> {
        let outcome: io::Result<()> = self.requests().execute(message, flags);
        outcome.map_err(NamespaceError::of(action))
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        // A request that panicked leaves at most an unread answer, and answers are matched to their requests.
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

/// A thread that changes its namespace must not go on with other work, so it ends with `work`.
fn on_new_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, NamespaceError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("namespace".to_owned())
            .spawn_scoped(scope, work)
            .map_err(NamespaceError::of("start a thread"))?;
        thread.join().or_else(|panic| std::panic::resume_unwind(panic))
    })
}
