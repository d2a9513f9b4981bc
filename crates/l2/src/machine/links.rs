//! Interfaces that come, change, fail and go.

use core::time::Duration;

use ferrolb_types::{Instant, InterfaceIndex, IpFamily, MacAddr};

use super::Machine;
use crate::interface::Interface;
use crate::timer::Timer;
use crate::{Link, Output};

/// Pause before a failed socket is opened again.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

impl Machine {
    pub(super) fn change_link(&mut self, now: Instant, link: Link, out: &mut Vec<Output>) {
        let index = link.index;
        self.replace_own_mac(index, link.mac);
        self.interfaces
            .entry(index)
            .or_insert_with(|| Interface::new(unusable(&link)));
        self.change_interface(now, index, out, |interface| {
            interface.link = link;
            interface.clear_failures();
        });
    }

    pub(super) fn remove_link(&mut self, now: Instant, index: InterfaceIndex, out: &mut Vec<Output>) {
        self.replace_own_mac(index, None);
        self.change_interface(now, index, out, |interface| {
            interface.link = unusable(&interface.link);
        });
        if let Some(mut interface) = self.interfaces.remove(&index) {
            self.timers
                .disarm(&mut interface.reopen_due, Timer::Reopen(index));
            self.timers
                .disarm(&mut interface.filter_due, Timer::Filter(index));
            self.timers
                .disarm(&mut interface.refine_due, Timer::Refine(index));
            self.timers
                .disarm(&mut interface.report_due, Timer::Report(index));
        }
    }

    pub(super) fn fail_socket(
        &mut self,
        now: Instant,
        index: InterfaceIndex,
        family: IpFamily,
        out: &mut Vec<Output>,
    ) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        if interface.mac(family).is_some() {
            self.timers.arm(
                &mut interface.reopen_due,
                Timer::Reopen(index),
                now + REOPEN_AFTER,
            );
            self.change_interface(now, index, out, |interface| interface.set_failed(family));
        }
    }

    pub(super) fn reopen_sockets(&mut self, now: Instant, index: InterfaceIndex, out: &mut Vec<Output>) {
        self.change_interface(now, index, out, |interface| {
            interface.reopen_due = None;
            interface.clear_failures();
        });
    }

    /// Applies `change` to an interface and does what follows from the difference.
    fn change_interface(
        &mut self,
        now: Instant,
        index: InterfaceIndex,
        out: &mut Vec<Output>,
        change: impl FnOnce(&mut Interface),
    ) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        let macs = |interface: &Interface| [IpFamily::V4, IpFamily::V6].map(|f| (f, interface.mac(f)));
        let (name, ups, before) = (
            interface.link.name.clone(),
            interface.link.carrier_ups,
            macs(interface),
        );
        change(interface);
        let (renamed, after) = (interface.link.name != name, macs(interface));
        let is_back = interface.link.carrier_ups != ups;
        for ((family, before), (_, after)) in before.into_iter().zip(after) {
            match (before, after) {
                (None, None) => {}
                (None, Some(_)) => {
                    out.push(Output::OpenSocket {
                        interface: index,
                        family,
                    });
                    self.settle_interface(now, index, family, out);
                }
                (Some(_), None) => {
                    self.settle_interface(now, index, family, out);
                    if family == IpFamily::V6 {
                        self.stop_reporting(index);
                    }
                    out.push(Output::CloseSocket {
                        interface: index,
                        family,
                    });
                }
                (Some(old), Some(new)) => {
                    if renamed {
                        self.settle_interface(now, index, family, out);
                    }
                    if old != new || is_back {
                        self.announce_all(now, index, family);
                        self.report_all_groups(now, index);
                    }
                }
            }
        }
    }

    /// Notes that the interface has `mac` from now on.
    fn replace_own_mac(&mut self, index: InterfaceIndex, mac: Option<MacAddr>) {
        let old = self.interfaces.get(&index).and_then(|i| i.link.mac);
        if let Some(mac) = mac {
            *self.own_macs.entry(mac).or_insert(0) += 1;
        }
        if let Some(old) = old
            && let Some(count) = self.own_macs.get_mut(&old)
        {
            *count -= 1;
            if *count == 0 {
                self.own_macs.remove(&old);
            }
        }
    }
}

/// The link as one that cannot be used.
fn unusable(link: &Link) -> Link {
    Link {
        up: false,
        ..link.clone()
    }
}
